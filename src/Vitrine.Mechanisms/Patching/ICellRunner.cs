namespace Vitrine.Mechanisms.Patching;

/// <summary>Runs cells of one input, many side by side.</summary>
internal interface ICellRunner : IDisposable
{
    /// <summary>Bytes that a batch takes.</summary>
    /// <param name="cells">That share a batch.</param>
    long Memory(IReadOnlyList<CellWork> cells);

    /// <summary>Whether nothing that the metric reads can see what a cell changes.</summary>
    bool ChangesNothing(CellWork cell);

    /// <summary>Which cells may share a batch: those that start at blocks of one number.</summary>
    int Together(CellWork cell);

    /// <summary>The order in which cells that share a batch lie beside each other best.</summary>
    IReadOnlyList<int> Ordered(IReadOnlyList<CellWork> cells);

    /// <summary>Share of a whole forward pass that a cell takes.</summary>
    double Share(CellWork cell);

    /// <summary>The metric of each cell.</summary>
    double[] Run(IReadOnlyList<CellWork> cells, CancellationToken cancellation);
}
