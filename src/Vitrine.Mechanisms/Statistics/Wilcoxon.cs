namespace Vitrine.Mechanisms.Statistics;

/// <summary>What becomes of pairs that do not differ.</summary>
public enum ZeroPairs
{
    /// <summary>They are left out before the rest is ranked (Wilcoxon 1945).</summary>
    LeftOut,

    /// <summary>They are ranked, and their ranks are left out (Pratt 1959).</summary>
    Ranked,

    /// <summary>They are ranked, and half of their ranks goes to either side.</summary>
    Split,
}

/// <summary>Wilcoxon's signed-rank test: whether paired differences lie evenly around zero.</summary>
/// <remarks>
/// The statistic is the sum of the ranks of the positive differences; two-sided, the smaller of that and the sum of the negative ones' ranks.
/// </remarks>
public static class Wilcoxon
{
    /// <summary>By the exact distribution of the rank sum, which holds without ties; pairs that do not differ are left out.</summary>
    /// <exception cref="VitrineException">The samples are no pairs, no pair differs, or two differences are equally large.</exception>
    public static TestOutcome Exact(IReadOnlyList<double> a, IReadOnlyList<double> b, Alternative alternative = Alternative.TwoSided)
    {
        double[] differences = [.. Required(a, b).Where(d => d != 0)];
        if (differences.Select(Math.Abs).Distinct().Count() < differences.Length)
        {
            throw new VitrineException("Wilcoxon's test: differences are tied, and the exact distribution holds without ties; use the approximate one.");
        }

        var (plus, minus) = RankSums(differences, 0);
        var chances = RankSumChances(differences.Length);
        var (below, above) = (chances.Take((int)plus + 1).Sum(), chances.Skip((int)plus).Sum());
        return new(alternative == Alternative.TwoSided ? Math.Min(plus, minus) : plus, TestOutcome.Tail(below, above, alternative));
    }

    /// <summary>By the normal approximation, its variance corrected for ties.</summary>
    /// <param name="a">First of each pair.</param>
    /// <param name="b">Second of each pair.</param>
    /// <param name="alternative">Which departure counts.</param>
    /// <param name="zeros">What becomes of pairs that do not differ.</param>
    /// <param name="continuity">Whether half a rank is taken off for continuity.</param>
    /// <exception cref="VitrineException">The samples are no pairs, or no pair differs.</exception>
    public static TestOutcome Approximate(
        IReadOnlyList<double> a, IReadOnlyList<double> b, Alternative alternative = Alternative.TwoSided, ZeroPairs zeros = ZeroPairs.LeftOut,
        bool continuity = false)
    {
        var all = Required(a, b);
        double[] differences = zeros == ZeroPairs.LeftOut ? [.. all.Where(d => d != 0)] : all;
        var (n, none) = ((double)differences.Length, (double)differences.Count(d => d == 0));
        var (plus, minus) = RankSums(differences, zeros == ZeroPairs.Split ? .5 : 0);
        var (mean, variance) = (n * (n + 1) / 4, n * (n + 1) * ((2 * n) + 1));
        if (zeros == ZeroPairs.Ranked)
        {
            (mean, variance) = (mean - (none * (none + 1) / 4), variance - (none * (none + 1) * ((2 * none) + 1)));
        }

        variance -= Samples.TieTerm(differences.Where(d => zeros == ZeroPairs.Split || d != 0).Select(Math.Abs)) / 2;
        var deviation = Math.Sqrt(variance / 24);
        var towards = !continuity ? 0 : alternative switch
        {
            Alternative.Greater => .5,
            Alternative.Less => -.5,
            _ => .5 * Math.Sign(plus - mean),
        };
        return new(
            alternative == Alternative.TwoSided ? Math.Min(plus, minus) : plus, Tails.Normally((plus - mean - towards) / deviation, alternative));
    }

    private static double[] Required(IReadOnlyList<double> a, IReadOnlyList<double> b)
    {
        var differences = Samples.Differences(a, b, "Wilcoxon's test");
        return differences.Any(d => d != 0) ? differences : throw new VitrineException("Wilcoxon's test: no pair differs.");
    }

    private static (double Plus, double Minus) RankSums(double[] differences, double shareOfZeros)
    {
        var ranks = Samples.Ranks([.. differences.Select(Math.Abs)]);
        var split = shareOfZeros * ranks.Where((_, i) => differences[i] == 0).Sum();
        return (ranks.Where((_, i) => differences[i] > 0).Sum() + split, ranks.Where((_, i) => differences[i] < 0).Sum() + split);
    }

    /// <summary>Chance of every rank sum of n differences whose signs are fair coins.</summary>
    private static double[] RankSumChances(int n)
    {
        var chances = new double[(n * (n + 1) / 2) + 1];
        chances[0] = 1;
        for (var rank = 1; rank <= n; rank++)
        {
            for (var sum = rank * (rank + 1) / 2; sum >= 0; sum--)
            {
                chances[sum] = (chances[sum] + (sum >= rank ? chances[sum - rank] : 0)) / 2;
            }
        }

        return chances;
    }
}
