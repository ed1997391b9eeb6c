using Vitrine.Mechanisms.Metrics;

namespace Vitrine.Mechanisms.Patching;

/// <summary>What a sweep will take, known before it starts.</summary>
public sealed record PatchPlan
{
    /// <summary>Which cells.</summary>
    public required PatchSweep Sweep { get; init; }

    /// <summary>The cells, in order.</summary>
    public required IReadOnlyList<PatchCell> Cells { get; init; }

    /// <summary>Pairs of inputs, each of which every cell is patched in.</summary>
    public required int Pairs { get; init; }

    /// <summary>Batches that are run: cells that start at the same layer side by side, as many as the memory takes.</summary>
    public required int Passes { get; init; }

    /// <summary>The work of all cells, in forward passes over one whole input: blocks in front of the patch and positions before it cost nothing.</summary>
    public required double Forwards { get; init; }

    /// <summary>Multiplications and additions of all cells, in 10^9, attention's own left out.</summary>
    public required double GigaOperations { get; init; }

    /// <summary>Bytes that the largest batch takes, with what is kept of both runs.</summary>
    public required long Memory { get; init; }

    /// <summary>Bytes that it may take.</summary>
    public required long Allowed { get; init; }

    /// <summary>Multiplications and additions of forward passes over one whole input, in 10^9, attention's own left out.</summary>
    internal static double Operations(Subject subject, double forwards)
    {
        var shape = subject.Shape;
        var perToken = (2.0 * shape.Width * shape.HeadWidth * (shape.Heads + shape.KeyValueHeads))
            + ((subject.Stack.Spec.Mlp.Gated ? 3.0 : 2.0) * shape.Width * shape.Neurons);
        return forwards * perToken * shape.Layers * subject.Columns[0].Length / 1e9;
    }
}

/// <summary>How a sweep runs.</summary>
public sealed record PatchOptions
{
    /// <summary>Bytes that it may take; half of what the machine has free when null.</summary>
    public long? Memory { get; init; }

    /// <summary>A file of cells that were done: read before it starts, written as it goes on; null for none.</summary>
    public string? Resume { get; init; }

    /// <summary>Whether every cell is a whole forward pass of its own, from the input to the end: what all shortcuts are held against.</summary>
    public bool Naive { get; init; }
}
