namespace Vitrine.Mechanisms.InputAttribution;

/// <summary>
/// Shapley values: the mean, over orders in which features come in, of what each changes when it does (Shapley 1953). They sum to f(x) - f(baseline), are 0 for
/// a feature that changes nothing, alike for features that are interchangeable, and add up over functions that are added.
/// </summary>
public static class ShapleyValues
{
    /// <summary>The most features whose every set is computed: 2^12 passes of one row.</summary>
    public const int MostExact = 12;

    /// <summary>Exactly, from every set (B,F).</summary>
    /// <param name="removal">The function, its features and baseline.</param>
    /// <param name="progress">From 0 to 1.</param>
    /// <exception cref="VitrineException">There are more than <see cref="MostExact"/> features.</exception>
    public static double[][] Exact(FeatureRemoval removal, IProgress<double>? progress = null)
    {
        ArgumentNullException.ThrowIfNull(removal);
        var count = removal.Features.Count;
        if (count > MostExact)
        {
            throw new VitrineException($"Shapley values: {count} features have 2^{count} sets; up to {MostExact} are computed exactly, more are sampled.");
        }

        var sets = 1 << count;
        var values = removal.Values([.. Enumerable.Range(0, removal.Rows).SelectMany(row => Enumerable.Range(0, sets).Select(s => (row, Off(s))))], progress);
        double[] weights = [.. Enumerable.Range(0, count).Select(size => Factorial(size) * Factorial(count - 1 - size) / Factorial(count))];
        return
        [
            .. values.Chunk(sets).Select(v => Enumerable.Range(0, count).Select(f => Enumerable.Range(0, sets).Where(s => (s & (1 << f)) == 0)
                .Sum(s => weights[System.Numerics.BitOperations.PopCount((uint)s)] * (v[s | (1 << f)] - v[s]))).ToArray()),
        ];

        // Bit f of a set says that feature f is there.
        bool[] Off(int set) => [.. Enumerable.Range(0, count).Select(f => (set & (1 << f)) == 0)];
    }

    /// <summary>From random orders (B,F): unbiased, and their sum is f(x) - f(baseline) whatever is drawn (Castro et al. 2009).</summary>
    /// <param name="removal">The function, its features and baseline.</param>
    /// <param name="orders">How many; each is gone through forwards and backwards.</param>
    /// <param name="seed">Of the orders.</param>
    /// <param name="progress">From 0 to 1.</param>
    public static double[][] Sampled(FeatureRemoval removal, int orders, int seed, IProgress<double>? progress = null)
    {
        ArgumentNullException.ThrowIfNull(removal);
        ArgumentOutOfRangeException.ThrowIfLessThan(orders, 1);
        var (count, random) = (removal.Features.Count, new Random(seed));
        int[][] drawn = [.. Enumerable.Range(0, orders).SelectMany(_ =>
        {
            int[] order = [.. Enumerable.Range(0, count)];
            random.Shuffle(order);
            return new[] { order, [.. order.Reverse()] };
        })];
        var sets = drawn.SelectMany(order => Enumerable.Range(0, count + 1).Select(k => Without(order.Skip(k)))).ToArray();
        var values = removal.Values([.. Enumerable.Range(0, removal.Rows).SelectMany(row => sets.Select(off => (row, off)))], progress);
        return [.. values.Chunk(sets.Length).Select(Means)];

        double[] Means(double[] v)
        {
            var sums = new double[count];
            foreach (var (o, order) in drawn.Index())
            {
                for (var k = 0; k < count; k++)
                {
                    sums[order[k]] += v[(o * (count + 1)) + k + 1] - v[(o * (count + 1)) + k];
                }
            }

            return [.. sums.Select(s => s / drawn.Length)];
        }

        bool[] Without(IEnumerable<int> features)
        {
            var off = new bool[count];
            foreach (var feature in features)
            {
                off[feature] = true;
            }

            return off;
        }
    }

    private static double Factorial(int n) => Enumerable.Range(1, n).Aggregate(1.0, (a, b) => a * b);
}
