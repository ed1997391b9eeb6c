using Vitrine.Inputs.Pictures;
using Vitrine.Policies.OpenVla;
using Vitrine.Transformers;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Families;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Pictures;

/// <summary>Where a tower comes from: an encoder of its own, or one of a policy's two.</summary>
internal static class PictureSource
{
    public static bool IsPolicy(string folder) => ConfigReader.Open(Path.Combine(folder, "config.json")).Text("model_type", "") == "openvla";

    public static PictureModel OfPolicy(string name, string folder, string? tower)
    {
        var policy = OpenVlaPolicy.Open(folder);
        try
        {
            var index = tower is null ? 0 : policy.Towers.Select(t => t.Stack.Shape.Name).ToList().IndexOf(tower);
            var vision = index >= 0 ? policy.Towers[index] : throw Unknown(name, tower!, policy.Towers.Select(t => t.Stack.Shape.Name));
            return new PictureModel($"{name} {vision.Stack.Shape.Name}", vision, (pixels, plan) => Run(vision, pixels, plan), picture => Prepare(policy.Recipe, picture, index), null, policy);
        }
        catch
        {
            policy.Dispose();
            throw;
        }
    }

    public static PictureModel OfEncoder(string name, string folder, string? tower)
    {
        var model = VisionModel.Open(folder);
        if (tower is not null && tower != model.Vision.Stack.Shape.Name)
        {
            model.Dispose();
            throw Unknown(name, tower, [model.Vision.Stack.Shape.Name]);
        }

        return new PictureModel(name, model.Vision, model.Run, picture => throw new VitrineException(name), null, model);
    }

    /// <remarks>A policy's tower stops at the block whose features it hands on.</remarks>
    private static Run Run(VisionStack vision, Tensor pixels, RunPlan plan)
    {
        var bound = BoundPlan.Bind(plan, [vision.Stack.Shape], vision.Stack.Dtype);
        using var mode = bound.NeedsGradients ? enable_grad() : no_grad();
        using var scope = NewDisposeScope();
        var kept = new Dictionary<Address, Tensor>();
        var (features, _) = vision.Forward(pixels, bound, kept);
        return new Run(kept, features.DetachFromDisposeScope());
    }

    private static PictureInput Prepare(TwoTowerRecipe recipe, Picture picture, int tower)
    {
        var (plane, values) = (3 * recipe.Height * recipe.Width, recipe.Apply(picture));
        return new PictureInput(
            Resampling.Bicubic(picture, recipe.Width, recipe.Height, recipe.Order), tensor(values.AsSpan(tower * plane, plane).ToArray(), [1, 3, recipe.Height, recipe.Width]), recipe.Steps);
    }

    private static VitrineException Unknown(string name, string tower, IEnumerable<string> known) => new($"{name}: there is no tower '{tower}'; known are {string.Join(", ", known)}.");
}
