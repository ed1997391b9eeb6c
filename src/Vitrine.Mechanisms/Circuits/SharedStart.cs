using Vitrine.Transformers;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Circuits;

/// <summary>
/// Where two texts begin to differ: what stands before is computed once for both, and neither the corrupted run nor the derivatives go over it.
/// </summary>
internal sealed class SharedStart : IDisposable
{
    private readonly CircuitGraph graph;
    private readonly int column;
    private readonly Tensor clean;
    private readonly Tensor corrupted;
    private readonly Run before;

    private SharedStart(CircuitGraph graph, int column, Tensor clean, Tensor corrupted, Run before)
        => (this.graph, this.column, this.clean, this.corrupted, this.before) = (graph, column, clean, corrupted, before);

    /// <summary>Of the clean text, each head with its own keys and values.</summary>
    public RunStart Clean => Of(clean, ungrouped: true);

    /// <summary>Null where the two differ from the first position on, the metric reads what stands before, or tokens see those behind them.</summary>
    public static SharedStart? Of(CircuitPair pair, CancellationToken cancellation)
    {
        var (graph, shape) = (pair.Graph, pair.Graph.Stack.Shape);
        if (pair.Metric.Reads != -1 || graph.Steps > 1 || !pair.Clean.CanStart
            || graph.Stack.Specs.Any(s => s.Attention is not { Mask: AttentionMask.Causal, Keys: KeySource.Own })
            || pair.Clean.Parts() is not { } one)
        {
            return null;
        }

        if (pair.Corrupted.Parts() is not { } other)
        {
            one.Embedded.Dispose();
            return null;
        }

        using var scope = NewDisposeScope();
        var differs = one.Embedded.ne(other.Embedded).any(-1).any(0).cpu().data<bool>().ToArray();
        var column = Array.IndexOf(differs, true);
        if (column <= 0)
        {
            one.Embedded.Dispose();
            other.Embedded.Dispose();
            return null;
        }

        using var mode = no_grad();
        string[] kept = [.. Enumerable.Range(0, shape.Layers).SelectMany(l => new[] { graph.At(l, RunStart.KeysOf(shape)), graph.At(l, Point.AttnV) })];
        var run = one.Before(column).Run(new RunPlan { Capture = kept, StopAfter = shape.Layers - 1 }, cancellation: cancellation);
        return new SharedStart(graph, column, one.Embedded.DetachFromDisposeScope(), other.Embedded.DetachFromDisposeScope(), run.Run);
    }

    /// <summary>Of the corrupted text.</summary>
    /// <param name="ungrouped">Whether each head has its own keys and values.</param>
    public RunStart Corrupted(bool ungrouped) => Of(corrupted, ungrouped);

    /// <inheritdoc/>
    public void Dispose()
    {
        clean.Dispose();
        corrupted.Dispose();
        before.Dispose();
    }

    private RunStart Of(Tensor embedded, bool ungrouped) => RunStart.Behind(column, embedded, layer =>
    {
        var (keys, values) = (before[graph.At(layer, RunStart.KeysOf(graph.Stack.Shape))], before[graph.At(layer, Point.AttnV)]);
        return ungrouped ? (EdgeGradients.ForEachHead(graph, layer, keys), EdgeGradients.ForEachHead(graph, layer, values)) : (keys, values);
    });
}
