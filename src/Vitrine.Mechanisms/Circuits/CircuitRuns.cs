using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Circuits;

/// <summary>Runs circuits: each a row of a batch, on every pair.</summary>
/// <param name="pair">On whose inputs.</param>
/// <param name="of">The graph and axis of the edges.</param>
/// <param name="options">What edges carry that are cut.</param>
internal sealed class CircuitRuns(CircuitPair pair, EdgeScores of, CircuitRunOptions options) : IDisposable
{
    private const double MemoryAtOnce = 300e6;

    private readonly WriterRecord own = pair.Record(options.OnClean);
    private readonly WriterRecord? from = options.FillFrom is { } given ? pair.Recorded(given) : null;
    private Filling? made;

    private Filling Filling => made ??= new Filling(from ?? pair.Record(!options.OnClean), options.Fill);

    /// <summary>[cut][row]: the metric with those edges cut.</summary>
    /// <param name="cuts">Each what one run cuts.</param>
    /// <param name="start">A block before which none of them cuts an edge.</param>
    /// <param name="isFrozen">See <see cref="EdgePatcher"/>.</param>
    /// <param name="cancellation">Stops between runs.</param>
    public IReadOnlyList<double[]> Values(IReadOnlyList<EdgeSet> cuts, int start = 0, bool isFrozen = false, CancellationToken cancellation = default)
    {
        var rows = own.Passes[0].Rows;
        var found = new List<double[]>();
        var atOnce = AtOnce(isFrozen);
        for (var from = 0; from < cuts.Count; from += atOnce)
        {
            cancellation.ThrowIfCancellationRequested();
            EdgeSet[] some = [.. cuts.Skip(from).Take(atOnce)];
            using var patched = Run(
                [.. some.SelectMany(c => Enumerable.Repeat(c, rows))], [.. some.SelectMany(_ => Enumerable.Range(0, rows))], start, isFrozen, readsAll: false,
                cancellation);
            found.AddRange(pair.Metric.Values(patched).Chunk(rows));
        }

        return found;
    }

    /// <summary>How many cuts are run at once.</summary>
    public int AtOnce(bool isFrozen)
    {
        var shape = pair.Graph.Stack.Shape;
        var tokens = own.Passes.Max(p => p.Length) * own.Passes[0].Rows;
        var perCut = 4.0 * tokens * (((isFrozen ? 12.0 : pair.Graph.StreamWriters + 12.0) * shape.Width) + shape.Vocabulary + (3.0 * shape.Neurons));
        return Math.Clamp((int)(MemoryAtOnce / perCut), 1, 64);
    }

    /// <summary>One run, each row with its cut edges; owned by the caller.</summary>
    public Metrics.SubjectRun Run(IReadOnlyList<EdgeSet> cut, int[] pairs, int start, bool isFrozen, bool readsAll, CancellationToken cancellation)
    {
        using var mode = no_grad();
        var subject = (options.OnClean ? pair.Clean : pair.Corrupted).Take(pairs);
        var canStart = start > 0 && pair.Graph.Steps == 1 && subject.CanStart;
        using var patcher = new EdgePatcher(Filling, own, of.Axis, cut, pairs, isFrozen && pair.Graph.Steps == 1, canStart ? start : 0);
        using var residual = canStart
            ? own.Passes[0].Pre[start]!.index_select(0, tensor(pairs.Select(p => (long)p).ToArray(), device: own.Passes[0].Embed.device))
            : null;
        var (plan, begin) = (new RunPlan { Edits = patcher.Edits }, residual is null ? null : RunStart.At(start, residual));
        return readsAll ? subject.Run(plan, begin, cancellation) : subject.RunFor(pair.Metric, plan, begin, cancellation);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        made?.Dispose();
        from?.Dispose();
    }
}
