using System.Text.Json;

namespace Vitrine.Mechanisms.Circuits;

/// <summary>Circuits of one size, held against what they should do.</summary>
/// <param name="Edges">How many.</param>
/// <param name="Kept">Share of the metric's difference that there is with the circuit alone (faithfulness): 1 is the clean run, 0 the corrupted one.</param>
/// <param name="Removed">The same with the circuit alone cut (completeness): 0 where the circuit is all that carries it.</param>
/// <param name="RandomKept">What random circuits of as many edges keep, found by the same selection on random scores.</param>
/// <param name="RandomRemoved">What is left without them.</param>
public sealed record CurvePoint(int Edges, double Kept, double Removed, IReadOnlyList<double> RandomKept, IReadOnlyList<double> RandomRemoved);

/// <summary>What is lost of a circuit without one of its edges.</summary>
/// <param name="From">The writer.</param>
/// <param name="To">The reader.</param>
/// <param name="Lost">Kept by the circuit minus kept without the edge (minimality): 0 where the circuit does as well without.</param>
/// <param name="Step">As of <see cref="ScoredEdge"/>.</param>
/// <param name="Position">As of <see cref="ScoredEdge"/>.</param>
public sealed record EdgeNeed(string From, string To, double Lost, int? Step = null, int? Position = null);

/// <summary>How edges become a circuit.</summary>
[System.Text.Json.Serialization.JsonConverter(typeof(System.Text.Json.Serialization.JsonStringEnumConverter<CircuitSelection>))]
public enum CircuitSelection
{
    /// <summary>From the outcome downwards, so that every edge leads there.</summary>
    Greedy,

    /// <summary>The largest scores, wherever they are.</summary>
    Top,
}

/// <summary>A circuit with all that was measured of it.</summary>
public sealed record CircuitStudy
{
    /// <summary>The model's name.</summary>
    public required string Model { get; init; }

    /// <summary>What is explained, as a user writes or the metric names it.</summary>
    public required string Metric { get; init; }

    /// <summary>The clean inputs, in words.</summary>
    public required IReadOnlyList<string> Clean { get; init; }

    /// <summary>The corrupted inputs, in words.</summary>
    public required IReadOnlyList<string> Corrupted { get; init; }

    /// <summary>The metric of the clean inputs, mean over them.</summary>
    public required double CleanValue { get; init; }

    /// <summary>The metric of the corrupted inputs, mean over them.</summary>
    public required double CorruptedValue { get; init; }

    /// <summary>What edges outside the circuit carry.</summary>
    public EdgeFill Fill { get; init; }

    /// <summary>Names of what comes into the stack.</summary>
    public required IReadOnlyList<string> Sources { get; init; }

    /// <summary>Layers of the stack.</summary>
    public required int Layers { get; init; }

    /// <summary>The circuit.</summary>
    public required Circuit Circuit { get; init; }

    /// <summary>Its edges, each patched alone in the clean run: what the intervention says beside the score.</summary>
    public IReadOnlyList<ScoredEdge> Patched { get; init; } = [];

    /// <summary>What the circuit keeps and leaves; the last point is the circuit itself.</summary>
    public IReadOnlyList<CurvePoint> Curve { get; init; } = [];

    /// <summary>What is lost without each edge, the least first; of the smallest scores alone where the circuit is large.</summary>
    public IReadOnlyList<EdgeNeed> Minimality { get; init; } = [];

    /// <summary>As JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, CircuitJsonContext.Default.CircuitStudy);

    /// <summary>Reads what <see cref="ToJson"/> wrote.</summary>
    /// <exception cref="VitrineException">It is no such file.</exception>
    public static CircuitStudy FromJson(string json, string source = "circuit")
    {
        try
        {
            return JsonSerializer.Deserialize(json, CircuitJsonContext.Default.CircuitStudy)
                ?? throw new VitrineException($"{source}: is null; expected a circuit.");
        }
        catch (JsonException e)
        {
            throw new VitrineException($"{source}: is no circuit ({e.Message})", e);
        }
    }
}

/// <summary>What circuits keep, leave and need, beside random circuits of as many edges.</summary>
/// <param name="pair">On whose inputs.</param>
/// <param name="fill">What cut edges carry.</param>
public sealed class CircuitCurves(CircuitPair pair, EdgeFill fill = EdgeFill.Corrupted)
{
    private readonly CircuitRunOptions options = new() { Fill = fill };

    /// <summary>The share of the metric's difference that a value has.</summary>
    /// <exception cref="VitrineException">Clean and corrupted inputs have the same metric.</exception>
    public double Recovered(IReadOnlyList<double> values)
    {
        ArgumentNullException.ThrowIfNull(values);
        var (clean, corrupted) = (pair.CleanValues.Average(), pair.CorruptedValues.Average());
        return Math.Abs(clean - corrupted) > 1e-9 * Math.Max(1e-3, Math.Abs(clean))
            ? (values.Average() - corrupted) / (clean - corrupted)
            : throw new VitrineException(FormattableString.Invariant(
                $"circuit: the metric is {clean:0.######} for the clean and the corrupted inputs alike; there is no difference to explain."));
    }

    /// <summary>Circuits of growing size.</summary>
    /// <param name="scores">Of all edges.</param>
    /// <param name="sizes">How many edges.</param>
    /// <param name="selection">How they are chosen, those of random circuits too.</param>
    /// <param name="randoms">Random circuits of each size.</param>
    /// <param name="seed">Of the random scores.</param>
    /// <param name="progress">From 0 to 1; may be null.</param>
    /// <param name="cancellation">Stops between runs.</param>
    public IReadOnlyList<CurvePoint> Of(
        EdgeScores scores, IReadOnlyList<int> sizes, CircuitSelection selection, int randoms = 5, int seed = 0, IProgress<double>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(scores);
        ArgumentNullException.ThrowIfNull(sizes);
        EdgeScores[] drawn = [.. Enumerable.Range(0, randoms).Select(i => Random(scores, seed + i))];
        var points = new List<CurvePoint>();
        foreach (var (i, size) in sizes.Index())
        {
            points.Add(Point(Chosen(scores, size, selection), [.. drawn.Select(d => Chosen(d, size, selection))], cancellation));
            progress?.Report((i + 1.0) / sizes.Count);
        }

        return points;
    }

    /// <summary>One circuit beside random ones of as many edges, of an axis and a selection of its own.</summary>
    public CurvePoint Of(
        Circuit circuit, EdgeScores scores, CircuitSelection selection, int randoms = 5, int seed = 0, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(circuit);
        ArgumentNullException.ThrowIfNull(scores);
        return Point(circuit, [.. Enumerable.Range(0, randoms).Select(i => Chosen(Random(scores, seed + i), circuit.Edges.Count, selection))], cancellation);
    }

    /// <summary>What is lost of a circuit without each of its edges.</summary>
    /// <param name="circuit">The circuit.</param>
    /// <param name="most">Edges that are tried, the smallest scores first.</param>
    /// <param name="cancellation">Stops between runs.</param>
    /// <returns>The least first.</returns>
    public IReadOnlyList<EdgeNeed> Needs(Circuit circuit, int most = 64, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(circuit);
        ScoredEdge[] tried = [.. circuit.Edges.OrderBy(e => Math.Abs(e.Score)).Take(most)];
        var values = pair.Run([circuit, .. tried.Select(e => circuit with { Edges = [.. circuit.Edges.Where(o => o != e)] })], options, cancellation);
        var whole = Recovered(values[0]);
        return [.. tried.Zip(values.Skip(1)).Select(t => new EdgeNeed(t.First.From, t.First.To, whole - Recovered(t.Second), t.First.Step, t.First.Position))
            .OrderBy(n => n.Lost)];
    }

    /// <summary>The circuit of so many edges.</summary>
    public static Circuit Chosen(EdgeScores scores, int count, CircuitSelection selection)
        => selection == CircuitSelection.Greedy ? Circuit.Greedy(scores, count) : Circuit.Top(scores, count);

    private CurvePoint Point(Circuit circuit, Circuit[] randoms, CancellationToken cancellation)
    {
        Circuit[] all = [circuit, .. randoms];
        var kept = pair.Run(all, options, cancellation).Select(Recovered).ToArray();
        var removed = pair.RunWithout(all, options, cancellation).Select(Recovered).ToArray();
        return new CurvePoint(circuit.Edges.Count, kept[0], removed[0], kept[1..], removed[1..]);
    }

    private static EdgeScores Random(EdgeScores like, int seed)
    {
        var random = new Random(seed);
        var values = like.Cells.Select(_ => new double[like.Graph.Writers.Count * like.Graph.Readers.Count]).ToArray();
        foreach (var (cell, at) in like.Ids())
        {
            values[cell][at] = 1 - random.NextDouble();
        }

        return new EdgeScores(like.Graph, like.Method, like.Axis, like.Cells, values);
    }
}
