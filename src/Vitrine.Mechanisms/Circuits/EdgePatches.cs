namespace Vitrine.Mechanisms.Circuits;

/// <summary>Every edge patched alone, by intervention.</summary>
internal sealed class EdgePatches(CircuitPair pair, EdgeOptions options)
{
    /// <summary>Scores of edges: the metric of the clean run minus that with the edge patched, mean over rows.</summary>
    /// <param name="chosen">Those that are patched; all when null. The others' score is 0.</param>
    /// <param name="resume">A file in which the search keeps how far it is; none when null.</param>
    /// <param name="cancellation">Stops between runs.</param>
    public EdgeScores Score(IReadOnlyList<ScoredEdge>? chosen = null, string? resume = null, CancellationToken cancellation = default)
    {
        var scores = Empty(pair, options.Axis);
        var (values, ids) = (Values(scores), chosen is null ? scores.Ids().ToArray() : [.. chosen.Select(e => Circuit.IdIn(scores, e))]);
        var clean = pair.CleanValues.Average();
        using var runs = new CircuitRuns(pair, scores, new CircuitRunOptions { Fill = options.Fill });
        var graph = pair.Graph;
        (int Cell, int At)[] order = [.. ids.OrderBy(e => LayerOf(graph, e.At))];
        var key = resume is null ? "" : CircuitWork.Key(pair, options.Axis, "exact", $"{options.Fill}", $"{order.Length}");
        var found = CircuitWork.Resume(resume, key).Found.ToList();
        while (found.Count < order.Length)
        {
            var layer = LayerOf(graph, order[found.Count].At);
            (int, int)[] some = [.. order.Skip(found.Count).TakeWhile(e => LayerOf(graph, e.At) == layer).Take(runs.AtOnce(isFrozen: true))];
            found.AddRange(runs.Values([.. some.Select(e => EdgeSet.Of(scores, [e]))], layer, isFrozen: true, cancellation).Select(v => clean - v.Average()));
            new CircuitWork(key, found).Save(resume);
            options.Progress?.Report(found.Count / (double)order.Length);
        }

        foreach (var (i, (cell, at)) in order.Index())
        {
            values[cell][at] = found[i];
        }

        return new EdgeScores(graph, EdgeMethod.Exact, options.Axis, scores.Cells, values);
    }

    /// <summary>Scores that are all 0.</summary>
    public static EdgeScores Empty(CircuitPair pair, EdgeAxis axis)
    {
        pair.RequireDifference(pair.Record(ofClean: true), pair.Record(ofClean: false));
        var cells = pair.Cells(axis, pair.Lengths());
        return new EdgeScores(
            pair.Graph, EdgeMethod.Exact, axis, cells, [.. cells.Select(_ => new double[pair.Graph.Writers.Count * pair.Graph.Readers.Count])]);
    }

    /// <summary>The first block that an edge into a reader changes; the last for the outcome.</summary>
    public static int LayerOf(CircuitGraph graph, int at) => graph.Readers[at % graph.Readers.Count].Node.Layer ?? graph.Layers - 1;

    private static double[][] Values(EdgeScores of) => [.. of.Cells.Select(_ => new double[of.Graph.Writers.Count * of.Graph.Readers.Count])];
}
