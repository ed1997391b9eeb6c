using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Concepts;

/// <summary>k-means by cosine: points and centres have length 1, a point belongs to the centre with the largest product.</summary>
/// <param name="Assignments">Cluster of each point.</param>
/// <param name="Centres">[cluster][coordinate].</param>
/// <param name="Coherence">[cluster] mean cosine of the members with their centre; 0 where there is none.</param>
/// <param name="Rounds">Rounds until nothing changed, or the limit.</param>
/// <remarks>
/// First centres by k-means++ (Arthur and Vassilvitskii 2007) with squared distances 2 - 2 cos. The same points and seed give the same clusters. An empty
/// cluster keeps its centre.
/// </remarks>
public sealed record KMeans(IReadOnlyList<int> Assignments, IReadOnlyList<IReadOnlyList<float>> Centres, IReadOnlyList<double> Coherence, int Rounds)
{
    /// <summary>Clusters points.</summary>
    /// <param name="points">(n,d), rows of length 1.</param>
    /// <param name="clusters">At most n.</param>
    /// <param name="seed">Of the first centres.</param>
    /// <param name="limit">Rounds at most.</param>
    /// <param name="cancellation">Stops between rounds.</param>
    /// <exception cref="VitrineException">More clusters than points are asked for.</exception>
    public static KMeans Fit(Tensor points, int clusters, int seed = 0, int limit = 100, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(points);
        var count = points.shape[0];
        if (clusters < 1 || clusters > count)
        {
            throw new VitrineException($"k-means: {clusters} clusters of {count} points; expected 1 to {count}.");
        }

        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var all = points.to(float32);
        var centres = all.index_select(0, tensor(FirstCentres((int)count, clusters, new Random(seed), Squares)));
        var assignments = Array.Empty<long>();
        var round = 0;
        while (round < limit)
        {
            cancellation.ThrowIfCancellationRequested();
            using var inner = NewDisposeScope();
            long[] found = [.. Ranking.FirstOfRows(all.mm(centres.t())).Select(c => (long)c)];             // (n)
            if (found.AsSpan().SequenceEqual(assignments))
            {
                break;
            }

            round++;
            assignments = found;
            var sums = zeros_like(centres).index_add_(0, tensor(assignments), all, 1);
            var norms = sums.norm(1, keepdim: true);
            centres = where(norms > zeros_like(norms), sums / norms.clamp_min(1e-30f), centres).MoveToOuterDisposeScope();
        }

        var own = (all * centres.index_select(0, tensor(assignments))).sum(1).data<float>().ToArray();
        var members = Enumerable.Range(0, clusters).Select(c => own.Where((_, i) => assignments[i] == c).Select(v => (double)v).ToArray());
        return new KMeans(
            [.. assignments.Select(a => (int)a)], [.. Enumerable.Range(0, clusters)
                .Select(c => centres[c].contiguous().data<float>().ToArray())], [.. members.Select(m => m.Length == 0 ? 0 : m.Average())], round);

        double[] Squares(long chosen) => [.. all.mv(all[chosen]).data<float>().ToArray().Select(cosine => Math.Max(0, 2 - (2.0 * cosine)))];
    }

    /// <summary>k-means++: each further centre is a point, drawn by its squared distance to the nearest one so far.</summary>
    /// <param name="count">Points.</param>
    /// <param name="clusters">Centres.</param>
    /// <param name="random">Draws.</param>
    /// <param name="squares">From a point to the squared distances of all points to it.</param>
    internal static long[] FirstCentres(int count, int clusters, Random random, Func<long, double[]> squares)
    {
        using var scope = NewDisposeScope();
        var chosen = new List<long> { random.Next(count) };
        var distance = Enumerable.Repeat(double.PositiveInfinity, count).ToArray();
        while (chosen.Count < clusters)
        {
            using var inner = NewDisposeScope();
            foreach (var (i, square) in squares(chosen[^1]).Index())
            {
                distance[i] = Math.Min(distance[i], square);
            }

            chosen.ForEach(c => distance[c] = 0);
            chosen.Add(DrawByDistance(distance, random));
        }

        return [.. chosen];
    }

    /// <remarks>With probability proportional to the squared distance; where all are zero, the first that was not chosen has as good a claim as any.</remarks>
    private static long DrawByDistance(double[] distance, Random random)
    {
        var at = random.NextDouble() * distance.Sum();
        var last = 0;
        for (var i = 0; i < distance.Length; i++)
        {
            if (distance[i] > 0)
            {
                last = i;
                at -= distance[i];
                if (at <= 0)
                {
                    return i;
                }
            }
        }

        return last;
    }
}
