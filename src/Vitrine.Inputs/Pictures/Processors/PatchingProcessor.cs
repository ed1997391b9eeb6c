using System.Text.Json;

namespace Vitrine.Inputs.Pictures;

/// <summary>Qwen2-VL, Qwen2.5-VL and Qwen3-VL: sides to multiples of a merged patch, then patches.</summary>
/// <remarks>
/// Older files bound the pixel count by <c>min_pixels</c> and <c>max_pixels</c>, newer ones by <c>size</c>, whose "edges" are pixel counts too; where both
/// stand, they must agree.
/// </remarks>
internal static class PatchingProcessor
{
    public static PictureRecipe Read(ProcessorConfig config)
    {
        config.Find("default_to_square"); // size names its sides in this class
        if (!config.Flag("do_resize", true))
        {
            throw config.Refused("do_resize", config.Find("do_resize")!.Value, "true for this class");
        }

        var (side, merge, times) = (config.Side("patch_size", 14), config.Side("merge_size", 2), config.Side("temporal_patch_size", 2));
        if ((long)side * merge > 4096 || times > 64)
        {
            throw new VitrineException($"{config.Source}: patch_size {side}, merge_size {merge}, temporal_patch_size {times}; expected merged patches of at "
                + "most 4096 pixels and 64 frames.");
        }

        var fewest = Pixels(config, "min_pixels", "shortest_edge", 56 * 56);
        var most = Pixels(config, "max_pixels", "longest_edge", 28 * 28 * 1280);
        if (fewest > most)
        {
            throw new VitrineException($"{config.Source}: asks for at least {fewest} and at most {most} pixels.");
        }

        return new PictureRecipe(
            [
                new SmartResize(side * merge, fewest, most, config.Filter("resample", ResampleFilter.Bicubic)),
                PlainProcessor.Normalising(config, PlainDefaults.ClipMean, PlainDefaults.ClipDeviation),
                new Patches(side, merge, times),
            ],
            3, 0, 0);
    }

    private static long Pixels(ProcessorConfig config, string older, string newer, long otherwise)
    {
        long? count = config.Find(older) is { } found ? Count(older, found) : null;
        long? edge = null;
        if (config.Find("size") is { } size)
        {
            if (size.ValueKind != JsonValueKind.Object
                || size.EnumerateObject().Any(p => p.Name is not ("shortest_edge" or "longest_edge" or "min_pixels" or "max_pixels")))
            {
                throw config.Refused("size", size, "an object with shortest_edge and longest_edge");
            }

            edge = size.TryGetProperty(newer, out var value) || size.TryGetProperty(older, out value) ? Count($"size.{newer}", value) : null;
        }

        return count is { } a && edge is { } b && a != b
            ? throw new VitrineException($"{config.Source}: {older} is {a}, size.{newer} {b}; expected one number.")
            : count ?? edge ?? otherwise;

        long Count(string key, JsonElement value)
            => value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var pixels) && pixels is > 0 and <= Picture.LargestPixelCount
                ? pixels
                : throw config.Refused(key, value, $"1 to {Picture.LargestPixelCount} pixels");
    }
}
