using System.Text.Json;
using Vitrine.Checkpoints;
using Vitrine.Inputs.Pictures;

namespace Vitrine.Transformers;

/// <summary>How a model's files want their pictures.</summary>
internal static class PictureRecipes
{
    private const int LargestSide = 16384;

    /// <summary>The recipe of preprocessor_config.json; timm writes its own into config.json.</summary>
    /// <exception cref="VitrineException">The files do not say it.</exception>
    public static PictureRecipe Open(ModelSource source)
    {
        var (folder, config) = (source.Location.Folder, source.Config);
        if (!config.Has("pretrained_cfg") || File.Exists(Path.Combine(folder, "preprocessor_config.json")))
        {
            return PictureRecipe.Open(folder);
        }

        var json = config.Object("pretrained_cfg");
        int[] size = [.. Numbers(json, "input_size").Select(v => (int)v)];
        var filter = json.Text("interpolation", "bicubic") switch
        {
            "bicubic" => ResampleFilter.Bicubic,
            "bilinear" => ResampleFilter.Bilinear,
            var other => throw new VitrineException($"{json.Source}: interpolation is '{other}'; known are bicubic, bilinear."),
        };
        var crop = json.Number("crop_pct", 1);
        if (size is not [3, > 0 and <= LargestSide, > 0 and <= LargestSide] || size[1] != size[2] || crop is not (> 0 and <= 1))
        {
            throw new VitrineException(
                $"{json.Source}: input_size is [{string.Join(", ", size)}] with crop_pct {crop}; expected [3, side, side] and a share up to 1.");
        }

        IPictureStep[] steps =
        [
            new ResizeShortestEdge((int)Math.Floor(size[1] / crop), filter), new CentreCrop(size[2], size[1]), new Normalise(
                [.. Numbers(json, "mean")], [.. Numbers(json, "std")]),
        ];
        return new PictureRecipe(steps, 3, size[1], size[2]);
    }

    private static float[] Numbers(ConfigReader json, string key)
        => json.Find(key) is { ValueKind: JsonValueKind.Array } array && array.GetArrayLength() == 3
            && array.EnumerateArray().All(v => v.ValueKind == JsonValueKind.Number)
            ? [.. array.EnumerateArray().Select(v => v.GetSingle())]
            : throw new VitrineException($"{json.Source}: {key} is missing or no list of three numbers.");
}
