using System.Text.Json;

namespace Vitrine.Inputs.Pictures;

/// <summary>OpenVLA: letterboxed or not, resized and normalised once for each tower, the towers' channels one behind the other.</summary>
/// <remarks>
/// Means and deviations are read from <c>tvf_normalize_params</c>: real checkpoints carry bfloat16-rounded ones. Source: openvla,
/// prismatic/extern/hf/processing_prismatic.py.
/// </remarks>
internal static class PrismaticProcessor
{
    public static PictureRecipe Read(ProcessorConfig config)
    {
        var strategy = Required(config, "image_resize_strategy");
        if (strategy.ValueKind != JsonValueKind.String || strategy.GetString() is not ("resize-naive" or "resize-crop" or "letterbox"))
        {
            throw config.Refused("image_resize_strategy", strategy, "resize-naive, resize-crop or letterbox");
        }

        var sizes = Sizes(config);
        var filters = Filters(config, sizes.Length);
        var norms = Normalisations(config, sizes.Length);
        var boxes = Letterboxes(config, strategy.GetString() == "letterbox", norms);
        var resizes = Resizes(config, strategy.GetString() == "resize-crop", sizes, filters);
        IPictureStep[][] prepared = [.. Enumerable.Range(0, sizes.Length).Select(i => boxes[i] is { } box ? [box, .. resizes[i]] : resizes[i])];
        // One resize serves all towers that ask for the same.
        var shared = prepared.All(p => p.SequenceEqual(prepared[0]));
        return new PictureRecipe(
            shared
                ? [.. prepared[0], new Towers([.. norms.Select(n => (IReadOnlyList<IPictureStep>)[n])])]
                : [new Towers([.. prepared.Zip(norms, (p, n) => (IReadOnlyList<IPictureStep>)[.. p, n])])],
            3 * sizes.Length, sizes[0].Height, sizes[0].Width);
    }

    private static (int Height, int Width)[] Sizes(ProcessorConfig config)
    {
        var found = Required(config, "input_sizes");
        var sizes = config.List("input_sizes", found).Select(s => config.List("input_sizes", s).Select(v => config.Side("input_sizes", v)).ToArray()).ToArray();
        return sizes.Length is > 0 and <= 8 && sizes.All(s => s.Length == 3 && s[0] == 3 && s.SequenceEqual(sizes[0]))
            ? [.. sizes.Select(s => (s[1], s[2]))]
            : throw config.Refused("input_sizes", found, "one [3, height, width] for all towers");
    }

    private static ResampleFilter[] Filters(ProcessorConfig config, int towers)
    {
        if (config.Find("interpolations") is not { } found)
        {
            return [.. Enumerable.Repeat(ResampleFilter.Bicubic, towers)];
        }

        var filters = config.List("interpolations", found)
            .Select(v => v.ValueKind == JsonValueKind.String && Enum.TryParse<ResampleFilter>(v.GetString(), ignoreCase: true,
                out var filter) && !int.TryParse(v.GetString(), out _)
            ? filter
            : throw config.Refused("interpolations", found, "lanczos, bilinear or bicubic")).ToArray();
        return filters.Length == towers ? filters : throw config.Refused("interpolations", found, $"one name for each of {towers} towers");
    }

    private static Normalise[] Normalisations(ProcessorConfig config, int towers)
    {
        var (means, deviations) = (config.Find("means"), config.Find("stds"));
        Normalise[] norms = config.Find("tvf_normalize_params") is { } found
            ? [.. config.List("tvf_normalize_params", found)
                .Select(n => new Normalise(config.Three("tvf_normalize_params.mean", Inside(config, "tvf_normalize_params", n, "mean")),
                    config.Three("tvf_normalize_params.std", Inside(config, "tvf_normalize_params", n, "std"), positive: true)))]
            : means is { } m && deviations is { } d
                ? [.. config.List("means", m)
                    .Zip(config.List("stds", d), (a, b) => new Normalise(config.Three("means", a), config.Three("stds", b, positive: true)))]
                : throw new VitrineException($"{config.Source}: has neither tvf_normalize_params nor means and stds.");
        return norms.Length == towers ? norms : throw new VitrineException($"{config.Source}: normalises for {norms.Length} towers, input_sizes has {towers}.");
    }

    /// <remarks>The fill stands there once for all towers, or once for each; a file without it fills with each tower's mean.</remarks>
    private static Letterbox?[] Letterboxes(ProcessorConfig config, bool asked, Normalise[] norms)
    {
        var (flag, fill) = (config.Find("tvf_do_letterbox"), config.Find("tvf_letterbox_fill"));
        if (flag is { } found && config.Flag("tvf_do_letterbox", asked) != asked)
        {
            throw config.Refused("tvf_do_letterbox", found, $"{(asked ? "true" : "false")} with this image_resize_strategy");
        }

        if (!asked)
        {
            return new Letterbox?[norms.Length];
        }

        if (fill is not { } colours)
        {
            return [.. norms.Select(n => Of(n.Mean.Select(m => m * 255)))];
        }

        var list = config.List("tvf_letterbox_fill", colours);
        return list.All(v => v.ValueKind == JsonValueKind.Array) && list.Length == norms.Length
            ? [.. list.Select(v => Of(config.Three("tvf_letterbox_fill", v)))]
            : [.. norms.Select(_ => Of(config.Three("tvf_letterbox_fill", colours)))];

        Letterbox Of(IEnumerable<float> colour)
            => colour.Select(c => (int)c).ToArray() is [>= 0 and <= 255 and var r, >= 0 and <= 255 and var g, >= 0 and <= 255 and var b]
            ? new Letterbox((byte)r, (byte)g, (byte)b)
            : throw new VitrineException($"{config.Source}: fills the letterbox with numbers that are no colour.");
    }

    /// <remarks>A pair is the size itself, a lone number the shorter side, behind which the middle is cropped.</remarks>
    private static IPictureStep[][] Resizes(ProcessorConfig config, bool crop, (int Height, int Width)[] sizes, ResampleFilter[] filters)
    {
        Crops(config, sizes);
        if (config.Find("tvf_resize_params") is not { } found)
        {
            return [.. sizes.Zip(filters, (s, f) => crop ? Shorter(Math.Min(s.Height, s.Width), s, f) : [new Resize(s.Width, s.Height, f)])];
        }

        var entries = config.List("tvf_resize_params", found);
        return entries.Length == sizes.Length
            ? [.. entries.Select(Entry)]
            : throw config.Refused("tvf_resize_params", found, $"one entry for each of {sizes.Length} towers");

        IPictureStep[] Entry(JsonElement entry, int tower)
        {
            var filter = config.Filter("tvf_resize_params.interpolation", Inside(config, "tvf_resize_params", entry, "interpolation"));
            if (filter != filters[tower] || Inside(config, "tvf_resize_params", entry, "antialias").ValueKind != JsonValueKind.True
                || (entry.TryGetProperty("max_size", out var most) && most.ValueKind != JsonValueKind.Null))
            {
                throw config.Refused("tvf_resize_params", entry, $"{filters[tower]} with antialias and without max_size");
            }

            var size = Inside(config, "tvf_resize_params", entry, "size");
            if (size.ValueKind == JsonValueKind.Number)
            {
                return Shorter(config.Side("tvf_resize_params.size", size), sizes[tower], filter);
            }

            var sides = config.List("tvf_resize_params.size", size).Select(v => config.Side("tvf_resize_params.size", v)).ToArray();
            return sides is [var height, var width] && (height, width) == sizes[tower]
                ? [new Resize(width, height, filter)]
                : throw config.Refused("tvf_resize_params.size", size, "the size of input_sizes, or a shorter side");
        }

        static IPictureStep[] Shorter(int edge, (int Height, int Width) size, ResampleFilter filter)
            => [new ResizeShortestEdge(edge, filter), new CentreCrop(size.Width, size.Height)];
    }

    private static void Crops(ProcessorConfig config, (int Height, int Width)[] sizes)
    {
        if (config.Find("tvf_crop_params") is { } crops
            && !config.List("tvf_crop_params", crops)
                .Select(c => config.List("tvf_crop_params", Inside(config, "tvf_crop_params", c, "output_size")).Select(v => config.Side("tvf_crop_params", v))
                    .ToArray())
                .All(s => s.SequenceEqual([sizes[0].Height, sizes[0].Width])))
        {
            throw config.Refused("tvf_crop_params", crops, "the size of input_sizes");
        }
    }

    private static JsonElement Required(ProcessorConfig config, string key)
        => config.Find(key) ?? throw new VitrineException($"{config.Source}: has no '{key}'.");

    private static JsonElement Inside(ProcessorConfig config, string key, JsonElement json, string inner)
        => json.ValueKind == JsonValueKind.Object && json.TryGetProperty(inner, out var value)
            ? value
            : throw config.Refused(key, json, $"an object with '{inner}'");
}
