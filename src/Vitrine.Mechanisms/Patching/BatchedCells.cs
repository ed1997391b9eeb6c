using Vitrine.Mechanisms.Metrics;
using Vitrine.Transformers;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Patching;

/// <summary>
/// Cells of one input of any model, a row each: from the first patched layer and column where the model can start there, behind what a flow policy reads where
/// only its expert is patched, else from the input.
/// </summary>
internal sealed class BatchedCells : ICellRunner
{
    private readonly Subject subject;
    private readonly Metric metric;
    private readonly RunPlan under;
    private readonly bool isNaive;
    private readonly PrefixedSubject? prefixed;
    private readonly SubjectRun? cached;

    /// <param name="subject">Of one row.</param>
    /// <param name="metric">What is measured.</param>
    /// <param name="under">What the run that is patched is under.</param>
    /// <param name="cells">All that will be run.</param>
    /// <param name="isNaive">Whether every cell is a whole pass from the input.</param>
    public BatchedCells(Subject subject, Metric metric, RunPlan under, IReadOnlyList<CellWork> cells, bool isNaive)
    {
        (this.subject, this.metric, this.under, this.isNaive) = (subject, metric, under, isNaive);
        if (isNaive || cells.Count == 0)
        {
            return;
        }

        var (stack, isFront) = (subject.Shape.Name, under.Edits.SelectMany(e => e.Places()).All(p => p == $"{subject.Shape.Name}.{Point.Embed}"));
        if (subject.CanStart && isFront && cells.All(c => c.Changes.All(p => p.Place.Stack == stack && p.Place.Layer is not null)))
        {
            var firsts = cells.Select(c => c.FirstLayer).Distinct().ToArray();
            var column = IsCausal ? cells.Max(c => c.FirstColumn) : 0;
            cached = subject.Run(under.Then(new RunPlan
            {
                Capture = [.. firsts.SelectMany(l => RunStart.Needs(subject.Shape, l, column, subject.IsDecoded)).Distinct()],
            }));
        }
        else if (under.Edits.Count == 0 && subject.ReadOnce() is { } once)
        {
            if (once.Serves(new RunPlan { Edits = CellWork.Edits([.. cells.Select(c => (c, 0, (Func<int, int>)(i => i)))], subject.IsDecoded) }))
            {
                prefixed = once;
            }
            else
            {
                once.Dispose();
            }
        }
    }

    private bool IsCausal => subject.Stack.Specs.All(s => s.Attention is { Mask: AttentionMask.Causal, Keys: KeySource.Own })
        && subject.Model is not TextModel { Labels: not null };

    /// <inheritdoc/>
    public bool ChangesNothing(CellWork cell) => false;

    /// <inheritdoc/>
    public double Share(CellWork cell)
    {
        var columns = subject.Tokens[0].Count;
        return cached is null ? 1 : (double)(subject.Shape.Layers - cell.FirstLayer) * (columns - Start(cell)) / ((double)subject.Shape.Layers * Math.Max(1,
            columns));
    }

    /// <inheritdoc/>
    public long Memory(IReadOnlyList<CellWork> cells)
    {
        var (shape, columns) = (subject.Shape, subject.Tokens[0].Count);
        long own = columns - (cells.Count == 0 ? 0 : cells.Min(Start)), heads = (long)shape.HeadWidth * (shape.Heads + (2L * shape.KeyValueHeads));
        var row = (own * ((10L * shape.Width) + (3 * heads) + (4L * shape.Neurons) + shape.Vocabulary + (2L * shape.Heads * columns)))
            + (2L * shape.Layers * columns * shape.KeyValueHeads * shape.HeadWidth);
        return (4 * row * Math.Max(1, cells.Count)) + (cached?.Run.Activations.Values.Sum(t => t.numel() * t.element_size()) ?? 0);
    }

    /// <inheritdoc/>
    public double[] Run(IReadOnlyList<CellWork> cells, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        using var scope = NewDisposeScope();
        if (isNaive)
        {
            return [.. cells.Select(cell => Answer([cell], null, 0))];
        }

        var (layer, column) = (cells.Min(c => c.FirstLayer), cells.Min(Start));
        var from = cached is null ? null : RunStart.From(cached.Run, subject.Shape, layer, column);
        var edits = CellWork.Edits([.. cells.Index().Select(c => (c.Item, c.Index, (Func<int, int>)(at => at - column)))], subject.IsDecoded);
        using var run = prefixed is not null
            ? prefixed.Run(cells.Count, new RunPlan { Edits = edits }, cancellation)
            : subject.Take([.. cells.Select(_ => 0)]).Run(new RunPlan { Edits = [.. from is null ? under.Edits : [], .. edits] }, from, cancellation);
        return [.. metric.Values(run)];

        double Answer(CellWork[] one, RunStart? start, int first)
        {
            var own = CellWork.Edits([(one[0], 0, at => at - first)], subject.IsDecoded);
            using var answered = subject.Run(new RunPlan { Edits = [.. under.Edits, .. own] }, start, cancellation);
            return metric.Values(answered)[0];
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        cached?.Dispose();
        prefixed?.Dispose();
    }

    /// <inheritdoc/>
    public int Together(CellWork cell) => cell.FirstLayer;

    /// <inheritdoc/>
    public IReadOnlyList<int> Ordered(IReadOnlyList<CellWork> cells) => [.. cells.Index().OrderBy(c => Start(c.Item)).Select(c => c.Index)];

    /// <remarks>
    /// Attention points are as wide as the whole input, metrics of a text that read more than one place need every column, and what is read must be computed.
    /// </remarks>
    private int Start(CellWork cell)
        => cached is null || !IsCausal || cell.Changes.Any(c => c.Place.Point.Axes == PointAxes.Attention) ? 0 : Math.Min(cell.FirstColumn, Furthest());

    private int Furthest()
    {
        var own = subject.Columns[0];
        return subject.Model is not TextModel ? own[^1]
            : metric.Reads is { } place ? own[Math.Clamp(place < 0 ? own.Length + place : place, 0, own.Length - 1)]
            : 0;
    }
}
