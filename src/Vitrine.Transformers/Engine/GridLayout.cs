namespace Vitrine.Transformers.Engine;

/// <summary>
/// How the patches of pictures follow each other in a sequence: in merged blocks, and these window by window where blocks look through windows.
/// </summary>
/// <param name="Merge">Patches on a side of a merged block.</param>
/// <param name="Window">Merged blocks on a side of a window; 0 for no windows.</param>
internal sealed record GridLayout(int Merge, int Window)
{
    /// <summary>Places (row, column) of a picture's patches in the order of merged blocks: block by block, in a block row by row.</summary>
    public IEnumerable<(int Row, int Column)> Places(int rows, int columns)
        => from blockRow in Enumerable.Range(0, rows / Merge)
           from blockColumn in Enumerable.Range(0, columns / Merge)
           from row in Enumerable.Range(0, Merge)
           from column in Enumerable.Range(0, Merge)
           select ((blockRow * Merge) + row, (blockColumn * Merge) + column);

    /// <summary>Where everything stands.</summary>
    /// <param name="grids">Rows and columns of patches of each picture.</param>
    /// <exception cref="VitrineException">A picture is no whole number of merged blocks.</exception>
    public PlacedGrids Of(IReadOnlyList<(int Rows, int Columns)> grids)
    {
        if (grids.FirstOrDefault(g => g.Rows <= 0 || g.Columns <= 0 || g.Rows % Merge != 0 || g.Columns % Merge != 0) is { } odd && odd != default)
        {
            throw new VitrineException($"pictures: one of {odd.Rows} x {odd.Columns} patches is no whole number of blocks of {Merge} x {Merge}.");
        }

        var (order, windows, first) = (new List<int>(), new List<int>(), 0);
        foreach (var (rows, columns) in grids)
        {
            var (down, across) = (rows / Merge, columns / Merge);
            foreach (var window in Window > 0 ? Windows(down, across) : [Enumerable.Range(0, down * across)])
            {
                var before = order.Count;
                order.AddRange(window.Select(block => first + block));
                windows.Add((order.Count - before) * Merge * Merge);
            }

            first += down * across;
        }

        var places = grids.SelectMany(g => Places(g.Rows, g.Columns)).ToArray();
        var placed = new PlacedGrids([.. grids.Select(g => g.Rows * g.Columns)], windows, Window > 0 ? [.. order.Select(b => (long)b)] : null, places);
        return placed.Order is null ? placed : placed with { Places = [.. placed.Patches(Merge).Select(p => places[p])] };
    }

    /// <summary>Blocks of each window, row by row; windows at the right and lower edge are smaller.</summary>
    private IEnumerable<IEnumerable<int>> Windows(int rows, int columns)
        => from top in Enumerable.Range(0, (rows + Window - 1) / Window)
           from left in Enumerable.Range(0, (columns + Window - 1) / Window)
           select from row in Enumerable.Range(top * Window, Math.Min(Window, rows - (top * Window)))
                  from column in Enumerable.Range(left * Window, Math.Min(Window, columns - (left * Window)))
                  select (row * columns) + column;
}

/// <summary>Patches of pictures in a sequence.</summary>
/// <param name="PictureLengths">Patches of each picture.</param>
/// <param name="WindowLengths">Patches of each window, picture by picture.</param>
/// <param name="Order">For each merged block of the sequence, which block of the pictures it is; null where they follow as they are.</param>
/// <param name="Places">Row and column of each patch of the sequence.</param>
internal sealed record PlacedGrids(
    IReadOnlyList<int> PictureLengths, IReadOnlyList<int> WindowLengths, long[]? Order, IReadOnlyList<(int Row, int Column)> Places)
{
    /// <summary>For each patch of the sequence, which patch of the pictures it is.</summary>
    /// <param name="merge">Patches on a side of a merged block.</param>
    public long[] Patches(int merge)
        => [.. Order!.SelectMany(block => Enumerable.Range(0, merge * merge).Select(i => (block * merge * merge) + i))];

    /// <summary>For each merged block of the pictures, where it stands in the sequence.</summary>
    public long[] Restoring()
    {
        var places = new long[Order!.Length];
        for (var i = 0; i < places.Length; i++)
        {
            places[Order[i]] = i;
        }

        return places;
    }
}
