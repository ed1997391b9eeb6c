using System.Text.Json;

namespace Vitrine.Inputs.Pictures;

/// <summary>What a class of processors does where its file is silent.</summary>
/// <param name="Filter">Filter of the resize.</param>
/// <param name="Mean">Of the channels.</param>
/// <param name="Deviation">Of the channels.</param>
/// <param name="ShortestEdge">Whether a lone number as size means the shorter side, not a square.</param>
/// <param name="Crop">Whether the middle is cropped.</param>
internal sealed record PlainDefaults(ResampleFilter Filter, IReadOnlyList<float> Mean, IReadOnlyList<float> Deviation, bool ShortestEdge, bool Crop)
{
    public const int Side = 224;

    /// <summary>Whether size must name its sides: SigLIP's class takes a lone number for the shorter one, and then looks for both.</summary>
    public bool NamesSides { get; init; }

    public static IReadOnlyList<float> Half { get; } = [0.5f, 0.5f, 0.5f];

    public static IReadOnlyList<float> ClipMean { get; } = [0.48145466f, 0.4578275f, 0.40821073f];

    public static IReadOnlyList<float> ClipDeviation { get; } = [0.26862954f, 0.26130258f, 0.27577711f];
}

/// <summary>CLIP, SigLIP, ViT and DINOv2: resize, crop, normalise.</summary>
/// <remarks>Class defaults from transformers: Bit's are CLIP's mean and deviation; DINOv2 files set ImageNet's.</remarks>
internal static class PlainProcessor
{
    public static PictureRecipe Read(ProcessorConfig config, PlainDefaults defaults)
    {
        var steps = new List<IPictureStep>();
        var (height, width) = (0, 0);
        if (config.Flag("do_resize", true))
        {
            var resize = Resizing(config, defaults);
            steps.Add(resize);
            (height, width) = resize is Resize fixedSize ? (fixedSize.Height, fixedSize.Width) : (0, 0);
        }
        else
        {
            // Without resizing these two are idle.
            config.Find("size");
            config.Find("resample");
            config.Find("default_to_square");
        }

        if (config.Flag("do_center_crop", defaults.Crop))
        {
            (height, width) = Square(config, "crop_size");
            steps.Add(new CentreCrop(width, height));
        }
        else
        {
            config.Find("crop_size");
        }

        if (config.Flag("do_pad", false))
        {
            throw config.Refused("do_pad", config.Find("do_pad")!.Value, "false for this class");
        }

        steps.Add(Normalising(config, defaults.Mean, defaults.Deviation));
        return new PictureRecipe(steps, 3, height, width);
    }

    /// <summary>The last step of every processor.</summary>
    public static Normalise Normalising(ProcessorConfig config, IReadOnlyList<float> mean, IReadOnlyList<float> deviation)
    {
        var factor = config.Number("rescale_factor", 1 / 255.0);
        if (factor <= 0)
        {
            throw config.Refused("rescale_factor", config.Find("rescale_factor")!.Value, "a positive number");
        }

        var (means, deviations) = (config.Three("image_mean", mean), config.Three("image_std", deviation, positive: true));
        var normalise = config.Flag("do_normalize", true);
        return new Normalise(normalise ? means : [0, 0, 0], normalise ? deviations : [1, 1, 1], config.Flag("do_rescale", true) ? factor : 1);
    }

    private static PictureStep Resizing(ProcessorConfig config, PlainDefaults defaults)
    {
        var filter = config.Filter("resample", defaults.Filter);
        var square = config.Flag("default_to_square", !defaults.ShortestEdge);
        switch (config.Find("size"))
        {
            case null:
                return Of(PlainDefaults.Side);
            case { ValueKind: JsonValueKind.Number } number when !defaults.NamesSides:
                return square != defaults.ShortestEdge
                    ? Of(config.Side("size", number))
                    : throw config.Refused("default_to_square", config.Find("default_to_square")!.Value,
                        $"{(square ? "false" : "true")} with a lone number as size");
            case { } found:
                var sides = config.Sides("size", found, "height", "width", "shortest_edge");
                return sides.Count == 2 && sides.TryGetValue("height", out var height) && sides.TryGetValue("width", out var width)
                    ? new Resize(width, height, filter)
                    : sides.Count == 1 && sides.TryGetValue("shortest_edge", out var edge) ? new ResizeShortestEdge(edge, filter)
                    : throw config.Refused("size", found, "height and width, or shortest_edge");
        }

        PictureStep Of(int side) => defaults.ShortestEdge ? new ResizeShortestEdge(side, filter) : new Resize(side, side, filter);
    }

    private static (int Height, int Width) Square(ProcessorConfig config, string key)
    {
        switch (config.Find(key))
        {
            case null:
                return (PlainDefaults.Side, PlainDefaults.Side);
            case { ValueKind: JsonValueKind.Number } number:
                return (config.Side(key, number), config.Side(key, number));
            case { } found:
                var sides = config.Sides(key, found, "height", "width");
                return sides.Count == 2 ? (sides["height"], sides["width"]) : throw config.Refused(key, found, "height and width");
        }
    }
}
