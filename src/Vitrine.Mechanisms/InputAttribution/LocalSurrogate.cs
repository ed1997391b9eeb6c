using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.InputAttribution;

/// <summary>A linear model of a function of which features are there, fitted around the input.</summary>
public static class LocalSurrogate
{
    /// <summary>
    /// LIME (Ribeiro et al. 2016, eq. 1, on all features): coefficients of a weighted least-squares fit with an intercept, ridge with a penalty on the
    /// coefficients alone.
    /// </summary>
    /// <param name="removal">The function, its features and baseline.</param>
    /// <param name="row">Of the function's inputs.</param>
    /// <param name="present">[sample][feature]: whether it is there.</param>
    /// <param name="weight">Of a sample, from how many of its features are taken away.</param>
    /// <param name="ridge">Penalty; 0 for least squares.</param>
    /// <param name="progress">From 0 to 1.</param>
    /// <exception cref="VitrineException">There is no sample, or the samples do not tell the features apart.</exception>
    public static double[] Lime(
        FeatureRemoval removal, int row, IReadOnlyList<bool[]> present, Func<int, double> weight, double ridge = 0, IProgress<double>? progress = null)
    {
        ArgumentNullException.ThrowIfNull(removal);
        ArgumentNullException.ThrowIfNull(present);
        ArgumentNullException.ThrowIfNull(weight);
        var values = removal.Values([.. present.Select(p => (row, Off(p)))], progress);
        return Fit(present, values, [.. present.Select(p => weight(p.Count(on => !on)))], ridge)[..^1];
    }

    /// <summary>
    /// Kernel SHAP (Lundberg and Lee 2017, theorem 2): the same fit with Shapley's weights, its coefficients summing to f(x) - f(baseline). From every set
    /// where there are at most <paramref name="samples"/>, then exact; else from sets drawn by their weight, each with its complement (Covert and Lee 2021).
    /// </summary>
    /// <param name="removal">The function, its features and baseline.</param>
    /// <param name="row">Of the function's inputs.</param>
    /// <param name="samples">The most sets.</param>
    /// <param name="seed">Of the draws.</param>
    /// <param name="progress">From 0 to 1.</param>
    public static double[] KernelShap(FeatureRemoval removal, int row, int samples, int seed, IProgress<double>? progress = null)
    {
        ArgumentNullException.ThrowIfNull(removal);
        var count = removal.Features.Count;
        var all = count < 31 && (1L << count) - 2 <= samples;
        var sets = all ? Every(count) : Drawn(count, samples, new Random(seed));
        var ends = removal.Values([(row, Off(Enumerable.Repeat(false, count))), (row, Off(Enumerable.Repeat(true, count)))]);
        var (none, whole) = (ends[0], ends[1] - ends[0]);
        if (count == 1)
        {
            return [whole];
        }

        var values = removal.Values([.. sets.Select(s => (row, Off(s)))], progress);
        double[] weights = [.. sets.Select(s => all ? 1 / (Choose(count, s.Count(on => on)) * s.Count(on => on) * (count - s.Count(on => on))) : 1.0)];

        // The last coefficient is what the others leave of the whole; it goes over to the other side.
        bool[] last = [.. sets.Select(s => s[^1])];
        double[][] design = [.. sets.Select(s => s[..^1].Select(on => (on ? 1.0 : 0) - (s[^1] ? 1 : 0)).ToArray())];
        var found = Solve(design, [.. values.Zip(last, (v, on) => v - none - (on ? whole : 0))], weights, ridge: 0, intercept: false);
        return [.. found, whole - found.Sum()];
    }

    /// <summary>Random sets for <see cref="Lime"/>, each feature there with probability 1/2.</summary>
    public static IReadOnlyList<bool[]> Draws(int features, int samples, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, samples).Select(_ => Enumerable.Range(0, features).Select(_ => random.Next(2) == 1).ToArray())];
    }

    private static double[] Fit(IReadOnlyList<bool[]> present, double[] values, double[] weights, double ridge)
        => Solve([.. present.Select(p => p.Select(on => on ? 1.0 : 0).Append(1).ToArray())], values, weights, ridge, intercept: true);

    /// <summary>Least squares by the normal equations; an intercept is the last column and pays no penalty.</summary>
    private static double[] Solve(double[][] design, double[] values, double[] weights, double ridge, bool intercept)
    {
        if (design.Length == 0)
        {
            throw new VitrineException("surrogate: there is no sample.");
        }

        using var scope = NewDisposeScope();
        var x = tensor(design.SelectMany(r => r).ToArray(), [design.Length, design[0].Length]);
        var w = tensor(weights).unsqueeze(1);
        var penalty = tensor(Enumerable.Range(0, design[0].Length).Select(i => intercept && i == design[0].Length - 1 ? 0 : ridge).ToArray());
        var normal = x.t().matmul(x * w).Plus(diag(penalty));
        if (linalg.matrix_rank(normal, hermitian: true).item<long>() < design[0].Length)
        {
            throw new VitrineException($"surrogate: {design.Length} samples do not tell {design[0].Length} coefficients apart; draw more.");
        }

        return linalg.solve(normal, x.t().matmul(tensor(values).unsqueeze(1) * w)).squeeze(1).data<double>().ToArray();
    }

    private static List<bool[]> Every(int count)
        => [.. Enumerable.Range(1, Math.Max(0, (1 << count) - 2)).Select(s => Enumerable.Range(0, count).Select(f => (s & (1 << f)) != 0).ToArray())];

    private static List<bool[]> Drawn(int count, int samples, Random random)
    {
        double[] share = [.. Enumerable.Range(1, count - 1).Select(size => 1.0 / (size * (count - size)))];
        var total = share.Sum();
        var sets = new List<bool[]>();
        while (sets.Count < samples)
        {
            var (at, size) = (random.NextDouble() * total, 1);
            while (size < count - 1 && at >= share[size - 1])
            {
                at -= share[size - 1];
                size++;
            }

            int[] order = [.. Enumerable.Range(0, count)];
            random.Shuffle(order);
            var set = new bool[count];
            foreach (var f in order[..size])
            {
                set[f] = true;
            }

            sets.Add(set);
            sets.Add([.. set.Select(on => !on)]);
        }

        return sets;
    }

    private static bool[] Off(IEnumerable<bool> present) => [.. present.Select(on => !on)];

    private static double Choose(int n, int k) => Enumerable.Range(1, k).Aggregate(1.0, (a, i) => a * (n - k + i) / i);
}
