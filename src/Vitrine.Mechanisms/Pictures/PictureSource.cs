using System.Text.Json;
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
    private const int LargestSide = 16384;

    public static bool IsPolicy(string folder) => ConfigReader.Open(Path.Combine(folder, "config.json")).Text("model_type", "") == "openvla";

    public static PictureModel OfPolicy(string name, string folder, string? tower)
    {
        var policy = OpenVlaPolicy.Open(folder);
        try
        {
            var index = tower is null ? 0 : policy.Towers.Select(t => t.Stack.Shape.Name).ToList().IndexOf(tower);
            var vision = index >= 0 ? policy.Towers[index] : throw Unknown(name, tower!, policy.Towers.Select(t => t.Stack.Shape.Name));
            var recipe = Of(policy.Recipe, index);
            return new PictureModel($"{name} {vision.Stack.Shape.Name}", policy.Fingerprint, vision, (pixels, plan) => Run(vision, pixels, plan), picture => Prepare(recipe, picture), null, policy);
        }
        catch
        {
            policy.Dispose();
            throw;
        }
    }

    public static PictureModel OfEncoder(string name, string folder, string? tower)
    {
        var recipe = RecipeOf(folder);
        var model = VisionModel.Open(folder);
        if (tower is not null && tower != model.Vision.Stack.Shape.Name)
        {
            model.Dispose();
            throw Unknown(name, tower, [model.Vision.Stack.Shape.Name]);
        }

        return new PictureModel(name, model.Fingerprint, model.Vision, model.Run, picture => Prepare(recipe, picture), model.Labels, model);
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

    /// <summary>The recipe of a folder; timm writes its own into config.json.</summary>
    public static PictureRecipe RecipeOf(string folder)
    {
        var config = ConfigReader.Open(Path.Combine(folder, "config.json"));
        if (!config.Has("pretrained_cfg") || File.Exists(Path.Combine(folder, "preprocessor_config.json")))
        {
            return PictureRecipe.Open(folder);
        }

        var json = config.Object("pretrained_cfg");
        int[] size = [.. Array(json, "input_size").Select(v => (int)v)];
        var filter = json.Text("interpolation", "bicubic") switch
        {
            "bicubic" => ResampleFilter.Bicubic,
            "bilinear" => ResampleFilter.Bilinear,
            var other => throw new VitrineException($"{json.Source}: interpolation is '{other}'; known are bicubic, bilinear."),
        };
        return size is [3, > 0 and <= LargestSide, > 0 and <= LargestSide] && size[1] == size[2] && json.Number("crop_pct", 1) is > 0 and <= 1 and var crop
            ? new PictureRecipe([new ResizeShortestEdge((int)Math.Floor(size[1] / crop), filter), new CentreCrop(size[2], size[1]), new Normalise([.. Array(json, "mean")], [.. Array(json, "std")])], 3, size[1], size[2])
            : throw new VitrineException($"{json.Source}: input_size is [{string.Join(", ", size)}] with crop_pct {json.Number("crop_pct", 1)}; expected [3, side, side] and a share up to 1.");
    }

    private static float[] Array(ConfigReader json, string key)
        => json.Find(key) is { ValueKind: JsonValueKind.Array } array && array.GetArrayLength() == 3 && array.EnumerateArray().All(v => v.ValueKind == JsonValueKind.Number)
            ? [.. array.EnumerateArray().Select(v => v.GetSingle())]
            : throw new VitrineException($"{json.Source}: {key} is missing or no list of three numbers.");

    /// <summary>The recipe of one tower out of that of a pair.</summary>
    private static PictureRecipe Of(PictureRecipe recipe, int tower) => recipe.Sequence.Count > 0 && recipe.Sequence[^1] is Towers towers
        ? new PictureRecipe([.. recipe.Sequence.SkipLast(1), .. towers.Recipes[tower]], 3, recipe.Height, recipe.Width) { Engine = recipe.Engine }
        : recipe;

    private static PictureInput Prepare(PictureRecipe recipe, Picture picture)
    {
        var prepared = recipe.Prepare(picture);
        return prepared.Pixels is [{ Channels: 3 } pixels]
            ? new PictureInput(prepared.Frames[0], tensor(pixels.Values, [1, 3, pixels.Height, pixels.Width]), recipe.Steps)
            : throw new VitrineException($"picture recipe: {prepared.Pixels.Count} frames came of one picture; an image tower takes one of three channels.");
    }

    private static VitrineException Unknown(string name, string tower, IEnumerable<string> known) => new($"{name}: there is no tower '{tower}'; known are {string.Join(", ", known)}.");
}
