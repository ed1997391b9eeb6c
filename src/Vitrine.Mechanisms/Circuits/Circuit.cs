using System.Text.Json;

namespace Vitrine.Mechanisms.Circuits;

/// <summary>A circuit: the edges of a graph that are included, as a value that can be saved, run and drawn.</summary>
public sealed record Circuit
{
    /// <summary>The model that it is of.</summary>
    public required string Model { get; init; }

    /// <summary>How its edges were found, as the command spells it, e.g. <c>eap-ig</c>, <c>acdc</c>.</summary>
    public required string Method { get; init; }

    /// <summary>What tells edges between the same two apart.</summary>
    public EdgeAxis Axis { get; init; }

    /// <summary>Its edges, the largest score first.</summary>
    public required IReadOnlyList<ScoredEdge> Edges { get; init; }

    /// <summary>How many edges the whole graph has.</summary>
    public required int Of { get; init; }

    /// <summary>The edges with the largest scores, whatever their sign.</summary>
    /// <param name="scores">Of all edges.</param>
    /// <param name="count">How many; at most all.</param>
    public static Circuit Top(EdgeScores scores, int count)
    {
        ArgumentNullException.ThrowIfNull(scores);
        return From(scores, scores.Ranked(count), Named(scores));
    }

    /// <summary>The edges whose score is at least so large, whatever its sign.</summary>
    /// <param name="scores">Of all edges.</param>
    /// <param name="threshold">In the metric's units.</param>
    public static Circuit Above(EdgeScores scores, double threshold)
    {
        ArgumentNullException.ThrowIfNull(scores);
        return From(scores, [.. scores.Ranked().TakeWhile(e => Math.Abs(e.Score) >= threshold)], Named(scores));
    }

    /// <summary>From the outcome downwards, always the edge with the largest score among those that end in a node of the circuit (Hanna et al. 2024).</summary>
    /// <param name="scores">Of all edges.</param>
    /// <param name="count">How many edges; at most all.</param>
    public static Circuit Greedy(EdgeScores scores, int count)
    {
        ArgumentNullException.ThrowIfNull(scores);
        var waiting = scores.Ranked().ToLookup(e => NodeOf(e.To));
        var queue = new PriorityQueue<ScoredEdge, (double, int)>();
        var (taken, seen, order) = (new List<ScoredEdge>(), new HashSet<string>(), 0);
        Enter("outcome");
        while (taken.Count < count && queue.TryDequeue(out var edge, out _))
        {
            taken.Add(edge);
            Enter(edge.From);
        }

        return From(scores, taken, Named(scores));

        // A writer counts at all its places: attention moves what it writes from one to another.
        void Enter(string node)
        {
            if (seen.Add(node))
            {
                foreach (var edge in waiting[node])
                {
                    queue.Enqueue(edge, (-Math.Abs(edge.Score), order++));
                }
            }
        }
    }

    /// <summary>As JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, CircuitJsonContext.Default.Circuit);

    /// <summary>Reads what <see cref="ToJson"/> wrote.</summary>
    /// <exception cref="VitrineException">It is no circuit.</exception>
    public static Circuit FromJson(string json, string source = "circuit")
    {
        try
        {
            return JsonSerializer.Deserialize(json, CircuitJsonContext.Default.Circuit)
                ?? throw new VitrineException($"{source}: is null; expected a circuit.");
        }
        catch (JsonException e)
        {
            throw new VitrineException($"{source}: is no circuit ({e.Message})", e);
        }
    }

    /// <summary>Without the edges that no way from a source to the outcome goes through.</summary>
    public Circuit Reachable()
    {
        var forward = new HashSet<string>(Edges.Select(e => e.From).Where(IsSource));
        var backward = new HashSet<string> { "outcome" };
        Grow(forward, e => e.From, e => NodeOf(e.To));
        Grow(backward, e => NodeOf(e.To), e => e.From);
        return this with { Edges = [.. Edges.Where(e => forward.Contains(e.From) && backward.Contains(NodeOf(e.To)))] };

        void Grow(HashSet<string> known, Func<ScoredEdge, string> from, Func<ScoredEdge, string> to)
        {
            while (Edges.Where(e => known.Contains(from(e))).Count(e => known.Add(to(e))) > 0)
            {
            }
        }
    }

    internal static bool IsSource(string node) => node != "outcome" && !(node.Length > 1 && node[0] is 'a' or 'm' && char.IsAsciiDigit(node[1]));

    /// <summary>The node that a reader is a part of.</summary>
    internal static string NodeOf(string reader)
        => reader.Length > 2 && reader[^2] == '.' && reader[^1] is 'q' or 'k' or 'v' && !IsSource(reader) ? reader[..^2] : reader;

    private static string Named(EdgeScores scores) => JsonNamingPolicy.KebabCaseLower.ConvertName(scores.Method.ToString());

    internal static Circuit From(EdgeScores scores, IReadOnlyList<ScoredEdge> edges, string method) => new()
    {
        Model = scores.Graph.Stack.Shape.Name,
        Method = method,
        Axis = scores.Axis,
        Edges = [.. edges.OrderByDescending(e => Math.Abs(e.Score))],
        Of = scores.Count,
    };

    /// <summary>The edges as a set along the axis of some scores.</summary>
    /// <exception cref="VitrineException">An edge is none of the graph, or its axis is another.</exception>
    internal EdgeSet SetIn(EdgeScores of)
    {
        if (Axis != of.Axis)
        {
            throw new VitrineException($"circuit: tells its edges apart by {Axis}, the scores by {of.Axis}; expected one axis.");
        }

        return EdgeSet.Of(of, Edges.Select(e => IdIn(of, e)));
    }

    /// <summary>Where an edge stands among some scores.</summary>
    /// <exception cref="VitrineException">There is none.</exception>
    internal static (int Cell, int At) IdIn(EdgeScores of, ScoredEdge edge)
    {
        var (graph, writer, reader) = (of.Graph, of.Graph.Writer(edge.From), of.Graph.Reader(edge.To));
        var position = writer >= graph.StreamWriters && of.Axis == EdgeAxis.Positions ? 0 : edge.Position;
        return graph.Has(writer, reader) && of.CellAt(edge.Step, position) is { } cell
            ? (cell, (writer * graph.Readers.Count) + reader)
            : throw new VitrineException($"circuit: there is no edge from '{edge.From}' to '{edge.To}'{new EdgeCell(edge.Step, edge.Position)}.");
    }
}
