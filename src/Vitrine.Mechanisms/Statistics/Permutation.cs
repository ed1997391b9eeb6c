namespace Vitrine.Mechanisms.Statistics;

/// <summary>Exact tests by every rearrangement of what was measured (Fisher 1935, Pitman 1937). The statistic is a mean, or a difference of means.</summary>
/// <remarks>Two-sided p is twice the smaller tail. <see cref="SignFlip"/> draws patterns where there are too many to count.</remarks>
public static class Permutation
{
    private const int Most = 10_000_000;

    /// <summary>Whether paired differences lie evenly around zero: every pattern of signs.</summary>
    /// <param name="differences">At most 23, zeros included.</param>
    /// <param name="alternative">Which departure counts.</param>
    /// <exception cref="VitrineException">There is none, or there are more patterns than ten million.</exception>
    public static TestOutcome SignFlips(IReadOnlyList<double> differences, Alternative alternative = Alternative.TwoSided)
    {
        var d = Samples.Required(differences, "sign flips");
        Refuse(Math.Pow(2, d.Length), "sign flips");
        return Of(d.Average(), Enumerable.Range(0, 1 << d.Length).Select(pattern =>
        {
            var sum = 0.0;
            for (var i = 0; i < d.Length; i++)
            {
                sum += (pattern >> i & 1) == 0 ? d[i] : -d[i];
            }

            return sum / d.Length;
        }), alternative);
    }

    /// <summary>Whether two samples have one mean: every way to share out their numbers.</summary>
    /// <exception cref="VitrineException">A sample is empty, or there are more ways than ten million.</exception>
    public static TestOutcome Independent(IReadOnlyList<double> a, IReadOnlyList<double> b, Alternative alternative = Alternative.TwoSided)
    {
        var (x, y) = (Samples.Required(a, "permutation test"), Samples.Required(b, "permutation test"));
        double[] all = [.. x, .. y];
        Refuse(MathNet.Numerics.SpecialFunctions.Binomial(all.Length, x.Length), "permutation test");
        var total = all.Sum();
        return Of(x.Average() - y.Average(), Sums(0, x.Length).Select(sum => (sum / x.Length) - ((total - sum) / y.Length)), alternative);

        IEnumerable<double> Sums(int from, int count)
            => count == 0
                ? [0]
                : Enumerable.Range(from, all.Length - count - from + 1).SelectMany(i => Sums(i + 1, count - 1).Select(rest => all[i] + rest));
    }

    /// <remarks>Sums of the same numbers in another order differ by rounding: a tie must count as one.</remarks>
    private static TestOutcome Of(double observed, IEnumerable<double> arrangements, Alternative alternative)
    {
        var (below, above, count, near) = (0L, 0L, 0L, 1e-12 * Math.Max(1, Math.Abs(observed)));
        foreach (var value in arrangements)
        {
            (below, above, count) = (below + (value <= observed + near ? 1 : 0), above + (value >= observed - near ? 1 : 0), count + 1);
        }

        return new(observed, TestOutcome.Tail((double)below / count, (double)above / count, alternative));
    }

    private static void Refuse(double arrangements, string test)
    {
        if (arrangements > Most)
        {
            throw new VitrineException($"{test}: {arrangements:0.###e+0} arrangements to count, more than {Most}; draw some of them instead.");
        }
    }
}
