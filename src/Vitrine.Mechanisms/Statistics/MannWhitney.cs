namespace Vitrine.Mechanisms.Statistics;

/// <summary>Mann and Whitney's test: whether one sample tends to be larger than the other (1947).</summary>
/// <remarks>The statistic is U of the first sample: pairs (x, y) with x > y, ties as halves. U / (n m) is the AUROC.</remarks>
public static class MannWhitney
{
    /// <summary>By the exact distribution of U, which holds without ties.</summary>
    /// <exception cref="VitrineException">A sample is empty, or two numbers are equal.</exception>
    public static TestOutcome Exact(IReadOnlyList<double> a, IReadOnlyList<double> b, Alternative alternative = Alternative.TwoSided)
    {
        var (x, y) = (Samples.Required(a, "Mann and Whitney's test"), Samples.Required(b, "Mann and Whitney's test"));
        if (x.Concat(y).Distinct().Count() < x.Length + y.Length)
        {
            throw new VitrineException("Mann and Whitney's test: numbers are tied, and the exact distribution holds without ties; use the approximate one.");
        }

        var u = U(x, y);
        var chances = Chances(x.Length, y.Length);
        return new(u, TestOutcome.Tail(chances.Take((int)u + 1).Sum(), chances.Skip((int)u).Sum(), alternative));
    }

    /// <summary>By the normal approximation, its variance corrected for ties.</summary>
    /// <param name="a">First sample.</param>
    /// <param name="b">Second sample.</param>
    /// <param name="alternative">Which departure counts.</param>
    /// <param name="continuity">Whether half a pair is taken off for continuity.</param>
    /// <exception cref="VitrineException">A sample is empty, or all numbers are equal.</exception>
    public static TestOutcome Approximate(
        IReadOnlyList<double> a, IReadOnlyList<double> b, Alternative alternative = Alternative.TwoSided, bool continuity = true)
    {
        var (x, y) = (Samples.Required(a, "Mann and Whitney's test"), Samples.Required(b, "Mann and Whitney's test"));
        double n = x.Length, m = y.Length, all = n + m;
        var (u, mean) = (U(x, y), n * m / 2);
        var deviation = Math.Sqrt(n * m / 12 * (all + 1 - (Samples.TieTerm(x.Concat(y)) / (all * (all - 1)))));
        if (!(deviation > 0))
        {
            throw new VitrineException("Mann and Whitney's test: all numbers are equal; there is nothing to rank.");
        }

        var half = continuity ? .5 : 0;
        return new(u, TestOutcome.Tail(
            Tails.NormalAbove((mean - u - half) / deviation), Tails.NormalAbove((u - mean - half) / deviation), alternative));
    }

    /// <summary>Pairs in which the first sample's number is larger, ties as halves.</summary>
    internal static double U(double[] x, double[] y)
        => Samples.Ranks([.. x, .. y]).Take(x.Length).Sum() - (x.Length * (x.Length + 1) / 2.0);

    /// <summary>Chance of every U of n numbers among n + m in random order: the largest is one of the n (and adds m pairs) or one of the m.</summary>
    private static double[] Chances(int n, int m)
    {
        var rows = new double[m + 1][];
        for (var i = 0; i <= n; i++)
        {
            for (var j = 0; j <= m; j++)
            {
                var chances = new double[(i * j) + 1];
                if (i == 0 || j == 0)
                {
                    chances[0] = 1;
                }
                else
                {
                    for (var u = 0; u < chances.Length; u++)
                    {
                        var first = u >= j && u - j < rows[j].Length ? rows[j][u - j] : 0;                 // of i - 1 and j
                        var second = u < rows[j - 1].Length ? rows[j - 1][u] : 0;                          // of i and j - 1
                        chances[u] = ((i * first) + (j * second)) / (i + j);
                    }
                }

                rows[j] = chances;
            }
        }

        return rows[m];
    }
}
