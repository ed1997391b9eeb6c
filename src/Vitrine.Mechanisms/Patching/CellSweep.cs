using Vitrine.Checkpoints;
using Vitrine.Mechanisms.Metrics;
using Vitrine.Transformers;
using Vitrine.Transformers.Points;

namespace Vitrine.Mechanisms.Patching;

/// <summary>The cells of one pair of inputs as they are computed, and what their values belong to.</summary>
internal sealed record PairWork(IReadOnlyList<CellWork> Cells, IReadOnlyList<IDisposable> Owned) : IDisposable
{
    public void Dispose()
    {
        foreach (var owned in Owned)
        {
            owned.Dispose();
        }
    }
}

/// <summary>Runs the cells of a sweep pair by pair, in batches that the memory takes.</summary>
/// <param name="patched">Whose runs are patched.</param>
/// <param name="metric">What is measured.</param>
/// <param name="under">[pair]: what these runs are under besides.</param>
/// <param name="work">The cells of a pair; disposed here.</param>
internal sealed class CellSweep(Subject patched, Metric metric, Func<int, RunPlan> under, Func<int, CancellationToken, PairWork> work)
{
    /// <summary>Batches grow until the kernels are filled, not until the memory is.</summary>
    private const long Filled = 1L << 28;

    /// <summary>[pair][cell].</summary>
    /// <param name="baselines">[pair]: of the unpatched run, the answer of cells that change nothing.</param>
    /// <param name="options">How.</param>
    /// <param name="done">What is known already, and hears of what becomes known; null for nothing.</param>
    /// <param name="progress">Told the share that is done.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <param name="offset">Number of the first cell in what is known.</param>
    public double[][] Run(
        IReadOnlyList<double> baselines, PatchOptions options, DoneCells? done, IProgress<double>? progress, CancellationToken cancellation, int offset = 0)
    {
        var allowed = options.Memory ?? Allowed();
        return [.. Enumerable.Range(0, patched.Rows).Select(Pair)];

        double[] Pair(int pair)
        {
            using var cells = work(pair, cancellation);
            var values = new double[cells.Cells.Count];
            var open = new List<int>();
            foreach (var cell in Enumerable.Range(0, values.Length))
            {
                if (done?.Find(pair, offset + cell) is { } known)
                {
                    values[cell] = known;
                }
                else
                {
                    open.Add(cell);
                }
            }

            using var runner = Runner(pair, [.. open.Select(i => cells.Cells[i])], options.Naive);
            var (finished, all) = (values.Length - open.Count, values.Length);
            foreach (var batch in Batches(runner, [.. open.Select(i => (i, cells.Cells[i]))], allowed))
            {
                var changing = batch.Where(c => !runner.ChangesNothing(c.Work)).ToArray();
                var found = changing.Length == 0 ? [] : runner.Run([.. changing.Select(c => c.Work)], cancellation);
                foreach (var (cell, _) in batch)
                {
                    values[cell] = baselines[pair];
                }

                foreach (var (i, (cell, _)) in changing.Index())
                {
                    values[cell] = found[i];
                }

                done?.Add(pair, [.. batch.Select(c => (offset + c.Cell, values[c.Cell]))]);
                finished += batch.Length;
                progress?.Report((pair + ((double)finished / all)) / patched.Rows);
            }

            return values;
        }
    }

    /// <summary>Batches, work in whole passes, and bytes of the largest batch, of the first pair; the others are alike.</summary>
    public (int Passes, double Forwards, long Memory) Cost(PatchOptions options, CancellationToken cancellation)
    {
        using var cells = work(0, cancellation);
        using var runner = Runner(0, cells.Cells, options.Naive);
        var batches = Batches(runner, [.. cells.Cells.Index()], options.Memory ?? Allowed()).ToArray();
        return (
            batches.Length * patched.Rows,
            cells.Cells.Where(c => !runner.ChangesNothing(c)).Sum(runner.Share) * patched.Rows,
            batches.Select(b => runner.Memory([.. b.Select(c => c.Work)])).DefaultIfEmpty(0).Max());
    }

    /// <summary>What is free, less a half for everything else.</summary>
    public static long Allowed() => AvailableMemory.Read() / 2;

    private ICellRunner Runner(int pair, IReadOnlyList<CellWork> cells, bool isNaive)
    {
        var (one, plan) = (patched.Take([pair]), under(pair));
        var (stack, columns) = (one.Shape.Name, one.Columns[0].Length);
        var isWhole = columns == one.Tokens[0].Count && (metric.Reads is not { } place || place == -1 || place == columns - 1);
        return !isNaive && cells.Count > 0 && one.Packable is not null
            && plan.Edits.SelectMany(e => e.Places()).All(p => p == $"{stack}.{Point.Embed}")
            && cells.All(c => c.Changes.All(p => p.Place.Stack == stack && p.Place.Layer is not null
                && (isWhole || p.Place.Point.Axes != PointAxes.Attention)))
            ? new PackedCells(one, metric, plan, cells.Min(c => c.FirstLayer), cells.Any(c => c.FirstColumn > one.Columns[0][0]))
            : new BatchedCells(one, metric, plan, cells, isNaive);
    }

    /// <exception cref="VitrineException">A single cell takes more than is allowed.</exception>
    private static IEnumerable<(int Cell, CellWork Work)[]> Batches(ICellRunner runner, IReadOnlyList<(int Cell, CellWork Work)> cells, long allowed)
    {
        // Scores and patterns are as wide as the whole text: their cells share no row with shorter ones.
        foreach (var group in cells.GroupBy(c => (Blocks: runner.Together(c.Work), IsWhole: c.Work.Changes.Any(p => p.Place.Point.Axes == PointAxes.Attention)))
            .OrderBy(g => g.Key))
        {
            var own = group.ToArray();
            var left = new Queue<(int Cell, CellWork Work)>(runner.Ordered([.. own.Select(c => c.Work)]).Select(i => own[i]));
            while (left.Count > 0)
            {
                var count = left.Count;
                while (count > 1 && runner.Memory([.. left.Take(count).Select(c => c.Work)]) > Math.Min(allowed, Math.Max(Filled, runner.Memory([]))))
                {
                    count = (count + 1) / 2;
                }

                var needed = runner.Memory([.. left.Take(count).Select(c => c.Work)]);
                if (needed > allowed)
                {
                    throw new VitrineException(
                        $"sweep: a single cell takes {needed / 1e6:0.0} MB with what is kept of the run; {allowed / 1e6:0.0} MB are allowed.");
                }

                yield return [.. Enumerable.Range(0, count).Select(_ => left.Dequeue())];
            }
        }
    }
}
