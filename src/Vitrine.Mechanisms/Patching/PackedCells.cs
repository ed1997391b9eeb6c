using Vitrine.Mechanisms.Metrics;
using Vitrine.Transformers;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Patching;

/// <summary>
/// Cells of one text of a causal decoder: each starts at its first patched layer from the cached residual and at its first patched column; what stands before
/// is read from the cached keys and values. Cells lie one behind the other in the rows of a batch, so that no column is computed that no cell needs.
/// </summary>
/// <remarks>
/// A cell from column f on has the columns f to m, m being the one that the metric reads. A row as wide as the longest cell holds several; a query sees the
/// cached columns before its own cell's first, and its own cell's columns up to its own. In the last block all columns have keys and values, and the metric's
/// alone a query. Only what the metric reads is unembedded. Cells that start at neighbouring blocks share a batch, whose later rows come in where their block
/// begins: products of many rows cost less a row.
/// </remarks>
internal sealed class PackedCells : ICellRunner
{
    /// <summary>Blocks whose cells share a batch.</summary>
    private const int Neighbours = 2;

    private readonly Subject subject;
    private readonly Metric metric;
    private readonly Decoder decoder;
    private readonly int[] ids;
    private readonly int read;
    private readonly Run cached;

    /// <param name="subject">Of one row.</param>
    /// <param name="metric">What is measured.</param>
    /// <param name="under">What the run that is patched is under, in front of its blocks.</param>
    /// <param name="firstLayer">The first layer of all cells.</param>
    /// <param name="firstColumn">Whether some cell starts behind column 0, so that keys and values are needed.</param>
    public PackedCells(Subject subject, Metric metric, RunPlan under, int firstLayer, bool firstColumn)
    {
        (this.subject, this.metric) = (subject, metric);
        (decoder, var texts) = subject.Packable!.Value;
        ids = texts[0];
        read = metric.Reads is not { } place ? -1
            : (place < 0 ? ids.Length + place : place) is >= 0 and var at && at < ids.Length ? at
            : throw new VitrineException($"metric: position {place}; the text has {ids.Length} positions.");
        var shape = decoder.Shape;
        string[] wanted = [.. Enumerable.Range(firstLayer, shape.Layers - firstLayer).Select(l => $"{shape.Name}.{l}.{Point.ResidPre}")];
        string[] keys = firstColumn ? [.. RunStart.Needs(shape, firstLayer, 1).Where(a => !a.EndsWith($".{Point.ResidPre}", StringComparison.Ordinal))] : [];
        using var whole = subject.Run(under.Then(new RunPlan { Capture = [.. wanted.Union(keys)], StopAfter = shape.Layers - 1 }));
        cached = Own(whole.Run, subject.Columns[0]);
    }

    private int Last => read < 0 ? ids.Length - 1 : read;

    /// <inheritdoc/>
    public double Share(CellWork cell)
    {
        var columns = Columns(cell).Count;
        var (blocks, all) = (decoder.Shape.Layers - FirstLayer(cell), decoder.Shape.Layers);
        return columns <= 0 ? 0 : (double)blocks * columns / ((double)all * ids.Length);
    }

    /// <inheritdoc/>
    public long Memory(IReadOnlyList<CellWork> cells)
    {
        var (shape, width, start) = (decoder.Shape, Last + 1L, cells.Count == 0 ? 0 : cells.Max(c => Columns(c).First));
        var rows = Math.Max(1, (cells.Sum(c => (long)Math.Max(0, Columns(c).Count)) + width - 1) / width);
        long keys = start + width, heads = (long)shape.HeadWidth * (shape.Heads + (2L * shape.KeyValueHeads));
        var column = (10L * shape.Width) + (3 * heads) + (4L * shape.Neurons) + keys;
        var kept = (shape.Layers - cells.Select(FirstLayer).DefaultIfEmpty(0).Min()) * keys * 2L * shape.KeyValueHeads * shape.HeadWidth;
        return (rows * 4 * ((width * column) + kept + (keys * 2L * shape.Heads * shape.HeadWidth))) + Cached;
    }

    /// <inheritdoc/>
    public int Together(CellWork cell) => FirstLayer(cell) / Neighbours;

    /// <remarks>Long ones beside short ones, so that rows are filled in every batch.</remarks>
    public IReadOnlyList<int> Ordered(IReadOnlyList<CellWork> cells)
    {
        int[] sorted = [.. cells.Index().OrderByDescending(c => Columns(c.Item).Count).Select(c => c.Index)];
        return [.. Enumerable.Range(0, sorted.Length).Select(i => sorted[i % 2 == 0 ? i / 2 : sorted.Length - 1 - (i / 2)])];
    }

    /// <remarks>What stands behind the last column that is read, and residuals that are the same in both runs, bit by bit.</remarks>
    public bool ChangesNothing(CellWork cell) => Columns(cell).Count == 0 || Moved(cell).Changes.All(IsSame);

    private bool IsSame(PlaceChange change)
    {
        if (change.Place.Point != Point.ResidPre || change.Neuron is not null)
        {
            return false;
        }

        using var scope = NewDisposeScope();
        var own = cached[change.Place.ToString()][0];
        var values = change.Values.At(change.ValuePlace ?? change.Place)[change.Row];
        return (change.Columns ?? subject.Columns[0]).Zip(change.From ?? change.Columns ?? subject.Columns[0])
            .All(c => !own[Own(c.First)].ne(values[values.shape[0] == 1 ? 0 : c.Second]).any().item<bool>());
    }

    private long Cached => cached.Activations.Values.Sum(t => t.numel() * t.element_size());

    /// <inheritdoc/>
    public double[] Run(IReadOnlyList<CellWork> cells, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        CellWork[] moved = [.. cells.Select(Moved)];
        var packing = Packing.Of([.. moved.Select(Columns)], [.. moved.Select(c => c.FirstLayer)]);
        var changed = moved.Index().Where(c => packing.Places[c.Index].Count > 0).Select(c => (Whole(c.Item), packing.Places[c.Index].Row,
            packing.At(c.Index)));
        using var bound = subject.Model.Bind(new RunPlan { Edits = CellWork.Edits([.. changed], isDecoded: false) });
        var hidden = Hidden(packing, moved.Max(LastLayer), bound);                                        // (cells, columns, d)
        int[] none = [.. Enumerable.Repeat(0, cells.Count)];
        using var run = new SubjectRun(subject.Take(none), new Run([], null))
        {
            Ids = [.. none.Select(_ => ids)],
            ScoresOf = () => decoder.Spoken(hidden),
            ReadOf = read < 0 ? null : () => hidden.squeeze(1),
        };
        return [.. metric.Values(run)];
    }

    public void Dispose() => cached.Dispose();

    /// <summary>The residual behind the last block where the metric reads it: (cells,1,d), or (cells,T,d) where it reads all.</summary>
    private Tensor Hidden(Packing packing, int lastPatched, BoundPlan bound)
    {
        var (shape, end) = (decoder.Shape, decoder.Shape.Layers - 1);
        var readsOne = read >= 0 && lastPatched < end;
        using var cache = new KeyValueCache(shape.Layers, packing.Earlier + packing.Width + packing.PerRow);
        long[] columns = packing.ColumnsOr0;
        var (x, here) = ((Tensor?)null, 0);                                                                // (rows so far, columns, d)
        foreach (var (start, (layer, rows)) in packing.Starts.Index())
        {
            var residual = cached[$"{shape.Name}.{layer}.{Point.ResidPre}"][0];                           // (T, d)
            var own = residual.index_select(0, tensor(columns[(here * packing.Width)..(rows * packing.Width)], device: decoder.Device))
                .view(rows - here, packing.Width, -1);
            (x, here) = (x is null ? own : cat([x, own], 0), rows);
            var next = start + 1 < packing.Starts.Count ? packing.Starts[start + 1].Layer : end + 1;
            for (var at = layer; packing.Earlier > 0 && at < next; at++)
            {
                using var inner = NewDisposeScope();
                _ = cache.Append(at, Before(Keys(shape, at), packing, rows), Before($"{shape.Name}.{at}.{Point.AttnV}", packing, rows));
            }

            var stop = Math.Min(next - 1, readsOne ? end - 1 : end);
            if (layer <= stop)
            {
                using var pass = packing.Pass(Scope(rows), ids.Length, rows);
                (x, _) = decoder.Through(x, pass, cache, layer, stop);
            }
        }

        if (!readsOne)
        {
            return read < 0
                ? x!.index_select(0, tensor(packing.Places.Select(p => (long)p.Row).ToArray(), device: x.device))                  // a row each
                : x!.flatten(0, 1).index_select(0, tensor(packing.LastColumns, device: x.device)).unsqueeze(1);
        }

        using var keys = packing.Pass(Scope(here), ids.Length, here);
        keys.KeysAloneAt = end;
        _ = decoder.Through(x!, keys, cache, end, end);
        using var asking = packing.LastPass(Scope(here), ids.Length);
        (x, _) = decoder.Through(packing.Lasts(x!), asking, cache, end, end);                              // (rows, cells of a row, d)
        return x.flatten(0, 1).index_select(0, tensor(packing.LastPlaces, device: x.device)).unsqueeze(1);

        RunScope Scope(int rows) => new(bound, new RunRows(rows, TokenKinds.None), range: null);
    }

    private Tensor Before(string address, Packing packing, int rows)
        => cached[address].narrow(1, 0, packing.Earlier).transpose(1, 2).expand(rows, -1, -1, -1);

    private static string Keys(StackShape shape, int layer)
        => RunStart.Needs(shape, layer, 1).First(a => a.StartsWith($"{shape.Name}.{layer}.attn.k", StringComparison.Ordinal));

    /// <summary>The first column that a cell computes and how many; none where it changes nothing that the metric reads.</summary>
    private (int First, int Count) Columns(CellWork cell)
    {
        var first = read < 0 || cell.Changes.Any(c => c.Place.Point.Axes == PointAxes.Attention) ? 0 : Own(cell.FirstColumn);
        return (first, Math.Max(0, Last + 1 - first));
    }

    /// <summary>Own position of a column.</summary>
    private int Own(int column) => Math.Max(0, Array.IndexOf(subject.Columns[0], column));

    private int FirstLayer(CellWork cell) => Moved(cell).FirstLayer;

    private static int LastLayer(CellWork cell) => cell.Changes.Max(c => c.Place.Layer!.Value);

    /// <summary>What is put behind a block goes in front of the next one.</summary>
    private CellWork Moved(CellWork cell) => cell.Changes.Any(c => c.Place.Point == Point.ResidPost && c.Place.Layer < decoder.Shape.Layers - 1)
        ? new CellWork([.. cell.Changes.Select(c => c.Place.Point == Point.ResidPost && c.Place.Layer is { } l && l < decoder.Shape.Layers - 1
            ? c with { Place = c.Place with { Layer = l + 1, Point = Point.ResidPre }, ValuePlace = c.ValuePlace ?? c.Place }
            : c)])
        : cell;

    /// <summary>The same in own positions: all of them where a change names none, up to the last that is computed.</summary>
    private CellWork Whole(CellWork cell)
    {
        var own = subject.Columns[0];
        return new CellWork([.. cell.Changes.Select(c =>
        {
            int[] columns = c.Columns ?? own, from = c.From ?? columns;
            var kept = columns.Index().Where(i => Own(i.Item) <= Last).Select(i => i.Index).ToArray();
            return c with { Columns = [.. kept.Select(i => Own(columns[i]))], From = [.. kept.Select(i => from[i])] };
        })]);
    }

    /// <summary>A run's activations at a text's own columns.</summary>
    private static Run Own(Run whole, int[] columns)
    {
        using var scope = NewDisposeScope();
        var kept = new Dictionary<Address, Tensor>();
        var isWhole = columns.Length == whole.Activations.Values.First().shape[1];
        var chosen = tensor(columns.Select(c => (long)c).ToArray(), device: whole.Activations.Values.First().device);
        foreach (var (address, value) in whole.Activations)
        {
            kept[address] = (isWhole ? value.alias() : value.index_select(1, chosen)).DetachFromDisposeScope();
        }

        return new Run(kept, null);
    }
}
