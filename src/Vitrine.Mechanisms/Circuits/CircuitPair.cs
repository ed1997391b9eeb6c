using Vitrine.Mechanisms.Metrics;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Circuits;

/// <summary>How edges are scored.</summary>
public sealed record EdgeOptions
{
    /// <summary>Whether edges are told apart by pass or position.</summary>
    public EdgeAxis Axis { get; init; }

    /// <summary>Points on the way, of the methods with a way.</summary>
    public int WaySteps { get; init; } = 5;

    /// <summary>What a patched edge carries.</summary>
    public EdgeFill Fill { get; init; }

    /// <summary>Rows of a batch that a run takes at once; as many as 1 GB of activations allows when null.</summary>
    public int? RowsAtOnce { get; init; }

    /// <summary>A file in which the patching of all edges keeps how far it is, and goes on from what is there; none when null.</summary>
    public string? Resume { get; init; }

    /// <summary>Hears how far the work is, from 0 to 1; may be null.</summary>
    public IProgress<double>? Progress { get; init; }
}

/// <summary>What the edges outside a circuit carry.</summary>
public sealed record CircuitRunOptions
{
    /// <summary>What they carry.</summary>
    public EdgeFill Fill { get; init; }

    /// <summary>
    /// Whether the run is of the clean input and what lies outside the circuit carries of the corrupted one; else the run is of the corrupted input, and the
    /// circuit's edges carry of the clean one.
    /// </summary>
    public bool OnClean { get; init; } = true;

    /// <summary>Inputs of as many positions that means are taken over; the corrupted ones when null.</summary>
    public Subject? FillFrom { get; init; }
}

/// <summary>
/// Two inputs that differ in what is asked about, and a metric of the answer: whose edges carry the difference. The corrupted input has as many tokens.
/// </summary>
public sealed class CircuitPair : IDisposable
{
    private const double MemoryAtOnce = 500e6;

    private readonly Dictionary<bool, WriterRecord> records = [];
    private readonly Dictionary<bool, IReadOnlyList<double>> values = [];

    /// <param name="clean">The input whose answer is to be explained.</param>
    /// <param name="corrupted">The same, but for what is asked about.</param>
    /// <param name="metric">What is explained.</param>
    /// <param name="splitWords">Whether each position of a text is a source of its own.</param>
    /// <exception cref="VitrineException">The two are no pair: rows or positions differ, or their stack has no graph of edges.</exception>
    public CircuitPair(Subject clean, Subject corrupted, Metric metric, bool splitWords = false)
    {
        ArgumentNullException.ThrowIfNull(clean);
        ArgumentNullException.ThrowIfNull(corrupted);
        ArgumentNullException.ThrowIfNull(metric);
        Require(clean, corrupted);
        (Clean, Corrupted, Metric, Graph) = (clean, corrupted, metric, CircuitGraph.Of(clean, splitWords));
    }

    /// <summary>The input whose answer is explained.</summary>
    public Subject Clean { get; }

    /// <summary>The other.</summary>
    public Subject Corrupted { get; }

    /// <summary>What is explained.</summary>
    public Metric Metric { get; }

    /// <summary>Whose edges.</summary>
    public CircuitGraph Graph { get; }

    /// <summary>[row]: the metric of the clean input.</summary>
    public IReadOnlyList<double> CleanValues => Values(ofClean: true);

    /// <summary>[row]: the metric of the corrupted input.</summary>
    public IReadOnlyList<double> CorruptedValues => Values(ofClean: false);

    /// <summary>Scores every edge.</summary>
    /// <param name="method">How.</param>
    /// <param name="options">With what.</param>
    /// <param name="cancellation">Stops between runs.</param>
    /// <exception cref="VitrineException">The two inputs give the same, the method does not go with the options, or the metric has no such value.</exception>
    public EdgeScores Score(EdgeMethod method, EdgeOptions? options = null, CancellationToken cancellation = default)
    {
        options ??= new EdgeOptions();
        Require(method, options);
        return method == EdgeMethod.Exact
            ? new EdgePatches(this, options).Score(null, options.Resume, cancellation)
            : Attributed(method, options, cancellation);
    }

    /// <summary>Patches chosen edges alone, each in a run of its own: what attribution found, checked by the intervention.</summary>
    /// <param name="edges">Of this pair's graph, along one axis.</param>
    /// <param name="options">With what.</param>
    /// <param name="cancellation">Stops between runs.</param>
    /// <returns>The same edges with the score that the intervention gives.</returns>
    /// <exception cref="VitrineException">The graph has no such edge.</exception>
    public IReadOnlyList<ScoredEdge> Patched(IReadOnlyList<ScoredEdge> edges, EdgeOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(edges);
        var scores = new EdgePatches(this, options ?? new EdgeOptions()).Score(edges, null, cancellation);
        return [.. edges.Select(e => Circuit.IdIn(scores, e) is var (cell, at) ? e with { Score = scores.Value(cell, at) } : e)];
    }

    /// <summary>[circuit][row]: the metric where only the edges of a circuit carry what the run's own writers write.</summary>
    /// <param name="circuits">Of this pair's graph, along one axis.</param>
    /// <param name="options">What the other edges carry.</param>
    /// <param name="cancellation">Stops between runs.</param>
    /// <exception cref="VitrineException">A circuit has an edge that the graph lacks.</exception>
    public IReadOnlyList<double[]> Run(IEnumerable<Circuit> circuits, CircuitRunOptions? options = null, CancellationToken cancellation = default)
    {
        options ??= new CircuitRunOptions();
        Circuit[] all = [.. circuits];
        if (all.Length == 0)
        {
            return [];
        }

        var of = EdgePatches.Empty(this, all[0].Axis);
        using var runs = new CircuitRuns(this, of, options);
        return runs.Values([.. all.Select(c => Cut(c, of, options))], cancellation: cancellation);
    }

    /// <summary>[circuit][row]: the metric of the clean run where the edges of a circuit alone are cut.</summary>
    /// <param name="circuits">Of this pair's graph, along one axis.</param>
    /// <param name="options">What the cut edges carry.</param>
    /// <param name="cancellation">Stops between runs.</param>
    public IReadOnlyList<double[]> RunWithout(IEnumerable<Circuit> circuits, CircuitRunOptions? options = null, CancellationToken cancellation = default)
    {
        Circuit[] all = [.. circuits];
        if (all.Length == 0)
        {
            return [];
        }

        var of = EdgePatches.Empty(this, all[0].Axis);
        using var runs = new CircuitRuns(this, of, (options ?? new CircuitRunOptions()) with { OnClean = true });
        return runs.Values([.. all.Select(c => c.SetIn(of))], cancellation: cancellation);
    }

    /// <summary>The logits of such a run, owned by the caller.</summary>
    /// <param name="circuit">Of this pair's graph.</param>
    /// <param name="options">What the other edges carry.</param>
    public Tensor Logits(Circuit circuit, CircuitRunOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(circuit);
        options ??= new CircuitRunOptions();
        var of = EdgePatches.Empty(this, circuit.Axis);
        using var runs = new CircuitRuns(this, of, options);
        var rows = Enumerable.Range(0, Clean.Rows).ToArray();
        using var run = runs.Run([.. rows.Select(_ => Cut(circuit, of, options))], rows, 0, false, readsAll: true, default);
        return run.Run.Logits.alias();
    }

    /// <remarks>On the corrupted input it is the circuit's edges that carry what the clean run's writers write.</remarks>
    private static EdgeSet Cut(Circuit circuit, EdgeScores of, CircuitRunOptions options)
        => options.OnClean ? circuit.SetIn(of).Others(of) : circuit.SetIn(of);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var record in records.Values)
        {
            record.Dispose();
        }

        records.Clear();
    }

    /// <summary>What the writers of one of the two wrote, over all rows; owned by this.</summary>
    internal WriterRecord Record(bool ofClean, CancellationToken cancellation = default)
    {
        if (!records.TryGetValue(ofClean, out var record))
        {
            record = records[ofClean] = Recorded(ofClean ? Clean : Corrupted, cancellation);
        }

        return record;
    }

    /// <summary>Tokens of each pass.</summary>
    internal IReadOnlyList<int> Lengths() => [.. Record(ofClean: true).Passes.Select(p => p.Length)];

    /// <summary>The places along an axis, with what stands there.</summary>
    internal IReadOnlyList<EdgeCell> Cells(EdgeAxis axis, IReadOnlyList<int> lengths)
    {
        if (axis == EdgeAxis.None)
        {
            return [new EdgeCell(null, null)];
        }

        var isOne = lengths.Count == 1;
        return axis == EdgeAxis.Steps
            ? [.. lengths.Select((_, k) => new EdgeCell(k, null))]
            : [.. lengths.SelectMany((length, k) => Enumerable.Range(0, length).Select(t => new EdgeCell(isOne ? null : k, t, Token(k, t))))];

        string Token(int step, int position)
            => (step == 0 || Graph.Prefix.Count > 0) && Clean.Tokens[0] is { } tokens && position < tokens.Count ? tokens[position] : "";
    }

    private IReadOnlyList<double> Values(bool ofClean)
    {
        if (!values.TryGetValue(ofClean, out var known))
        {
            using var run = (ofClean ? Clean : Corrupted).RunFor(Metric, RunPlan.Empty);
            values[ofClean] = known = Metric.Values(run);
        }

        return known;
    }

    /// <summary>What the writers wrote on further inputs; owned by the caller.</summary>
    internal WriterRecord Recorded(Subject subject, CancellationToken cancellation = default, RunStart? from = null, bool lastAlone = false)
    {
        var record = WriterRecord.Of(Graph, from?.Column ?? 0);
        using var mode = no_grad();
        subject.RunFor(Metric, new RunPlan { Edits = [record.Edit], LastColumnAlone = lastAlone }, from, cancellation).Dispose();
        return record;
    }

    private EdgeScores Attributed(EdgeMethod method, EdgeOptions options, CancellationToken cancellation)
    {
        EdgeSum? sum = null;
        int[] lengths = [];
        var parts = (int)Math.Ceiling(Clean.Rows / (double)(options.RowsAtOnce ?? Fitting()));
        var atOnce = (int)Math.Ceiling(Clean.Rows / (double)parts);
        foreach (var range in RowRange.Of(Clean.Rows, atOnce))
        {
            int[] rows = [.. Enumerable.Range(range.First, range.Count)];
            using var part = rows.Length == Clean.Rows ? null : new CircuitPair(Clean.Take(rows), Corrupted.Take(rows), Metric, Graph);
            var own = part ?? this;
            var share = (double)rows.Length / Clean.Rows;
            var before = (double)range.First / Clean.Rows;
            own.Attribute(
                method, options with { Progress = options.Progress is null ? null : new Part(options.Progress, before, share) }, share, cancellation,
                record =>
                {
                    lengths = [.. record.Passes.Select(p => p.Offset + p.Length)];
                    return sum ??= new EdgeSum(Graph, options.Axis, lengths);
                });
        }

        return new EdgeScores(Graph, method, options.Axis, Cells(options.Axis, lengths), sum!.Values);
    }

    private CircuitPair(Subject clean, Subject corrupted, Metric metric, CircuitGraph graph)
        => (Clean, Corrupted, Metric, Graph) = (clean, corrupted, metric, graph);

    private void Attribute(EdgeMethod method, EdgeOptions options, double share, CancellationToken cancellation, Func<WriterRecord, EdgeSum> into)
    {
        // What the two wrote; of the clean one only where it is no run with derivatives.
        var isShort = method is EdgeMethod.Eap or EdgeMethod.CleanCorrupted && options.Fill == EdgeFill.Corrupted;
        using var shared = isShort ? SharedStart.Of(this, cancellation) : null;
        using var own = isShort ? Recorded(Corrupted, cancellation, shared?.Corrupted(ungrouped: false), lastAlone: true) : null;
        var other = own ?? Record(ofClean: false, cancellation);
        using var filling = new Filling(other, options.Fill);
        var cleanRuns = method is EdgeMethod.Eap or EdgeMethod.CleanCorrupted;
        var total = method switch
        {
            EdgeMethod.Eap or EdgeMethod.EapCorrupted => 1,
            EdgeMethod.CleanCorrupted => 2,
            EdgeMethod.EapIg => options.WaySteps,
            EdgeMethod.EapIgEdges => options.WaySteps + 1,
            _ => ((2 * Graph.Layers) + 1) * options.WaySteps,
        };
        var made = 0;
        if (cleanRuns)
        {
            using var gradients = Gradients(Clean, []);
            RequireDifference(gradients.Record, other);
            Add(gradients, gradients.Record, gradients.Record, share / total);
            if (method == EdgeMethod.CleanCorrupted)
            {
                using var corrupted = Gradients(Corrupted, []);
                Add(corrupted, gradients.Record, corrupted.Record, share / total);
            }

            return;
        }

        var clean = Record(ofClean: true, cancellation);
        RequireDifference(clean, other);
        switch (method)
        {
            case EdgeMethod.EapCorrupted:
                using (var gradients = Gradients(Corrupted, []))
                {
                    Add(gradients, clean, gradients.Record, share);
                }

                break;
            case EdgeMethod.EapIg:
                for (var k = 1; k <= options.WaySteps; k++)
                {
                    using var gradients = Gradients(Clean, [Way.OfSources(Graph, clean, other, (double)k / options.WaySteps)]);
                    Add(gradients, clean, gradients.Record, share / total);
                }

                break;
            case EdgeMethod.EapIgEdges:
                for (var k = 0; k <= options.WaySteps; k++)
                {
                    using var way = Way.OfEdges(Graph, other, (double)k / options.WaySteps);
                    using var gradients = Gradients(Clean, [way.Edit]);
                    Add(gradients, gradients.Record, gradients.Record, share / total, way: way);
                }

                break;
            default:
                for (var k = 1; k <= options.WaySteps; k++)
                {
                    var at = (double)k / options.WaySteps;
                    Apart(Way.OfSources(Graph, clean, other, at), (0, Graph.Sources.Count), share / options.WaySteps);
                    for (var layer = 0; layer < Graph.Layers; layer++)
                    {
                        Apart(Way.OfHeads(Graph, clean, other, layer, at), (Graph.HeadsAt(layer), Graph.Heads(layer)), share / options.WaySteps);
                        Apart(Way.OfMlp(Graph, clean, other, layer, at), (Graph.MlpAt(layer), 1), share / options.WaySteps);
                    }
                }

                break;
        }

        void Apart(Edit edit, (int, int) writers, double weight)
        {
            using var gradients = Gradients(Clean, [edit]);
            Add(gradients, clean, gradients.Record, weight, writers);
        }

        EdgeGradients Gradients(Subject subject, IReadOnlyList<Edit> edits)
        {
            cancellation.ThrowIfCancellationRequested();
            var from = shared is null ? null : ReferenceEquals(subject, Clean) ? shared.Clean : shared.Corrupted(ungrouped: true);
            var gradients = EdgeGradients.Of(Graph, subject, Metric, edits, from, isShort, cancellation);
            if (ReferenceEquals(subject, Clean) && edits.Count == 0)
            {
                values.TryAdd(true, gradients.Values);
            }

            return gradients;
        }

        void Add(EdgeGradients gradients, WriterRecord from, WriterRecord read, double weight, (int, int)? writers = null, Way? way = null)
        {
            var sum = into(from);
            foreach (var (pass, all) in from.Passes.Index())
            {
                foreach (var rows in RowRange.Of(all.Rows, EdgeSum.RowsAtOnce(Graph, all)))
                {
                    using var scope = NewDisposeScope();
                    using var mode = no_grad();
                    var (own, some) = (read.Passes[pass].Take(rows), all.Take(rows));
                    sum.Add(
                        pass, gradients, rows, filling.Less(some, pass, rows, Graph.IgnoresMeans),
                        (layer, isMlp) => way is not null ? rows.Of(way.Read(pass, layer, isMlp))
                            : isMlp ? own.Mid[layer] ?? own.Pre[layer]! : own.Pre[layer]!,
                        Graph.Prefix.Count == 0 ? null : (layer, ofValues) => Pictures.Numbers.Minus(
                            (ofValues ? some.PrefixValues : some.PrefixKeys)[layer]!.Widened(), rows.Of(filling.Prefix(pass, layer, ofValues))),
                        weight, writers);
                }
            }

            options.Progress?.Report(Math.Min(1, ++made / (double)total));
        }
    }

    /// <summary>Rows that a run with derivatives may hold at once.</summary>
    internal int Fitting() => Math.Max(1, (int)(MemoryAtOnce / BytesOfRow()));

    /// <summary>What a row of a run with derivatives holds, about.</summary>
    internal double BytesOfRow()
    {
        var (shape, tokens) = (Graph.Stack.Shape, Math.Max(1, Clean.Tokens.Max(r => r.Count)));
        var activations = (double)Graph.Steps * shape.Layers * ((14.0 * shape.Width) + (3.0 * shape.Neurons) + (3.0 * shape.Heads * tokens));
        var logits = Metric.Reads is null ? 3.0 * shape.Vocabulary : 0;
        return 4.0 * tokens * (activations + ((Graph.StreamWriters + (4.0 * shape.Heads)) * shape.Width) + logits);
    }

    /// <summary>Refuses two inputs that give the same.</summary>
    internal void RequireDifference(WriterRecord clean, WriterRecord corrupted)
    {
        using var scope = NewDisposeScope();
        if (clean.Passes.Count != corrupted.Passes.Count || clean.Passes[0].Length != corrupted.Passes[0].Length)
        {
            throw new VitrineException(
                $"circuit: the clean input has {clean.Passes[0].Length} positions, the corrupted one {corrupted.Passes[0].Length}; expected as many, "
                    + "so that positions match.");
        }

        var differs = clean.Passes.Zip(corrupted.Passes).Any(p => !p.First.Embed.equal(p.Second.Embed).all().item<bool>()
            || Enumerable.Range(0, Graph.Layers).Any(l => p.First.PrefixKeys[l] is { } k && !k.equal(p.Second.PrefixKeys[l]!).all().item<bool>()));
        if (!differs)
        {
            throw new VitrineException("circuit: the clean and the corrupted input are the same to the model; expected two that differ.");
        }
    }

    private void Require(EdgeMethod method, EdgeOptions options)
    {
        if (options.WaySteps < 1)
        {
            throw new VitrineException($"circuit: {options.WaySteps} points on the way; expected 1 or more.");
        }

        if (method == EdgeMethod.EapIgEdges && (options.Fill != EdgeFill.Corrupted || Graph.Prefix.Count > 0))
        {
            throw new VitrineException("circuit: the way of all edges leads to the corrupted run, in a stack that reads no other; take eap-ig.");
        }
    }

    private static void Require(Subject clean, Subject corrupted)
    {
        if (!ReferenceEquals(clean.Model, corrupted.Model))
        {
            throw new VitrineException("circuit: the clean and the corrupted input are of two models; expected one.");
        }

        if (clean.Rows != corrupted.Rows)
        {
            throw new VitrineException($"circuit: {clean.Rows} clean inputs and {corrupted.Rows} corrupted ones; expected as many.");
        }

        var (read, others) = (Sizes(clean), Sizes(corrupted));
        if (!read.SequenceEqual(others))
        {
            throw new VitrineException(
                $"circuit: the clean input has {read.Sum()} positions in {read.Length} parts, the corrupted one {others.Sum()} in {others.Length}; expected "
                    + "alike ones, so that positions match.");
        }

        var (one, other) = (clean.Tokens, corrupted.Tokens);
        for (var row = 0; row < one.Count; row++)
        {
            if (!Places(one[row]).SequenceEqual(Places(other[row])))
            {
                throw new VitrineException(
                    $"circuit: row {row}: the clean input has {Places(one[row]).Length} tokens, the corrupted one {Places(other[row]).Length}; expected as "
                        + "many, so that positions match.");
            }
        }

        static int[] Sizes(Subject subject) => [.. subject.Sources.Concat(subject.PrefixSources).Select(g => g.Positions.Count)];

        static int[] Places(IReadOnlyList<string> tokens) => [.. tokens.Index().Where(t => t.Item.Length > 0).Select(t => t.Index)];
    }

    private sealed class Part(IProgress<double> whole, double from, double share) : IProgress<double>
    {
        public void Report(double value) => whole.Report(from + (share * value));
    }
}
