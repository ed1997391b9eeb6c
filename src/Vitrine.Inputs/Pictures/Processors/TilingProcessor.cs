namespace Vitrine.Inputs.Pictures;

/// <summary>Idefics3 and SmolVLM: the longer side to a length, then whole tiles and the whole picture behind them, or the whole picture alone.</summary>
internal static class TilingProcessor
{
    private const int LargestEdge = 4096;

    public static PictureRecipe Read(ProcessorConfig config)
    {
        config.Find("default_to_square"); // size names its sides in this class
        if (!config.Flag("do_resize", true))
        {
            throw config.Refused("do_resize", config.Find("do_resize")!.Value, "true for this class");
        }

        var filter = config.Filter("resample", ResampleFilter.Lanczos);
        var edge = Edge(config, "size", 4 * 364);
        if (edge > LargestEdge)
        {
            throw config.Refused("size", config.Find("size")!.Value, $"a longest_edge of at most {LargestEdge}");
        }

        var tile = Edge(config, "max_image_size", 364);
        var split = config.Flag("do_image_splitting", true);
        // Padding only evens out the frames of a batch; see PreparedBatch.
        config.Flag("do_pad", true);
        IReadOnlyList<IPictureStep> frames = split ? [new ResizeToTiles(tile, filter), new SplitIntoTiles(tile, filter)] : [new Resize(tile, tile, filter)];
        return new PictureRecipe(
            [new ResizeLongestEdge(edge, filter), .. frames, PlainProcessor.Normalising(config, PlainDefaults.Half, PlainDefaults.Half)], 3, tile, tile);
    }

    private static int Edge(ProcessorConfig config, string key, int otherwise)
        => config.Find(key) is not { } found ? otherwise
            : config.Sides(key, found, "longest_edge").TryGetValue("longest_edge", out var edge) ? edge
            : throw config.Refused(key, found, "a longest_edge");
}
