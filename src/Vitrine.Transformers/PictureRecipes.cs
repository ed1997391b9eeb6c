using System.Text.Json;
using Vitrine.Checkpoints;
using Vitrine.Inputs.Pictures;

namespace Vitrine.Transformers;

/// <summary>How a model's files want their pictures.</summary>
internal static class PictureRecipes
{
    private const int LargestSide = 16384;

    /// <summary>Of timm (data/constants.py), where the file does not say it.</summary>
    private const double DefaultCrop = 0.875;

    /// <summary>Keys of a pretrained_cfg that change no pixel: where the weights came from, what a head would be, sizes for other uses.</summary>
    internal static readonly string[] Inert =
    [
        "tag", "custom_load", "num_classes", "pool_size", "first_conv", "classifier", "license", "url", "file", "state_dict", "hf_hub_id", "hf_hub_filename",
        "source", "architecture", "paper_name", "paper_ids", "notes", "description", "origin_url", "fixed_input_size", "min_input_size", "test_input_size",
        "test_crop_pct", "label_names", "label_descriptions", "vendored",
    ];

    /// <summary>The recipe of preprocessor_config.json; timm writes its own into config.json.</summary>
    /// <exception cref="VitrineException">The files do not say it.</exception>
    public static PictureRecipe Open(ModelSource source)
    {
        var (folder, config) = (source.Location.Folder, source.Config);
        if (!config.Has("pretrained_cfg") && config.Has("architecture") && !File.Exists(Path.Combine(folder, "preprocessor_config.json")))
        {
            throw new VitrineException($"{config.Source}: has no 'pretrained_cfg', and there is no preprocessor_config.json; pictures cannot be prepared.");
        }

        if (!config.Has("pretrained_cfg") || File.Exists(Path.Combine(folder, "preprocessor_config.json")))
        {
            return PictureRecipe.Open(folder);
        }

        var json = new ConfigReader(config.Object("pretrained_cfg").Root, $"{config.Source}: pretrained_cfg"); // whose nulls are missing keys
        var size = json.Sizes("input_size") ?? throw new VitrineException($"{json.Source}: the key 'input_size' is missing.");
        var filter = json.Text("interpolation", "bicubic") switch
        {
            "bicubic" => ResampleFilter.Bicubic,
            "bilinear" => ResampleFilter.Bilinear,
            var other => throw new VitrineException($"{json.Source}: interpolation is '{other}'; known are bicubic, bilinear."),
        };
        json.MustBe("crop_mode", "center");
        var crop = json.Number("crop_pct", DefaultCrop);
        if (size is not [3, > 0 and <= LargestSide, > 0 and <= LargestSide] || size[1] != size[2] || crop is not (> 0 and <= 1))
        {
            throw new VitrineException(
                $"{json.Source}: input_size is [{string.Join(", ", size)}] with crop_pct {crop}; expected [3, side, side] and a share up to 1.");
        }

        var (mean, deviation) = (Numbers(json, "mean"), Numbers(json, "std"));
        json.RefuseOthers(Inert);
        IPictureStep[] steps =
        [
            new ResizeShortestEdge((int)Math.Floor(size[1] / crop), filter), new CentreCrop(size[2], size[1]), new Normalise(mean, deviation),
        ];
        return new PictureRecipe(steps, 3, size[1], size[2]);
    }

    private static float[] Numbers(ConfigReader json, string key)
        => json.Find(key) is { ValueKind: JsonValueKind.Array } array && array.GetArrayLength() == 3
            && array.EnumerateArray().All(v => v.ValueKind == JsonValueKind.Number)
            ? [.. array.EnumerateArray().Select(v => v.GetSingle())]
            : throw new VitrineException($"{json.Source}: {key} is missing or no list of three numbers.");
}
