using Vitrine.Mechanisms.Metrics;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Patching;

/// <summary>Where the gradients of attribution patching are taken.</summary>
public enum AttributionPath
{
    /// <summary>At the run that is patched: one forward and one backward pass for all cells (Nanda 2023).</summary>
    None,

    /// <summary>On the way of the stack's inputs from that run to the other, mean of the steps (EAP-IG; Hanna et al. 2024).</summary>
    Inputs,

    /// <summary>On the way of each activation from that run to the other, place by place; exact in the limit (Sundararajan et al. 2017).</summary>
    Activations,
}

/// <summary>How attribution patching estimates.</summary>
public sealed record AttributionOptions
{
    /// <summary>Where gradients are taken.</summary>
    public AttributionPath Path { get; init; }

    /// <summary>Steps of a path, at the middle of each part: (k + 1/2) / n.</summary>
    public int Steps { get; init; } = 16;

    /// <summary>Bytes that it may take; half of what the machine has free when null.</summary>
    public long? Memory { get; init; }

    /// <summary>A file of cells that were done: read before it starts, written as it goes on; null for none.</summary>
    public string? Resume { get; init; }
}

/// <summary>
/// Attribution patching: what patching each cell would do, to first order: sum of (source - patched) * d metric / d activation over the cell.
/// </summary>
/// <remarks>
/// Exact where the metric is linear in the activation between the two runs. The value of a cell is the estimated metric, the unpatched one plus the sum, so
/// that results are read as those of <see cref="ActivationPatching"/>.
/// </remarks>
public static class AttributionPatching
{
    /// <summary>What a sweep will take.</summary>
    /// <param name="clean">Of one model; row r is the partner of row r of the other.</param>
    /// <param name="corrupted">Of the same model.</param>
    /// <param name="metric">What is measured; it must have a derivative.</param>
    /// <param name="sweep">Which cells.</param>
    /// <param name="options">How; at the patched run when null.</param>
    /// <param name="cancellation">Stops between passes.</param>
    /// <exception cref="VitrineException">The sweep means nothing here, the contrast changes nothing, or it takes more memory than is allowed.</exception>
    public static PatchPlan Plan(
        Subject clean, Subject corrupted, Metric metric, PatchSweep sweep, AttributionOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(sweep);
        options ??= new AttributionOptions();
        return Plan(Asked(clean, corrupted, metric, sweep, options, cancellation), options);
    }

    /// <summary>Estimates every cell of a sweep.</summary>
    /// <param name="clean">Of one model; row r is the partner of row r of the other.</param>
    /// <param name="corrupted">Of the same model.</param>
    /// <param name="metric">What is measured; it must have a derivative.</param>
    /// <param name="sweep">Which cells.</param>
    /// <param name="options">How; at the patched run when null.</param>
    /// <param name="progress">Told the share that is done.</param>
    /// <param name="cancellation">Stops between passes; what was done stands in the file to resume from, where one is named.</param>
    /// <exception cref="VitrineException">As <see cref="Plan(Subject, Subject, Metric, PatchSweep, AttributionOptions?, CancellationToken)"/> says, or the
    /// file to resume from is another sweep's.</exception>
    public static PatchResult Of(
        Subject clean, Subject corrupted, Metric metric, PatchSweep sweep, AttributionOptions? options = null, IProgress<double>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(sweep);
        options ??= new AttributionOptions();
        var asked = Asked(clean, corrupted, metric, sweep, options, cancellation);
        _ = Plan(asked, options);
        var method = options.Path == AttributionPath.None ? "attribution"
            : $"attribution, integrated over {(options.Path == AttributionPath.Inputs ? "inputs" : "activations")}";
        using var done = options.Resume is { } path
            ? DoneCells.Open(path, new PatchProgress
            {
                Model = clean.Model.Fingerprint,
                Inputs = DoneCells.HashOf(clean, corrupted),
                Method = options.Path == AttributionPath.None ? method : $"{method} in {options.Steps} steps",
                Sweep = asked.Sweep,
                Metric = metric,
                Baselines = asked.Baselines,
                Done = [],
            }, asked.Listed.Count)
            : null;
        var values = Enumerable.Range(0, clean.Rows).Select(pair => new PairAttribution(asked, metric, pair, done, cancellation)
            .Values(options, s => progress?.Report((pair + s) / clean.Rows))).ToArray();
        return new PatchResult
        {
            Method = method,
            Model = clean.Model.Name,
            Stack = asked.Patched.Shape.Name,
            Sweep = asked.Sweep,
            Metric = metric,
            Patched = asked.Baselines,
            Source = asked.Others,
            Tokens = asked.Patched.Tokens[0],
            Cells = [.. asked.Listed.Select((cell, i) => new PatchEffect(cell, [.. values.Select(v => v[i])]))],
        };
    }

    private static AskedSweep Asked(
        Subject clean, Subject corrupted, Metric metric, PatchSweep sweep, AttributionOptions options, CancellationToken cancellation)
        => sweep.Ungrouped || options.Steps < 1
            ? throw new VitrineException(sweep.Ungrouped
                ? "attribution: keys and values of one query head have no gradient of their own; attribute the shared ones, or attn.scores and attn.z."
                : $"attribution: a path of {options.Steps} steps; expected at least 1.")
            : new AskedSweep(PatchContrast.Between(clean, corrupted, metric), sweep, cancellation);

    /// <remarks>A pass with derivatives counts as three: forward, and back through activations and weights' products.</remarks>
    private static PatchPlan Plan(AskedSweep asked, AttributionOptions options)
    {
        var places = asked.Places();
        var gradients = options.Path switch
        {
            AttributionPath.None => 1,
            AttributionPath.Inputs => options.Steps,
            _ => options.Steps * places.Count,
        };
        var (rows, shape, columns) = (asked.Patched.Rows, asked.Patched.Shape, (long)asked.Patched.Columns.Max(c => c.Length));
        var forwards = rows * (2.0 + (3 * gradients));
        // Both runs' activations and their difference; and what a pass keeps of every block for its way back.
        var kept = 3 * 4 * asked.Patched.Steps * places.Sum(p => Numbers(p.Point, shape, columns));
        var graph = 4 * shape.Layers * columns * ((10L * shape.Width) + (4L * shape.Neurons) + (2 * shape.Heads * columns));
        var allowed = options.Memory ?? CellSweep.Allowed();
        return kept + graph > allowed
            ? throw new VitrineException(FormattableString.Invariant(
                $"attribution: takes {(kept + graph) / 1e6:0.0} MB with what is kept of the runs; {allowed / 1e6:0.0} MB are allowed."))
            : new PatchPlan
            {
                Sweep = asked.Sweep,
                Cells = asked.Listed,
                Pairs = rows,
                Passes = rows * (2 + gradients),
                Forwards = forwards,
                GigaOperations = PatchPlan.Operations(asked.Patched, forwards),
                Memory = kept + graph,
                Allowed = allowed,
            };
    }

    /// <summary>Numbers that a point has in one input.</summary>
    private static long Numbers(Point point, StackShape shape, long columns) => point.Axes switch
    {
        PointAxes.Attention => point.HeadsIn(shape) * columns * columns,
        PointAxes.Heads => point.HeadsIn(shape) * columns * point.LastAxisIn(shape),
        _ => columns * point.LastAxisIn(shape),
    };

    /// <summary>Gradients of a metric's sum over rows at points of one run, as attribution patching takes them.</summary>
    /// <param name="subject">What is run.</param>
    /// <param name="metric">What is derived.</param>
    /// <param name="addresses">Points, wildcards allowed.</param>
    /// <returns>By address, in the points' shapes; owned by the caller.</returns>
    public static IReadOnlyDictionary<Address, Tensor> Gradients(Subject subject, Metric metric, params IReadOnlyList<string> addresses)
    {
        ArgumentNullException.ThrowIfNull(subject);
        ArgumentNullException.ThrowIfNull(metric);
        using var run = subject.Run(new RunPlan { Gradients = addresses });
        return run.Run.GradientsOf(_ => metric.Of(run).sum());
    }
}

/// <summary>The estimates of one pair.</summary>
/// <param name="asked">The sweep.</param>
/// <param name="metric">What is derived.</param>
/// <param name="pair">Which.</param>
/// <param name="done">What is known already, and hears of what becomes known; null for nothing.</param>
/// <param name="cancellation">Stops between passes.</param>
internal sealed class PairAttribution(AskedSweep asked, Metric metric, int pair, DoneCells? done, CancellationToken cancellation)
{
    private readonly Subject patched = asked.Patched.Take([pair]);
    private readonly double?[] known = [.. Enumerable.Range(0, asked.Points.Count).Select(cell => done?.Find(pair, cell))];

    /// <summary>[cell]: the estimated metric, the unpatched one and the sum of (source - patched) * gradient.</summary>
    /// <param name="options">Where gradients are taken.</param>
    /// <param name="report">Hears the share that is done.</param>
    public double[] Values(AttributionOptions options, Action<double> report)
    {
        if (known.Any(v => v is null))
        {
            var sums = Sums(options, report);
            Know(sums, _ => true);
        }

        report(1);
        return [.. known.Select(v => v!.Value)];
    }

    /// <summary>Cells whose sums are whole.</summary>
    private void Know(double[] sums, Func<int, bool> isWhole)
    {
        int[] cells = [.. Enumerable.Range(0, known.Length).Where(cell => known[cell] is null && isWhole(cell))];
        foreach (var cell in cells)
        {
            known[cell] = asked.Baselines[pair] + sums[cell];
        }

        done?.Add(pair, [.. cells.Select(cell => (cell, known[cell]!.Value))]);
    }

    private double[] Sums(AttributionOptions options, Action<double> report)
    {
        using var scope = NewDisposeScope();
        var places = asked.Places();
        string[] wanted = [.. places.Select(p => GivenValues.Steps(patched, p))];
        string[] inputs = options.Path == AttributionPath.Inputs ? [.. Inputs().Select(p => GivenValues.Steps(patched, p))] : [];
        using var from = asked.Source!.Take([pair]).Run(RunPlan.Capturing([.. wanted.Union(inputs)]), null, cancellation);
        using var own = patched.Run(RunPlan.Capturing([.. wanted.Union(inputs)]), null, cancellation);
        var differences = own.Run.Activations.Keys.Where(a => places.Contains(a with { Step = 0 })).ToDictionary(a => a, a => Difference(from.Run, own.Run, a));
        var sums = new double[asked.Points.Count];
        if (options.Path != AttributionPath.Activations)
        {
            var steps = options.Path == AttributionPath.None ? 1 : options.Steps;
            for (var step = 0; step < steps; step++)
            {
                cancellation.ThrowIfCancellationRequested();
                using var inner = NewDisposeScope();
                var share = (step + .5) / steps;
                Edit[] moved = options.Path == AttributionPath.None ? [] : [.. Inputs().Select(p => Between(p, from.Run, own.Run, share))];
                Add(sums, differences, Gradients(wanted, moved), 1.0 / steps);
                report((step + 1.0) / steps);
            }

            return sums;
        }

        int[][] cellsOf = [.. places.Select(place => asked.Points.Index()
            .Where(c => c.Item.Point == place.Point && asked.Window(c.Item.Cell.Layer).Contains(place.Layer!.Value)).Select(c => c.Index).ToArray())];
        var left = new int[known.Length];
        foreach (var cell in cellsOf.SelectMany(c => c))
        {
            left[cell]++;
        }

        foreach (var (i, place) in places.Index())
        {
            if (Array.TrueForAll(cellsOf[i], cell => known[cell] is not null))
            {
                continue;
            }

            for (var step = 0; step < options.Steps; step++)
            {
                cancellation.ThrowIfCancellationRequested();
                using var inner = NewDisposeScope();
                var gradients = Gradients([GivenValues.Steps(patched, place)], [Between(place, from.Run, own.Run, (step + .5) / options.Steps)]);
                Add(sums, differences, gradients, 1.0 / options.Steps);
            }

            foreach (var cell in cellsOf[i])
            {
                left[cell]--;
            }

            Know(sums, cell => left[cell] == 0);
            report((i + 1.0) / places.Count);
        }

        return sums;
    }

    /// <summary>What the stack reads: embeddings, or what it is given by another stack besides.</summary>
    private Address[] Inputs()
    {
        var shape = patched.Shape;
        Point[] given = [.. new[] { Point.AttnPrefixK, Point.AttnPrefixV }.Where(shape.Points.Contains)];
        return
        [
            .. shape.Points.Contains(Point.Embed) ? [new Address(shape.Name, null, Point.Embed)] : Array.Empty<Address>(),
            .. Enumerable.Range(0, shape.Layers).SelectMany(l => given.Select(p => new Address(shape.Name, l, p))),
        ];
    }

    private IReadOnlyDictionary<Address, Tensor> Gradients(IReadOnlyList<string> wanted, IReadOnlyList<Edit> edits)
    {
        using var run = patched.Run(new RunPlan { Gradients = wanted, Edits = edits }, null, cancellation);
        return run.Run.GradientsOf(_ => metric.Of(run).sum());
    }

    /// <summary>An activation on its way from the patched run's to the other's.</summary>
    private CallbackEdit Between(Address place, Run from, Run own, double share) => new(place.ToString(), (x, at) =>
    {
        var (a, b) = (own[at.ToString()], from[at.ToString()]);
        Require(a, b, at);
        return a.lerp(b, share).detach();
    });

    /// <remarks>Groups may stand at other columns of the other run: the difference is laid where the patched run has them.</remarks>
    private Tensor Difference(Run from, Run own, Address at)
    {
        var (a, b) = (own[at.ToString()], from[at.ToString()]);
        if (a.shape.SequenceEqual(b.shape))
        {
            return b - a;
        }

        var (columns, others, _) = asked.Columns(asked.Listed[0], pair);
        if (columns is null || asked.Sweep.By.Contains(PatchAxis.Group) || asked.Sweep.Groups is null || at.Point.Axes == PointAxes.Attention)
        {
            Require(a, b, at);
        }

        var difference = zeros_like(a);
        foreach (var (column, other) in columns!.Zip(others!))
        {
            difference.select(1, column).copy_(b.select(1, other) - a.select(1, column));
        }

        return difference;
    }

    private static void Require(Tensor a, Tensor b, Address at)
    {
        if (!a.shape.SequenceEqual(b.shape))
        {
            throw new VitrineException(
                $"attribution at '{at}': [{string.Join(", ", b.shape)}] in the one run and [{string.Join(", ", a.shape)}] in the other; they differ in "
                    + "length.");
        }
    }

    private void Add(double[] sums, Dictionary<Address, Tensor> differences, IReadOnlyDictionary<Address, Tensor> gradients, double weight)
    {
        var grids = gradients.ToDictionary(g => g.Key, g => Grid.Of((differences[g.Key] * g.Value)[0], g.Key.Point.Axes, NeedsNeurons));
        foreach (var (address, gradient) in gradients)
        {
            gradient.Dispose();
            var here = address with { Step = 0 };
            foreach (var (i, (point, cell)) in asked.Points.Index())
            {
                if (here.Point == point && here.Layer is { } layer && asked.Window(cell.Layer).Contains(layer)
                    && (cell.Step is { } step ? step == address.Step : asked.Sweep.Steps?.Contains(address.Step) != false))
                {
                    sums[i] += weight * OfCell(cell, grids[address], address.Step);
                }
            }
        }
    }

    private bool NeedsNeurons => asked.Sweep.By.Contains(PatchAxis.Neuron) || asked.Sweep.Neurons is not null;

    private double OfCell(PatchCell cell, Grid grid, int step)
    {
        var (columns, _, inDecoded) = asked.Columns(cell, pair);
        if (patched.IsDecoded && step > 0)
        {
            columns = inDecoded ? null : [];
        }

        IReadOnlyList<int>? heads = cell.Head is { } h ? [h] : asked.Sweep.By.Contains(PatchAxis.Head) ? null : asked.Sweep.Heads;
        IReadOnlyList<int>? neurons = cell.Neuron is { } n ? [n] : asked.Sweep.By.Contains(PatchAxis.Neuron) ? null : asked.Sweep.Neurons;
        return grid.Sum(columns, heads, neurons);
    }

    /// <summary>Products by column, head and coordinate.</summary>
    private sealed record Grid(double[] Values, int Columns, int Heads, int Last)
    {
        public static Grid Of(Tensor product, PointAxes axes, bool byCoordinate)
        {
            var x = product.to(float64);
            x = axes switch { PointAxes.Attention => x.transpose(0, 1), PointAxes.Heads => x, _ => x.unsqueeze(1) };      // (T, H, x)
            x = byCoordinate ? x : x.sum(-1, keepdim: true);
            return new Grid(x.contiguous().cpu().data<double>().ToArray(), (int)x.shape[0], (int)x.shape[1], (int)x.shape[2]);
        }

        public double Sum(IReadOnlyList<int>? columns, IReadOnlyList<int>? heads, IReadOnlyList<int>? coordinates)
        {
            var sum = 0.0;
            foreach (var column in columns ?? [.. Enumerable.Range(0, Columns)])
            {
                foreach (var head in heads ?? [.. Enumerable.Range(0, Heads)])
                {
                    foreach (var coordinate in coordinates ?? [.. Enumerable.Range(0, Last)])
                    {
                        sum += Values[(((column * Heads) + head) * Last) + coordinate];
                    }
                }
            }

            return sum;
        }
    }
}
