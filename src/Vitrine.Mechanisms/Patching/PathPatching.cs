using Vitrine.Mechanisms.Metrics;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Patching;

/// <summary>Which paths are patched: from heads to what later heads read.</summary>
public sealed record PathSweep
{
    /// <summary>What of the later head reads it: <c>q</c>, <c>k</c> or <c>v</c>.</summary>
    public IReadOnlyList<string> Into { get; init => field = value ?? ["q"]; } = ["q"];

    /// <summary>Layers of the sources; null for all that have a later one.</summary>
    public IReadOnlyList<int>? From { get; init; }

    /// <summary>Layers of the later heads; null for all.</summary>
    public IReadOnlyList<int>? To { get; init; }

    /// <summary>Whether what feed-forwards in between make of it arrives too (Wang et al. 2022); else the residual stream carries it alone.</summary>
    public bool ThroughMlps { get; init; }

    /// <summary>Whether corrupted activations go into the clean run.</summary>
    public bool Noise { get; init; }
}

/// <summary>
/// Path patching: the source head's output is that of the other run, all other heads (and feed-forwards, where the path is the direct one) stay as they were,
/// and what reaches one later head's query, key or value is put in there, alone.
/// </summary>
/// <remarks>
/// Goldowsky-Dill et al. 2023; Wang et al. 2022. Two runs a source layer give what every later head reads: the source patched with all that stands between
/// frozen; then each later head's reading is a cell of its own, started at its layer.
/// </remarks>
public sealed class PathPatching
{
    private readonly PatchContrast contrast;

    /// <param name="clean">Of one model; row r is the partner of row r of the other.</param>
    /// <param name="corrupted">Of the same model.</param>
    /// <param name="metric">What is measured.</param>
    /// <exception cref="VitrineException">They are of two models, of different numbers of rows or lengths, or the model cannot start in between.</exception>
    public PathPatching(Subject clean, Subject corrupted, Metric metric)
    {
        contrast = PatchContrast.Between(clean, corrupted, metric);
        if (!clean.CanStart || clean.Steps > 1)
        {
            throw new VitrineException($"path patching: {clean.Model.Name} cannot start between its layers in one pass; expected a language model.");
        }

        foreach (var (pair, (a, b)) in clean.Columns.Zip(corrupted.Columns).Index())
        {
            if (a.Length != b.Length)
            {
                throw new VitrineException(
                    $"path patching: pair {pair} has {a.Length} positions clean and {b.Length} corrupted; positions must match.");
            }
        }
    }

    /// <summary>Every path of a sweep, in order: layer and head of the source, then what reads, layer and head of the later one.</summary>
    /// <param name="sweep">Which.</param>
    /// <exception cref="VitrineException">There is no such layer or reader.</exception>
    public IReadOnlyList<PatchCell> Cells(PathSweep sweep)
    {
        ArgumentNullException.ThrowIfNull(sweep);
        var shape = contrast.Clean.Shape;
        foreach (var layer in (sweep.From ?? []).Concat(sweep.To ?? []).Where(l => l < 0 || l >= shape.Layers))
        {
            throw new VitrineException($"path patching: there is no layer {layer}; stack '{shape.Name}' has {shape.Layers}, counted from 0.");
        }

        Point[] readers = [.. sweep.Into.Select(p => PatchContrast.PointOf(p, shape))];
        if (Array.Find(readers, p => p != Point.AttnQ && p != Point.AttnK && p != Point.AttnV) is { } other)
        {
            throw new VitrineException($"path patching: into '{other}'; expected q, k or v.");
        }

        var layers = Enumerable.Range(0, shape.Layers).ToArray();
        var cells = from source in sweep.From ?? layers
                    from head in Enumerable.Range(0, shape.Heads)
                    from reader in readers
                    from later in (sweep.To ?? layers).Where(l => l > source)
                    from laterHead in Enumerable.Range(0, reader.HeadsIn(shape))
                    select new PatchCell(Point.AttnZ.Name, source) { Head = head, To = reader.Name, ToLayer = later, ToHead = laterHead };
        PatchCell[] all = [.. cells];
        return all.Length > 0 ? all : throw new VitrineException("path patching: no later layer reads what these write.");
    }

    /// <summary>What a sweep will take.</summary>
    /// <param name="sweep">Which paths.</param>
    /// <param name="options">How; as they stand when null.</param>
    /// <param name="cancellation">Stops between passes.</param>
    /// <exception cref="VitrineException">The sweep means nothing here, or a cell takes more memory than is allowed.</exception>
    public PatchPlan Plan(PathSweep sweep, PatchOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(sweep);
        options ??= new PatchOptions();
        var cells = Cells(sweep);
        var (patched, source) = Directed(sweep);
        var layers = cells.GroupBy(c => c.Layer).Select(g => g.ToArray()).ToArray();
        var costs = layers.Select(own => Part(patched, source, own, sweep).Cost(options, cancellation)).ToArray();
        // What later heads read of a layer's heads: two runs that are kept, and one of every head from the layer to the last reader.
        var reading = layers.Sum(own => 2 + (own.Select(c => c.Head).Distinct().Count() * (double)(own.Max(c => c.ToLayer!.Value) + 1 - own[0].Layer)
            / patched.Shape.Layers)) * patched.Rows;
        var forwards = costs.Sum(c => c.Forwards) + reading;
        return new PatchPlan
        {
            Sweep = Asked(sweep),
            Cells = cells,
            Pairs = patched.Rows,
            Passes = costs.Sum(c => c.Passes) + (3 * layers.Length * patched.Rows),
            Forwards = forwards,
            GigaOperations = PatchPlan.Operations(patched, forwards),
            Memory = costs.Max(c => c.Memory),
            Allowed = options.Memory ?? CellSweep.Allowed(),
        };
    }

    /// <summary>Runs a sweep.</summary>
    /// <param name="sweep">Which paths.</param>
    /// <param name="options">How; as they stand when null.</param>
    /// <param name="progress">Told the share that is done.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <exception cref="VitrineException">The sweep means nothing here, or the contrast changes nothing.</exception>
    public PatchResult Run(PathSweep sweep, PatchOptions? options = null, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(sweep);
        options ??= new PatchOptions();
        var cells = Cells(sweep);
        var (patched, source) = Directed(sweep);
        var baselines = contrast.Unpatched(patched, null, cancellation);
        var others = contrast.Unpatched(source, null, cancellation);
        PatchContrast.Require(sweep.Noise ? baselines : others, sweep.Noise ? others : baselines, contrast.Metric);
        var asked = Asked(sweep);
        var method = sweep.ThroughMlps ? "path, through feed-forwards" : "path";
        using var done = options.Resume is { } path
            ? DoneCells.Open(path, new PatchProgress
            {
                Model = patched.Model.Fingerprint,
                Inputs = DoneCells.HashOf(contrast.Clean, contrast.Corrupted),
                Method = $"{method} to {string.Join(",", sweep.To ?? [])}",
                Sweep = asked,
                Metric = contrast.Metric,
                Baselines = baselines,
                Done = [],
            }, cells.Count)
            : null;
        var values = baselines.Select(_ => new double[cells.Count]).ToArray();
        var at = 0;
        foreach (var layer in cells.GroupBy(c => c.Layer))
        {
            var (own, offset) = (layer.ToArray(), at);
            var found = Part(patched, source, own, sweep).Run(
                baselines, options, done, progress is null ? null : new Shares(s => progress.Report((offset + (s * own.Length)) / cells.Count)),
                    cancellation, offset);
            foreach (var (pair, row) in found.Index())
            {
                row.CopyTo(values[pair], offset);
            }

            at += own.Length;
        }

        return new PatchResult
        {
            Method = method,
            Model = patched.Model.Name,
            Stack = patched.Shape.Name,
            Sweep = asked,
            Metric = contrast.Metric,
            Patched = baselines,
            Source = others,
            Tokens = patched.Tokens[0],
            Cells = [.. cells.Select((cell, i) => new PatchEffect(cell, [.. values.Select(v => v[i])]))],
        };
    }

    /// <summary>Whose runs are patched, and with whose activations.</summary>
    private (Subject Patched, Subject Source) Directed(PathSweep sweep)
        => sweep.Noise ? (contrast.Clean, contrast.Corrupted!) : (contrast.Corrupted!, contrast.Clean);

    /// <summary>The same as results name it.</summary>
    private static PatchSweep Asked(PathSweep sweep) => new()
    {
        Points = [Point.AttnZ.Name, .. sweep.Into],
        By = [PatchAxis.Head],
        Layers = sweep.From,
        Noise = sweep.Noise,
    };

    /// <summary>The cells of one source layer.</summary>
    private CellSweep Part(Subject patched, Subject source, PatchCell[] cells, PathSweep sweep)
        => new(patched, contrast.Metric, _ => RunPlan.Empty, (pair, stop) => Work(patched, source, cells, pair, sweep.ThroughMlps, stop));

    /// <summary>What every later head reads of each head of one layer, and the cells that put it in.</summary>
    private static PairWork Work(Subject patched, Subject source, PatchCell[] cells, int pair, bool throughMlps, CancellationToken cancellation)
    {
        var (one, shape, layer) = (patched.Take([pair]), patched.Shape, cells[0].Layer);
        Address z = new(shape.Name, layer, Point.AttnZ);
        Address[] frozen =
        [
            .. Enumerable.Range(layer + 1, shape.Layers - layer - 1).Select(l => new Address(shape.Name, l, Point.AttnOut)),
            .. Enumerable.Range(layer, throughMlps ? 0 : shape.Layers - layer).Select(l => new Address(shape.Name, l, Point.MlpOut)),
        ];
        Address[] read = [.. cells.Select(c => new Address(shape.Name, c.ToLayer!.Value, PatchContrast.PointOf(c.To!, shape))).Distinct()];
        using var given = source.Take([pair]).Run(RunPlan.Capturing(z.ToString()), null, cancellation);
        using var own = one.Run(RunPlan.Capturing([.. frozen.Select(a => a.ToString()), .. RunStart.Needs(shape, layer)]), null, cancellation);
        int[] heads = [.. cells.Select(c => c.Head!.Value).Distinct()];
        var edits = frozen.Select(a => (Edit)new CallbackEdit(a.ToString(), (x, at) => own.Run[at.ToString()].expand_as(x))).Append(
            new CallbackEdit(z.ToString(), (x, at) =>
            {
                var changed = x.clone();
                foreach (var (row, head) in heads.Index())
                {
                    using var scope = NewDisposeScope();
                    changed[row].select(1, head).copy_(given.Run[at.ToString()][0].select(1, head));
                }

                return changed;
            }));
        var plan = new RunPlan { Edits = [.. edits], Capture = [.. read.Select(a => a.ToString())], StopAfter = read.Max(a => a.Layer) };
        plan = plan with { Edits = [.. plan.Edits.Where(e => Address.Parse(e.Places().Single()).Layer <= plan.StopAfter)] };
        var run = one.Take([.. heads.Select(_ => 0)]).Run(plan, RunStart.From(own.Run, shape, layer), cancellation);
        var values = new RunValues(run);
        return new PairWork(
            [.. cells.Select(c => new CellWork(
                [new PlaceChange(new Address(shape.Name, c.ToLayer, PatchContrast.PointOf(c.To!, shape)), values) { Row = Array.IndexOf(heads, c.Head),
                    Head = c.ToHead }]))],
            [values]);
    }

    private sealed class Shares(Action<double> report) : IProgress<double>
    {
        public void Report(double value) => report(value);
    }
}
