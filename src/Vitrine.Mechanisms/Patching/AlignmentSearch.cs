using System.Globalization;
using TorchSharp.Modules;
using Vitrine.Mechanisms.Metrics;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Patching;

/// <summary>What an alignment search learns.</summary>
public enum AlignmentKind
{
    /// <summary>A rotation of the whole space, of which the first columns are taken.</summary>
    Rotation,

    /// <summary>A few directions alone, all of which are taken.</summary>
    LowRank,

    /// <summary>A rotation, and how many of its columns are taken.</summary>
    Boundless,

    /// <summary>Which coordinates of the model's own basis are taken.</summary>
    Mask,
}

/// <summary>How an alignment search learns.</summary>
public sealed record AlignmentOptions
{
    /// <summary>What is learnt.</summary>
    public AlignmentKind Kind { get; init; } = AlignmentKind.LowRank;

    /// <summary>Columns that are taken, of <see cref="AlignmentKind.Rotation"/> and <see cref="AlignmentKind.LowRank"/>.</summary>
    public int Dimensions { get; init; } = 1;

    /// <summary>Passes over the rows.</summary>
    public int Epochs { get; init; } = 20;

    /// <summary>Rows of a step.</summary>
    public int Batch { get; init; } = 16;

    /// <summary>Of Adam.</summary>
    public double Rate { get; init; } = 1e-2;

    /// <summary>Of boundary and mask at the first step; it falls by equal factors to the last one's.</summary>
    public double FirstTemperature { get; init; } = 50;

    /// <summary>At the last step, and of the edit that comes of it.</summary>
    public double LastTemperature { get; init; } = 0.1;

    /// <summary>Multiplies the boundary, or the mask's mean, in the loss, so that few columns are taken.</summary>
    public double Sparsity { get; init; } = 1;

    /// <summary>Of the first directions and of the order of the rows.</summary>
    public int Seed { get; init; }
}

/// <summary>
/// Distributed alignment search: directions in an activation such that taking them from a source's activation makes the model answer as if what they stand for
/// were the source's.
/// </summary>
/// <remarks>
/// Geiger et al. 2023 (rotations), Wu et al. 2023 (boundless), as pyvene has them. Directions stay orthonormal: they are the Q of a QR decomposition of what
/// Adam moves, with the signs of R's diagonal taken out. The loss is minus the mean of the metric over the rows, or the mean squared difference from what is
/// wanted of each.
/// </remarks>
/// <param name="given">Whose runs are changed; row r takes from row r of the source.</param>
/// <param name="source">What is taken from.</param>
/// <param name="metric">What is to become large, e.g. the log probability of what the source would make right.</param>
/// <param name="at">Point of a block, e.g. <c>language.5.resid_post</c>; of a model that goes through several passes, in the one that it names
/// (<c>@k</c>).</param>
public sealed class AlignmentSearch(Subject given, Subject source, Metric metric, string at)
{
    private readonly Address place = Address.Parse(at);

    /// <summary>Positions of the base that are changed, in its own text; null for all.</summary>
    public IReadOnlyList<int>? Positions { get; init; }

    /// <summary>Positions of the source that are taken, one for each; the same when null.</summary>
    public IReadOnlyList<int>? SourcePositions { get; init; }

    /// <summary>[row]: what the metric is to be, e.g. the source's own; null to make it as large as it gets.</summary>
    public IReadOnlyList<double>? Wanted { get; init; }

    private string Unstepped => (place with { Step = 0 }).ToString();

    /// <summary>Of a model that goes through several passes, the one that the address names.</summary>
    private int[]? Steps => given.Steps > 1 ? [place.Step] : null;

    /// <summary>Learns.</summary>
    /// <param name="options">How.</param>
    /// <param name="progress">Told the share that is done.</param>
    /// <param name="cancellation">Stops between steps.</param>
    /// <exception cref="VitrineException">The point, the positions or the sizes do not fit.</exception>
    public Alignment Run(AlignmentOptions? options = null, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        options ??= new AlignmentOptions();
        var shape = given.Model.Stacks.FirstOrDefault(s => s.Name == place.Stack)
            ?? throw new VitrineException($"alignment: {given.Model.Name} has no stack '{place.Stack}'.");
        var width = place.Point.LastAxisIn(shape);
        Require(options, width);
        using var scope = NewDisposeScope();
        var sources = Taken();
        using var generator = new Generator(unchecked((ulong)options.Seed), CPU);
        var parameters = new Learnt(options, width, generator);
        var (mode, random) = (parameters.Edit(options.FirstTemperature), new Random(options.Seed));
        var before = Measured((x, s) => x);
        var control = Measured(mode);
        var losses = new List<double>();
        using var adam = optim.Adam(parameters.All, options.Rate);
        var (steps, step) = (options.Epochs * ((given.Rows + options.Batch - 1) / options.Batch), 0);
        for (var epoch = 0; epoch < options.Epochs; epoch++)
        {
            int[] order = [.. Enumerable.Range(0, given.Rows)];
            random.Shuffle(order);
            var sum = 0.0;
            foreach (var rows in order.Chunk(options.Batch))
            {
                cancellation.ThrowIfCancellationRequested();
                using var inner = NewDisposeScope();
                using var grad = enable_grad();
                var temperature = options.FirstTemperature * Math.Pow(options.LastTemperature / options.FirstTemperature, steps < 2 ? 1 : step / (steps - 1.0));
                adam.zero_grad();
                using var run = Changed(rows, parameters.Edit(temperature), differentiated: true);
                var loss = Loss(metric.Of(run), rows);
                (parameters.Sparsity is { } taken ? loss.Plus(taken * tensor(options.Sparsity, taken.dtype)) : loss).backward();
                adam.step();
                sum += loss.to(float64).item<double>() * rows.Length;
                progress?.Report((double)++step / steps);
            }

            losses.Add(sum / given.Rows);
        }

        var learnt = parameters.Edit(options.LastTemperature);
        return new Alignment
        {
            At = Unstepped,
            Positions = Positions,
            Steps = Steps,
            Options = options,
            Rotation = parameters.Rotation is { } rotation ? EditValue.Of(rotation()) : null,
            Columns = parameters.Columns,
            Boundary = parameters.Boundary?.item<float>(),
            Mask = parameters.Logits is { } logits ? EditValue.Of(logits) : null,
            Losses = losses,
            Unchanged = before,
            Untrained = control,
            Learnt = Measured(learnt),
            Whole = Measured((_, s) => s),
        };

        double[] Measured(Func<Tensor, Tensor, Tensor> edit)
        {
            using var inner = NewDisposeScope();
            using var none = no_grad();
            using var run = Changed([.. Enumerable.Range(0, given.Rows)], edit, differentiated: false);
            return [.. metric.Values(run)];
        }

        SubjectRun Changed(int[] rows, Func<Tensor, Tensor, Tensor> edit, bool differentiated)
        {
            var places = Places(given, Positions, rows);
            return given.Take(rows).Run(new RunPlan
            {
                Gradients = differentiated ? [place.ToString()] : [],
                Edits = [new CallbackEdit(Unstepped, (x, _) => Put(x, edit, rows, places)) { Scope = new EditScope { Steps = Steps } }],
            }, null, cancellation);
        }

        Tensor Put(Tensor x, Func<Tensor, Tensor, Tensor> edit, int[] rows, Tensor? places)
        {
            var own = sources.index_select(0, tensor(rows.Select(r => (long)r).ToArray(), device: x.device));
            if (places is null)
            {
                return edit(x.Widened(), own).RoundedAs(x);
            }

            var index = places.view([.. places.shape, .. Enumerable.Repeat(1L, (int)x.dim() - 2)]).expand([.. places.shape, .. x.shape[2..]]);
            return x.scatter(1, index, edit(x.gather(1, index).Widened(), own).RoundedAs(x));
        }

        Tensor Taken()
        {
            using var run = source.Run(RunPlan.Capturing(place.ToString()), null, cancellation);
            var all = run.Run[place.ToString()].Widened();
            var places = Places(source, SourcePositions ?? Positions, [.. Enumerable.Range(0, source.Rows)]);
            return places is null ? all.clone() : all.gather(
                1, places.view([.. places.shape, .. Enumerable.Repeat(1L, (int)all.dim() - 2)]).expand([.. places.shape, .. all.shape[2..]]));
        }
    }

    /// <summary>The source's activations in the form that <see cref="Alignment.Edit"/> takes: (rows, positions, ...).</summary>
    /// <param name="from">What is taken from.</param>
    public EditValue SourceOf(Subject from)
    {
        ArgumentNullException.ThrowIfNull(from);
        using var scope = NewDisposeScope();
        using var run = from.Run(RunPlan.Capturing(place.ToString()));
        var all = run.Run[place.ToString()];
        var places = Places(from, SourcePositions ?? Positions, [.. Enumerable.Range(0, from.Rows)]);
        return EditValue.Of(places is null ? all : all.gather(
            1, places.view([.. places.shape, .. Enumerable.Repeat(1L, (int)all.dim() - 2)]).expand([.. places.shape, .. all.shape[2..]])));
    }

    private Tensor Loss(Tensor values, int[] rows)
    {
        if (Wanted is not { } wanted)
        {
            return values.mean().neg();
        }

        var difference = values - tensor(rows.Select(r => (float)wanted[r]).ToArray(), device: values.device).to(values.dtype);
        return (difference * difference).mean();
    }

    private void Require(AlignmentOptions options, int width)
    {
        var isCounted = options.Kind is AlignmentKind.Rotation or AlignmentKind.LowRank;
        if (given.Rows != source.Rows || (Wanted is { } w && w.Count != given.Rows))
        {
            throw new VitrineException($"alignment: {given.Rows} bases, {source.Rows} sources, {Wanted?.Count ?? given.Rows} wanted numbers; "
                + "expected one of each a row.");
        }

        if (place.Point.Axes != PointAxes.Stream || width == 0)
        {
            throw new VitrineException($"alignment at '{place}': expected a point of rows, positions and coordinates, such as resid_post.");
        }

        if (options.Epochs < 1 || options.Batch < 1 || !(options.Rate > 0) || (isCounted && (options.Dimensions < 1 || options.Dimensions > width)))
        {
            throw new VitrineException(string.Create(
                CultureInfo.InvariantCulture, $"alignment: {options.Epochs} epochs of {options.Batch} rows at rate {options.Rate}, ")
                + $"{options.Dimensions} of {width} dimensions; expected at least 1 of each.");
        }

        if ((SourcePositions ?? Positions)?.Count != Positions?.Count)
        {
            throw new VitrineException($"alignment: {Positions?.Count} positions take from {SourcePositions!.Count}; expected as many.");
        }
    }

    /// <summary>[row, position]: columns.</summary>
    private static Tensor? Places(Subject of, IReadOnlyList<int>? positions, int[] rows)
        => positions is null ? null : tensor(
            rows.SelectMany(row => positions.Select(p => (p < 0 ? of.Columns[row].Length + p : p) is >= 0 and var own && own < of.Columns[row].Length
                ? (long)of.Columns[row][own]
                : throw new VitrineException($"alignment: there is no position {p}; row {row} has {of.Columns[row].Length}, counted from 0."))).ToArray(),
            [rows.Length, positions.Count], device: of.Model.Device);

    /// <summary>What is learnt, and the change that comes of it.</summary>
    private sealed class Learnt
    {
        private readonly AlignmentOptions options;
        private readonly int width;
        private readonly Tensor? free;

        public Learnt(AlignmentOptions options, int width, Generator generator)
        {
            (this.options, this.width) = (options, width);
            if (options.Kind != AlignmentKind.Mask)
            {
                var columns = options.Kind == AlignmentKind.LowRank ? options.Dimensions : width;
                free = new Parameter(randn([width, columns], generator: generator));
            }

            Boundary = options.Kind == AlignmentKind.Boundless ? new Parameter(tensor(new[] { .5f })) : null;
            Logits = options.Kind == AlignmentKind.Mask ? new Parameter(zeros(width)) : null;
        }

        public IEnumerable<Parameter> All => new[] { free, Boundary, Logits }.OfType<Parameter>();

        public Tensor? Boundary { get; }

        public Tensor? Logits { get; }

        public IReadOnlyList<int>? Columns => options.Kind == AlignmentKind.Rotation ? [.. Enumerable.Range(0, options.Dimensions)] : null;

        /// <summary>Orthonormal (d,k); null where there is none.</summary>
        public Func<Tensor>? Rotation => free is null ? null : () =>
        {
            var (q, r) = linalg.qr(free);
            return q * r.diagonal().sign().detach();
        };

        /// <summary>How much is taken, for the loss; null where that is fixed.</summary>
        public Tensor? Sparsity => Boundary?.clamp(1e-3, 1).sum() ?? Logits?.sigmoid().mean();

        /// <summary>From base and source to what is put in.</summary>
        public Func<Tensor, Tensor, Tensor> Edit(double temperature)
        {
            return (x, from) => Interchange.Mix(
                x, from, Rotation?.Invoke().to(x.dtype),
                Interchange.MaskOf(options.Kind == AlignmentKind.LowRank ? options.Dimensions : width, Columns, Boundary, Logits, temperature)?.to(x.dtype));
        }
    }
}

/// <summary>What an alignment search found, with what it is to be held against.</summary>
public sealed record Alignment
{
    /// <summary>The point.</summary>
    public required string At { get; init; }

    /// <summary>Positions of the base that are changed; null for all.</summary>
    public IReadOnlyList<int>? Positions { get; init; }

    /// <summary>The pass that is changed; null where there is one.</summary>
    public IReadOnlyList<int>? Steps { get; init; }

    /// <summary>How it was learnt.</summary>
    public required AlignmentOptions Options { get; init; }

    /// <summary>Orthonormal directions (d,k) in its columns; null where a mask was learnt.</summary>
    public EditValue? Rotation { get; init; }

    /// <summary>Columns that are taken; null where a boundary or a mask says it, or all are.</summary>
    public IReadOnlyList<int>? Columns { get; init; }

    /// <summary>Share of the columns that is taken; null where it was not learnt.</summary>
    public double? Boundary { get; init; }

    /// <summary>Logits of a mask over the model's own coordinates; null where none was learnt.</summary>
    public EditValue? Mask { get; init; }

    /// <summary>[epoch]: mean loss, sparsity left out.</summary>
    public required IReadOnlyList<double> Losses { get; init; }

    /// <summary>[row]: the metric without a change.</summary>
    public required IReadOnlyList<double> Unchanged { get; init; }

    /// <summary>[row]: under as many random directions, before anything was learnt.</summary>
    public required IReadOnlyList<double> Untrained { get; init; }

    /// <summary>[row]: under what was learnt.</summary>
    public required IReadOnlyList<double> Learnt { get; init; }

    /// <summary>[row]: where the whole activation is the source's: what no part of it need exceed.</summary>
    public required IReadOnlyList<double> Whole { get; init; }

    /// <summary>What was learnt as an edit.</summary>
    /// <param name="source">See <see cref="AlignmentSearch.SourceOf"/>.</param>
    public Interchange Edit(EditValue source) => new(At, source)
    {
        Rotation = Rotation,
        Columns = Columns,
        Boundary = Boundary,
        Mask = Mask,
        Temperature = Options.LastTemperature,
        Scope = new EditScope { Positions = Positions is null ? null : Transformers.Edits.Positions.At([.. Positions]), Steps = Steps },
    };
}
