using Vitrine.Mechanisms.Concepts;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Geometry;

/// <summary>k-means by Euclidean distance (Lloyd 1982). <see cref="KMeans"/> clusters by cosine.</summary>
/// <param name="Assignments">Cluster of each example.</param>
/// <param name="Centres">[cluster][d].</param>
/// <param name="Inertia">Sum of squared distances to the own centre.</param>
/// <param name="Rounds">Rounds until nothing changed, or the limit.</param>
public sealed record Clusters(IReadOnlyList<int> Assignments, IReadOnlyList<IReadOnlyList<double>> Centres, double Inertia, int Rounds)
{
    /// <summary>Clusters from first centres drawn by k-means++ (Arthur and Vassilvitskii 2007).</summary>
    /// <param name="x">(n,d); stays the caller's.</param>
    /// <param name="count">Clusters, at most n.</param>
    /// <param name="seed">Of the first centres.</param>
    /// <param name="limit">Rounds at most.</param>
    /// <exception cref="VitrineException">More clusters than examples are asked for.</exception>
    public static Clusters Fit(Tensor x, int count, int seed = 0, int limit = 300)
    {
        using var scope = NewDisposeScope();
        var wide = Matrices.Wide(x, "k-means");
        if (count < 1 || count > wide.shape[0])
        {
            throw new VitrineException($"k-means: {count} clusters of {wide.shape[0]} points; expected 1 to {wide.shape[0]}.");
        }

        var first = KMeans.FirstCentres((int)wide.shape[0], count, new Random(seed), chosen => (wide - wide[chosen]).square().sum(1).Row());
        return From(wide, wide.index_select(0, tensor(first)), limit);
    }

    /// <summary>Clusters from given first centres.</summary>
    /// <param name="x">(n,d); stays the caller's.</param>
    /// <param name="centres">(k,d); stays the caller's.</param>
    /// <param name="limit">Rounds at most.</param>
    /// <remarks>A cluster that loses all members gets the example that is farthest from its own centre.</remarks>
    /// <exception cref="VitrineException">The widths differ.</exception>
    public static Clusters From(Tensor x, Tensor centres, int limit = 300)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var (wide, at) = (Matrices.Wide(x, "k-means"), Matrices.Wide(centres, "k-means' centres"));
        if (wide.shape[1] != at.shape[1] || limit < 1)
        {
            throw new VitrineException($"k-means: points of width {wide.shape[1]}, centres of {at.shape[1]}, {limit} rounds; expected one width and a round.");
        }

        var (labels, isStill, rounds) = (Array.Empty<long>(), false, 0);
        while (rounds < limit && !isStill)
        {
            rounds++;
            var (found, distances) = Nearest(wide, at);
            isStill = found.AsSpan().SequenceEqual(labels);
            labels = found;
            var next = Means(wide, at, labels, distances);
            isStill |= (next - at).abs().max().item<double>() == 0;
            at = next;
        }

        var (last, squares) = Nearest(wide, at);
        return new([.. last.Select(l => (int)l)], at.Rows(), squares.Sum(), rounds);
    }

    /// <summary>
    /// The mean silhouette (Rousseeuw 1987): (b - a) / max(a, b) with a the mean distance to the own cluster's others, b that to the nearest other cluster;
    /// 0 for an example that is alone.
    /// </summary>
    /// <param name="x">(n,d); stays the caller's.</param>
    /// <param name="assignments">Cluster of each.</param>
    /// <exception cref="VitrineException">There are fewer than two clusters, or not as many assignments as examples.</exception>
    public static double Silhouette(Tensor x, IReadOnlyList<int> assignments)
    {
        using var scope = NewDisposeScope();
        ArgumentNullException.ThrowIfNull(assignments);
        var wide = Matrices.Wide(x, "silhouette", 2);
        var members = Enumerable.Range(0, assignments.Count).GroupBy(i => assignments[i]).ToDictionary(g => g.Key, g => g.ToArray());
        if (assignments.Count != wide.shape[0] || members.Count < 2)
        {
            throw new VitrineException(
                $"silhouette: {assignments.Count} assignments to {members.Count} clusters of {wide.shape[0]} points; expected two clusters.");
        }

        var rows = Matrices.Distances(wide);
        return rows.Select((row, i) =>
        {
            var own = members[assignments[i]];
            var inside = own.Sum(j => row[j]) / Math.Max(1, own.Length - 1);
            var outside = members.Where(m => m.Key != assignments[i]).Min(m => m.Value.Average(j => row[j]));
            return own.Length == 1 ? 0 : (outside - inside) / Math.Max(outside, inside);
        }).Average();
    }

    private static (long[] Nearest, double[] Squares) Nearest(Tensor x, Tensor centres)
    {
        using var scope = NewDisposeScope();
        var squares = stack([.. Enumerable.Range(0, (int)centres.shape[0]).Select(k => (x - centres[k]).square().sum(1))], 1);         // (n, k)
        var (least, nearest) = squares.min(1);
        return (nearest.data<long>().ToArray(), least.Row());
    }

    private static Tensor Means(Tensor x, Tensor centres, long[] labels, double[] squares)
    {
        var count = (int)centres.shape[0];
        long[] own = [.. labels];
        foreach (var empty in Enumerable.Range(0, count).Where(k => !own.Contains(k)).ToArray())
        {
            var farthest = Enumerable.Range(0, own.Length).Where(i => own.Count(l => l == own[i]) > 1).MaxBy(i => squares[i]);
            (own[farthest], squares[farthest]) = (empty, 0);
        }

        var sizes = tensor(Enumerable.Range(0, count).Select(k => (double)own.Count(l => l == k)).ToArray()).unsqueeze(1);
        return zeros_like(centres).index_add(0, tensor(own), x, 1) / sizes;
    }
}
