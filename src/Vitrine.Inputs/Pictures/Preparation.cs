namespace Vitrine.Inputs.Pictures;

/// <summary>A picture on its way through a recipe: 8-bit frames first, floats for the model in the end.</summary>
public sealed record Preparation
{
    /// <summary>The 8-bit pictures: one, or tiles row by row and the whole behind them.</summary>
    public required IReadOnlyList<Picture> Frames { get; init; }

    /// <summary>The frames as floats; none until a step makes them.</summary>
    public IReadOnlyList<Pixels> Pixels { get; init; } = [];

    /// <summary>For each frame the height and width, from the upper left, that are picture and not padding; none where all of it is.</summary>
    public IReadOnlyList<(int Height, int Width)> Shown { get; init; } = [];

    /// <summary>Rows and columns of tiles; zero where the picture is not split.</summary>
    public (int Rows, int Columns) Tiles { get; init; }

    /// <summary>Frames in time, rows and columns of patches; null where the model cuts patches itself.</summary>
    public (int Frames, int Rows, int Columns)? PatchGrid { get; init; }
}
