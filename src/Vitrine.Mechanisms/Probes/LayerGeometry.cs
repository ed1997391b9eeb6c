using Vitrine.Mechanisms.Geometry;
using Vitrine.Mechanisms.Statistics;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Probes;

/// <summary>How the examples of one layer lie.</summary>
/// <param name="Layer">Block, from 0.</param>
/// <param name="Place">Address.</param>
/// <param name="Width">Coordinates.</param>
/// <param name="ParticipationRatio">How many directions carry variance.</param>
/// <param name="TwoNearestNeighbours">Dimension by distances; null of fewer than ten different examples, and of a grid.</param>
/// <param name="Shares">Of the variance, along each of the first principal components.</param>
/// <param name="Needed">Components that hold nine tenths of the variance.</param>
/// <param name="Scores">[example][2]: in the first two components, for drawing.</param>
/// <param name="Clusters">k-means; null where none was asked for.</param>
public sealed record LayerGeometry(
    int Layer, string Place, int Width, double ParticipationRatio, double? TwoNearestNeighbours, IReadOnlyList<double> Shares, int Needed,
    IReadOnlyList<IReadOnlyList<double>> Scores, ClusterReading? Clusters)
{
    private const int Kept = 10;
    private const double Most = .9;

    /// <summary>Measures layers.</summary>
    /// <param name="layers">(n,d) of each, n of at least 3; they stay the caller's.</param>
    /// <param name="clusters">Clusters of k-means, at least 2 and at most n / 2; none where null.</param>
    /// <param name="shuffles">How often coordinates are shuffled beside the clusters.</param>
    /// <param name="seed">Of first centres and shuffles.</param>
    /// <param name="progress">Share of the layers that are done.</param>
    /// <param name="cancellation">Stops between layers and shuffles.</param>
    /// <exception cref="VitrineException">There are too few examples, or a layer is the same in all; it is named.</exception>
    public static IReadOnlyList<LayerGeometry> Of(
        IReadOnlyList<ProbedLayer> layers, int? clusters = null, int shuffles = 20, ulong seed = 0, IProgress<double>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(layers);
        var count = layers.Count == 0 ? 0 : layers[0].Activations.shape[0];
        if (count < 3 || (clusters is { } asked && (asked < 2 || asked > count / 2)) || shuffles < 1)
        {
            throw new VitrineException(
                $"geometry: {count} examples, {(clusters is null ? "" : $"{clusters} clusters, ")}{shuffles} shuffles; expected at least 3, "
                + $"{(clusters is null ? "" : "from 2 to half as many, ")}and 1.");
        }

        var rows = new List<LayerGeometry>();
        foreach (var layer in layers)
        {
            cancellation.ThrowIfCancellationRequested();
            RequireDifferent(layer);
            using var scope = NewDisposeScope();
            var all = PrincipalComponents.Of(layer.Activations, (int)Math.Min(count - 1, layer.Activations.shape[1]));
            var scores = all.Scores(layer.Activations);
            var held = all.Shares.Select((_, i) => all.Shares.Take(i + 1).Sum()).TakeWhile(s => s < Most - 1e-12).Count() + 1;
            rows.Add(new(
                layer.Layer, layer.Place, (int)layer.Activations.shape[1], IntrinsicDimension.ParticipationRatio(layer.Activations),
                IntrinsicDimension.TwoNearestNeighboursOrNull(layer.Activations), [.. all.Shares.Take(Kept)], held,
                [.. scores.Select(s => (IReadOnlyList<double>)[s[0], s.ElementAtOrDefault(1)])],
                clusters is { } k ? ClusterReading.Of(scores, k, shuffles, $"geometry/{seed}/{layer.Place}", cancellation) : null));
            progress?.Report(rows.Count / (double)layers.Count);
        }

        return rows;
    }

    /// <exception cref="VitrineException">Every example has the same activations there.</exception>
    internal static void RequireDifferent(ProbedLayer layer)
    {
        using var scope = NewDisposeScope();
        if ((layer.Activations - layer.Activations[0]).count_nonzero().item<long>() == 0)
        {
            throw new VitrineException($"{layer.Place}: is the same in all {layer.Activations.shape[0]} examples; ask at another position.");
        }
    }
}

/// <summary>Whether examples fall into groups: the silhouette of k-means beside the same examples with their principal coordinates shuffled.</summary>
/// <param name="Assignments">Cluster of each example.</param>
/// <param name="Silhouette">Mean over the examples.</param>
/// <param name="Shuffled">The same of shuffled coordinates, which keep their variances and lose what they have together.</param>
/// <param name="P">(1 + shuffles with a silhouette at least as large) / (1 + shuffles).</param>
public sealed record ClusterReading(IReadOnlyList<int> Assignments, double Silhouette, Spread Shuffled, double P)
{
    internal static ClusterReading Of(double[][] scores, int count, int shuffles, string key, CancellationToken cancellation)
    {
        using var scope = NewDisposeScope();
        var random = new RandomStream(key);
        var (found, silhouette) = Fit(scores);
        var shuffled = Enumerable.Range(0, shuffles).Select(_ =>
        {
            cancellation.ThrowIfCancellationRequested();
            double[][] columns = [.. Enumerable.Range(0, scores[0].Length).Select(c => random.Shuffled([.. scores.Select(s => s[c])]))];
            return Fit([.. Enumerable.Range(0, scores.Length).Select(i => columns.Select(c => c[i]).ToArray())]).Silhouette;
        }).ToArray();
        return new(found, silhouette, Spread.Of(shuffled), (1.0 + shuffled.Count(s => s >= silhouette)) / (1 + shuffles));

        (IReadOnlyList<int> Assignments, double Silhouette) Fit(double[][] rows)
        {
            using var inner = NewDisposeScope();
            var x = Matrices.Of(rows);
            var clusters = Clusters.Fit(x, count);
            return (clusters.Assignments, Clusters.Silhouette(x, clusters.Assignments));
        }
    }
}
