namespace Vitrine.Mechanisms.Circuits;

/// <summary>An edge with what it was found to carry.</summary>
/// <param name="From">The writer's name.</param>
/// <param name="To">The reader's name.</param>
/// <param name="Score">In the metric's units: clean minus patched.</param>
/// <param name="Step">The pass, where edges are told apart by it.</param>
/// <param name="Position">The column, where edges are told apart by it.</param>
public sealed record ScoredEdge(string From, string To, double Score, int? Step = null, int? Position = null);

/// <summary>Scores of all edges of a graph.</summary>
public sealed class EdgeScores
{
    private readonly double[][] values;

    internal EdgeScores(CircuitGraph graph, EdgeMethod method, EdgeAxis axis, IReadOnlyList<EdgeCell> cells, double[][] values)
        => (Graph, Method, Axis, Cells, this.values) = (graph, method, axis, cells, values);

    /// <summary>Whose edges.</summary>
    public CircuitGraph Graph { get; }

    /// <summary>How they were found.</summary>
    public EdgeMethod Method { get; }

    /// <summary>What tells edges between the same two apart.</summary>
    public EdgeAxis Axis { get; }

    /// <summary>The places along the axis; one where there is none.</summary>
    public IReadOnlyList<EdgeCell> Cells { get; }

    /// <summary>How many edges there are along the axis.</summary>
    public int Count => Ids().Count();

    /// <summary>The score of an edge; 0 where there is none.</summary>
    /// <param name="writer">Index in <see cref="CircuitGraph.Writers"/>.</param>
    /// <param name="reader">Index in <see cref="CircuitGraph.Readers"/>.</param>
    /// <param name="cell">Index in <see cref="Cells"/>; the sum over all when null.</param>
    public double this[int writer, int reader, int? cell = null]
    {
        get
        {
            var at = (writer * Graph.Readers.Count) + reader;
            return cell is { } c ? values[c][at] : values.Sum(v => v[at]);
        }
    }

    /// <summary>What a writer carries: the sum over the edges that leave it.</summary>
    public double OfWriter(int writer) => Enumerable.Range(0, Graph.Readers.Count).Where(r => Graph.Has(writer, r)).Sum(r => this[writer, r]);

    /// <summary>What comes in at a reader: the sum over the edges that end in it.</summary>
    public double OfReader(int reader) => Enumerable.Range(0, Graph.Writers.Count).Where(w => Graph.Has(w, reader)).Sum(w => this[w, reader]);

    /// <summary>Edges by the size of their score, largest first; equal ones in the order of computing.</summary>
    /// <param name="count">How many; all when null.</param>
    public IReadOnlyList<ScoredEdge> Ranked(int? count = null)
    {
        var ordered = Ids().OrderByDescending(e => Math.Abs(values[e.Cell][e.At]));
        return [.. (count is { } n ? ordered.Take(n) : ordered).Select(e => Edge(e.Cell, e.At))];
    }

    /// <summary>Every edge: its place along the axis, and writer times readers plus reader.</summary>
    internal IEnumerable<(int Cell, int At)> Ids()
    {
        var readers = Graph.Readers.Count;
        for (var cell = 0; cell < Cells.Count; cell++)
        {
            for (var reader = 0; reader < readers; reader++)
            {
                for (var writer = 0; writer < Graph.Writers.Count; writer++)
                {
                    if (Graph.Has(writer, reader) && (writer < Graph.StreamWriters || IsFirst(cell)))
                    {
                        yield return (cell, (writer * readers) + reader);
                    }
                }
            }
        }
    }

    internal int? CellAt(int? step, int? position)
    {
        for (var cell = 0; cell < Cells.Count; cell++)
        {
            if (Cells[cell].Step == step && Cells[cell].Position == position)
            {
                return cell;
            }
        }

        return null;
    }

    internal double Value(int cell, int at) => values[cell][at];

    /// <remarks>Edges from a prefix's groups have no position of their own: they stand at the first of each pass.</remarks>
    private bool IsFirst(int cell) => Axis != EdgeAxis.Positions || Cells[cell].Position == 0;

    internal ScoredEdge Edge(int cell, int at)
    {
        var (writer, reader) = (at / Graph.Readers.Count, at % Graph.Readers.Count);
        return new ScoredEdge(
            Graph.Writers[writer].Name, Graph.Readers[reader].Name, values[cell][at], Cells[cell].Step,
            writer < Graph.StreamWriters ? Cells[cell].Position : null);
    }
}
