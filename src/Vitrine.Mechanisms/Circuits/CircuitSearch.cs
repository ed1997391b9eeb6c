using Vitrine.Checkpoints;

namespace Vitrine.Mechanisms.Circuits;

/// <summary>How a circuit is looked for, and what is measured of it.</summary>
public sealed record CircuitSearchOptions
{
    /// <summary>How edges are scored; null for automatic circuit discovery, which cuts edge by edge.</summary>
    public EdgeMethod? Method { get; init; } = EdgeMethod.EapIg;

    /// <summary>Edges of the circuit; those above <see cref="Threshold"/> when null.</summary>
    public int? Edges { get; init; }

    /// <summary>Least size of a score, in the metric's units; of automatic discovery what an edge may cost.</summary>
    public double? Threshold { get; init; }

    /// <summary>How edges become a circuit where their number is given.</summary>
    public CircuitSelection Selection { get; init; }

    /// <summary>Axis, what a cut edge carries, points on the way, where a long search keeps how far it is.</summary>
    public EdgeOptions Scoring { get; init; } = new();

    /// <summary>Random circuits beside each.</summary>
    public int Randoms { get; init; } = 5;

    /// <summary>Of the random circuits.</summary>
    public int Seed { get; init; }

    /// <summary>Edges of the circuit that are patched alone, the largest first.</summary>
    public int Checked { get; init; } = 40;
}

/// <summary>What a search will take.</summary>
/// <param name="Edges">Edges that are scored, along the axis.</param>
/// <param name="Runs">Runs of all pairs, forwards.</param>
/// <param name="Backward">How many of them are differentiated.</param>
/// <param name="Rows">Pairs that are run at once where derivatives are taken.</param>
/// <param name="Bytes">Memory for what is computed, about; the weights are not in it.</param>
/// <param name="Available">Memory that the machine has free.</param>
public sealed record CircuitPlan(long Edges, long Runs, long Backward, int Rows, long Bytes, long Available);

/// <summary>Looks for a circuit, and measures what it keeps, leaves and needs.</summary>
/// <param name="pair">On whose inputs.</param>
/// <param name="options">How.</param>
public sealed class CircuitSearch(CircuitPair pair, CircuitSearchOptions options)
{
    private const int TakenOut = 64;

    /// <summary>What it will take, before anything runs.</summary>
    /// <exception cref="VitrineException">The memory that is free would not do.</exception>
    public CircuitPlan Plan()
    {
        var graph = pair.Graph;
        var tokens = pair.Clean.Tokens.Max(r => r.Count);
        long cells = options.Scoring.Axis switch
        {
            EdgeAxis.None => 1,
            EdgeAxis.Steps => graph.Steps,
            _ => graph.Prefix.Count > 0 ? (long)tokens * graph.Steps : tokens + graph.Steps - 1,
        };
        var edges = graph.Edges * cells;
        var way = options.Scoring.WaySteps;
        var (runs, backward) = options.Method switch
        {
            EdgeMethod.Eap or EdgeMethod.EapCorrupted => (2L, 1L),
            EdgeMethod.CleanCorrupted => (2, 2),
            EdgeMethod.EapIg => (2 + way, way),
            EdgeMethod.EapIgEdges => (3 + way, way + 1),
            EdgeMethod.EapIgActivations => (2 + (way * ((2L * graph.Layers) + 1)), way * ((2L * graph.Layers) + 1)),
            _ => (2 + edges, 0),
        };
        var rows = Math.Min(pair.Clean.Rows, options.Scoring.RowsAtOnce ?? pair.Fitting());
        var bytes = Math.Max((long)(pair.BytesOfRow() * rows), 4L * graph.Writers.Count * graph.Readers.Count * cells * 2);
        var free = AvailableMemory.Read();
        return bytes > free
            ? throw new VitrineException(FormattableString.Invariant(
                $"circuit: would take about {bytes / 1e9:0.0} GB for what is computed; {free / 1e9:0.0} GB are free. Take fewer positions or a smaller model."))
            : new CircuitPlan(edges, runs, backward, rows, bytes, free);
    }

    /// <summary>Finds the circuit.</summary>
    /// <param name="progress">From 0 to 1; may be null.</param>
    /// <param name="cancellation">Stops between runs.</param>
    /// <returns>The circuit, and the scores of all edges; of automatic discovery those are 0.</returns>
    public (Circuit Circuit, EdgeScores Scores) Find(IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        _ = Plan();
        _ = new CircuitCurves(pair, options.Scoring.Fill).Recovered(pair.CleanValues);
        var scoring = options.Scoring with { Progress = progress };
        if (options.Method is not { } method)
        {
            var threshold = options.Threshold ?? throw new VitrineException("circuit: acdc needs a threshold, in the metric's units.");
            var found = Acdc.Find(pair, threshold, scoring with { Resume = null }, options.Scoring.Resume, cancellation);
            return (Named(found), EdgePatches.Empty(pair, scoring.Axis));
        }

        var scores = pair.Score(method, scoring, cancellation);
        return (Named(options.Edges is { } count ? CircuitCurves.Chosen(scores, Math.Min(count, scores.Count), options.Selection)
            : options.Threshold is { } least ? Circuit.Above(scores, least)
            : throw new VitrineException("circuit: neither a number of edges nor a threshold is given.")), scores);
    }

    /// <summary>Measures a circuit.</summary>
    /// <param name="circuit">Found on this pair.</param>
    /// <param name="scores">Of all edges, from which smaller circuits are chosen.</param>
    /// <param name="metric">What the metric is called.</param>
    /// <param name="clean">The clean inputs, in words.</param>
    /// <param name="corrupted">The corrupted inputs, in words.</param>
    /// <param name="progress">From 0 to 1; may be null.</param>
    /// <param name="cancellation">Stops between runs.</param>
    public CircuitStudy Measure(
        Circuit circuit, EdgeScores scores, string metric, IReadOnlyList<string> clean, IReadOnlyList<string> corrupted, IProgress<double>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(circuit);
        ArgumentNullException.ThrowIfNull(scores);
        var curves = new CircuitCurves(pair, options.Scoring.Fill);
        int[] sizes = options.Method is null
            ? []
            : [.. Enumerable.Range(0, 31).Select(i => 1 << i).TakeWhile(s => s < circuit.Edges.Count)];
        var curve = curves.Of(
            scores, sizes, options.Selection, options.Randoms, options.Seed, progress is null ? null : new Share(progress, .7), cancellation).ToList();
        curve.Add(curves.Of(circuit, scores, options.Selection, options.Randoms, options.Seed, cancellation));
        progress?.Report(.8);
        var needs = circuit.Edges.Count == 0 ? [] : curves.Needs(circuit, TakenOut, cancellation);
        progress?.Report(.9);
        return new CircuitStudy
        {
            Model = pair.Clean.Model.Name,
            Metric = metric,
            Clean = clean,
            Corrupted = corrupted,
            CleanValue = pair.CleanValues.Average(),
            CorruptedValue = pair.CorruptedValues.Average(),
            Fill = options.Scoring.Fill,
            Sources = [.. pair.Graph.Writers.Where(w => w.Kind == NodeKind.Source).Select(w => w.Name)],
            Layers = pair.Graph.Layers,
            Circuit = circuit,
            Patched = pair.Patched([.. circuit.Edges.Take(options.Checked)], options.Scoring with { Progress = null, Resume = null }, cancellation),
            Curve = curve,
            Minimality = needs,
        };
    }

    private Circuit Named(Circuit circuit) => circuit with { Model = pair.Clean.Model.Name };

    private sealed class Share(IProgress<double> whole, double of) : IProgress<double>
    {
        public void Report(double value) => whole.Report(of * value);
    }
}
