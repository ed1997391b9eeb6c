using Vitrine.Transformers;

namespace Vitrine.Policies;

/// <summary>Opens whatever sees pictures: an image encoder, the tower of a model of pictures and texts, or one tower of a policy.</summary>
public static class ImageEncoder
{
    /// <summary>Opens an image encoder, or a larger model for the sake of one of its towers.</summary>
    /// <param name="name">As <see cref="ModelCatalog.Open(string, ModelOptions?)"/> takes it.</param>
    /// <param name="tower">Which tower of a larger model; the first when null.</param>
    /// <param name="options">How.</param>
    /// <exception cref="VitrineException">There is no such model or tower, or it sees no pictures.</exception>
    public static VisionModel Open(string name, string? tower = null, ModelOptions? options = null)
    {
        var model = Policy.Catalog.Open(name, options);
        try
        {
            return model switch
            {
                Policy policy => policy.See(tower, owns: true),
                TextModel { Sees: true } both when tower is null || tower == both.Towers[0].Shape.Name => both.See(owns: true),
                TextModel { Sees: true } both => throw new VitrineException($"{name}: there is no tower '{tower}'; known are {both.Towers[0].Shape.Name}."),
                VisionModel encoder when tower is null || tower == encoder.Tower.Shape.Name => encoder,
                VisionModel encoder => throw new VitrineException($"{name}: there is no tower '{tower}'; known are {encoder.Tower.Shape.Name}."),
                _ => throw new VitrineException(
                    $"{name}: is a {model.Family} model, which sees no pictures; expected an image encoder, a model of pictures and texts, or a policy."),
            };
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }
}
