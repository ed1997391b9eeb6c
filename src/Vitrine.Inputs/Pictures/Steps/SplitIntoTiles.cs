namespace Vitrine.Inputs.Pictures;

/// <summary>Into square tiles row by row, the whole picture resized to one tile behind them. A picture of one tile stays as it is.</summary>
/// <param name="Side">Side of a tile.</param>
/// <param name="Filter">Filter of the whole picture.</param>
public sealed record SplitIntoTiles(int Side, ResampleFilter Filter) : IPictureStep
{
    /// <inheritdoc/>
    public string Describe(ResizeEngine engine)
        => $"split into tiles of {Side} x {Side}, row by row, the whole picture resized to {Side} x {Side} ({engine}) behind them";

    /// <inheritdoc/>
    public Preparation Apply(Preparation picture, ResizeEngine engine)
    {
        ArgumentNullException.ThrowIfNull(picture);
        var whole = picture.Frames is [var only]
            ? only
            : throw new VitrineException($"split into tiles: {picture.Frames.Count} frames came; expected one picture.");
        if (whole.Width <= Side && whole.Height <= Side)
        {
            return picture;
        }

        if (whole.Width % Side != 0 || whole.Height % Side != 0)
        {
            throw new VitrineException($"split into tiles: {whole.Width} x {whole.Height} pixels are no whole tiles of {Side}.");
        }

        var (rows, columns) = (whole.Height / Side, whole.Width / Side);
        var tiles = Enumerable.Range(0, rows * columns).Select(i => whole.Part(i % columns * Side, i / columns * Side, Side, Side));
        return picture with { Frames = [.. tiles, Resampling.Resize(whole, Side, Side, Filter, engine)], Tiles = (rows, columns) };
    }
}
