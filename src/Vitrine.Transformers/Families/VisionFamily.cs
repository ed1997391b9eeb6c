using Vitrine.Checkpoints;
using Vitrine.Transformers.Engine;

namespace Vitrine.Transformers.Families;

/// <summary>The parts of an opened image model.</summary>
/// <param name="Tower">Of pictures.</param>
internal sealed record VisionParts(Tower Tower)
{
    /// <summary>On the pooled picture: classes, or the space that it shares with texts; null where there is none.</summary>
    public Linear? Head { get; init; }

    /// <summary>Names of the classes, where the head answers with one.</summary>
    public Labels? Labels { get; init; }

    /// <summary>What reads texts beside it.</summary>
    public TextSide? Text { get; init; }
}

/// <summary>One family of image models.</summary>
/// <param name="ModelType">The <c>model_type</c> of config.json.</param>
/// <param name="Read">From configuration to a loader of the tensors.</param>
/// <param name="IsUnused">Tensors that files of the family carry and nobody reads.</param>
internal sealed record VisionFamily(string ModelType, Func<ConfigReader, Func<WeightReader, VisionParts>> Read, Func<string, bool> IsUnused)
{
    /// <summary>timm's files, which have an architecture in place of a model_type.</summary>
    public static VisionFamily Timm { get; } = new("timm", TimmVisionTransformer.ReadAlone, _ => false);

    /// <summary>Every family of this version that is named by a model_type.</summary>
    public static IReadOnlyList<VisionFamily> All { get; } =
    [
        new("clip", Clip.Read, Clip.IsUnused),
        new("clip_vision_model", Clip.Read, Clip.IsUnused),
        new("dinov2", json => DinoV2.Read(json, withRegisters: false), DinoV2.IsUnused),
        new("dinov2_with_registers", json => DinoV2.Read(json, withRegisters: true), DinoV2.IsUnused),
        new("siglip", SigLip.ReadAlone, SigLip.IsUnused),
        new("siglip_vision_model", SigLip.ReadAlone, SigLip.IsUnused),
        new("vit", Vit.Read, _ => false),
    ];

    /// <summary>The one that a configuration names.</summary>
    /// <exception cref="VitrineException">None has its name; the nearest is named.</exception>
    public static VisionFamily Of(ConfigReader config)
    {
        var family = ModelCatalog.TextAndImage.FamilyOf(config, ModelKind.Image);
        return All.Append(Timm).First(f => f.ModelType == family.Name);
    }

    /// <summary>As the catalogue knows them; names that are read alike stand together.</summary>
    public static IReadOnlyList<ModelFamily> Described { get; } =
    [
        .. All.Append(Timm).GroupBy(f => f.Read)
        .Select(same => new ModelFamily(same.First().ModelType, ModelKind.Image, (source, options) => VisionModel.Load(same.First(), source, options))
        {
            Alike = [.. same.Skip(1).Select(f => f.ModelType)],
        }),
    ];
}
