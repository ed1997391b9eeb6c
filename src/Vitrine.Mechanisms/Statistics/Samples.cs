namespace Vitrine.Mechanisms.Statistics;

/// <summary>What tests need of samples.</summary>
internal static class Samples
{
    /// <exception cref="VitrineException">There are too few numbers, or one is none.</exception>
    public static double[] Required(IReadOnlyList<double> sample, string test, int least = 1)
    {
        ArgumentNullException.ThrowIfNull(sample);
        FiniteNumbers.Require(sample, $"{test}: number");
        return sample.Count >= least
            ? [.. sample]
            : throw new VitrineException($"{test}: a sample has {sample.Count} numbers; expected at least {least}.");
    }

    /// <exception cref="VitrineException">The samples are no pairs.</exception>
    public static double[] Differences(IReadOnlyList<double> a, IReadOnlyList<double> b, string test, int least = 1)
    {
        var (x, y) = Pairs(a, b, test, least);
        return [.. x.Zip(y, (p, q) => p - q)];
    }

    /// <exception cref="VitrineException">The samples are no pairs.</exception>
    public static (double[] A, double[] B) Pairs(IReadOnlyList<double> a, IReadOnlyList<double> b, string test, int least = 1)
    {
        var (x, y) = (Required(a, test, least), Required(b, test, least));
        return x.Length == y.Length ? (x, y) : throw new VitrineException($"{test}: {x.Length} numbers beside {y.Length}; expected pairs.");
    }

    /// <summary>Mean of squared distances from the mean, over n - 1.</summary>
    public static double Variance(double[] sample)
    {
        var mean = sample.Average();
        return sample.Sum(x => (x - mean) * (x - mean)) / (sample.Length - 1);
    }

    /// <summary>Ranks from 1; equal numbers share the mean of theirs.</summary>
    public static double[] Ranks(IReadOnlyList<double> sample)
    {
        var ranks = new double[sample.Count];
        var below = 0;
        foreach (var group in Enumerable.Range(0, sample.Count).GroupBy(i => sample[i]).OrderBy(g => g.Key))
        {
            int[] equal = [.. group];
            foreach (var i in equal)
            {
                ranks[i] = below + ((equal.Length + 1) / 2.0);
            }

            below += equal.Length;
        }

        return ranks;
    }

    /// <summary>How many share each number, where more than one does.</summary>
    public static double[] Ties(IEnumerable<double> sample) => [.. sample.GroupBy(x => x).Select(g => (double)g.Count()).Where(n => n > 1)];

    /// <summary>Sum of t^3 - t over the ties, which rank tests take off their variance.</summary>
    public static double TieTerm(IEnumerable<double> sample) => Ties(sample).Sum(t => (t * t * t) - t);
}
