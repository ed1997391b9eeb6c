using System.Globalization;

namespace Vitrine.Mechanisms.Circuits;

/// <summary>
/// Automatic circuit discovery (Conmy et al. 2023): edge by edge from the outcome downwards, an edge is cut for good where that moves the metric by less than a
/// threshold.
/// </summary>
/// <remarks>
/// Of the readers the last comes first, of a reader's writers the last. An edge is cut where the mean over rows of |metric - clean metric| grows by less than
/// the threshold; with a KL divergence for metric that is the paper's rule. Runs of several edges go side by side, each with all before it cut: what follows
/// the first edge that must stay is run again, so that the result is that of one edge after the other.
/// </remarks>
public static class Acdc
{
    /// <summary>Finds a circuit.</summary>
    /// <param name="pair">Whose.</param>
    /// <param name="threshold">In the metric's units.</param>
    /// <param name="options">Axis, what a cut edge carries, and who hears of it.</param>
    /// <param name="resume">A file in which the search keeps how far it is, and goes on from where it is there; none when null.</param>
    /// <param name="cancellation">Stops between runs; the file has what was found.</param>
    /// <exception cref="VitrineException">The threshold is no positive number, or the file is of another search.</exception>
    public static Circuit Find(
        CircuitPair pair, double threshold, EdgeOptions? options = null, string? resume = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(pair);
        options ??= new EdgeOptions();
        if (!(threshold > 0) || double.IsInfinity(threshold))
        {
            throw new VitrineException($"acdc: the threshold is {threshold}; expected a positive number in the metric's units.");
        }

        var scores = EdgePatches.Empty(pair, options.Axis);
        var graph = pair.Graph;
        var readers = graph.Readers.Count;
        var order = scores.Ids().OrderByDescending(e => e.At % readers).ThenByDescending(e => e.At / readers).ThenBy(e => e.Cell).ToArray();
        var key = CircuitWork.Key(pair, options.Axis, "acdc", threshold.ToString("r", CultureInfo.InvariantCulture), $"{options.Fill}");
        var found = CircuitWork.Resume(resume, key).Found.ToList();
        var cut = EdgeSet.Of(scores, found.Index().Where(f => f.Item == 0).Select(f => order[f.Index]));
        using var runs = new CircuitRuns(pair, scores, new CircuitRunOptions { Fill = options.Fill });
        var clean = pair.CleanValues;
        var distance = found.Contains(0) ? Distance(runs.Values([cut], cancellation: cancellation)[0], clean) : 0;
        var reach = 1;
        while (found.Count < order.Length)
        {
            cancellation.ThrowIfCancellationRequested();
            var some = order[found.Count..Math.Min(order.Length, found.Count + Math.Min(reach, runs.AtOnce(isFrozen: false)))];
            var layer = some.Min(e => EdgePatches.LayerOf(graph, e.At));
            var (tried, together) = (new List<EdgeSet>(), cut);
            foreach (var edge in some)
            {
                together = together.Copy().With([edge]);
                tried.Add(together);
            }

            var values = runs.Values(tried, layer, cancellation: cancellation);
            var i = 0;
            while (i < some.Length && Distance(values[i], clean) is var moved && moved - distance < threshold)
            {
                (cut, distance) = (tried[i], moved);
                found.Add(0);
                i++;
            }

            if (i < some.Length)
            {
                found.Add(1);
            }

            // As many at once as are likely to be cut without one that stays among them.
            reach = i == some.Length ? reach * 2 : Math.Max(1, i + 1);
            new CircuitWork(key, found).Save(resume);
            options.Progress?.Report(found.Count / (double)order.Length);
        }

        var kept = order.Where((_, i) => found[i] == 1).ToArray();
        var circuit = Circuit.From(scores, [.. kept.Select(e => scores.Edge(e.Cell, e.At))], "acdc");
        return circuit with { Edges = pair.Patched(circuit.Edges, options with { Progress = null }, cancellation) };
    }

    private static double Distance(double[] values, IReadOnlyList<double> clean) => values.Zip(clean).Average(v => Math.Abs(v.First - v.Second));
}
