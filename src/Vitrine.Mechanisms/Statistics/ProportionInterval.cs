namespace Vitrine.Mechanisms.Statistics;

/// <summary>How an interval of a share is made.</summary>
public enum ProportionMethod
{
    /// <summary>p ± z sqrt(p (1 - p) / n) (Wald).</summary>
    Normal,

    /// <summary>Wilson 1927, as <see cref="Proportion"/>.</summary>
    Wilson,

    /// <summary>Agresti and Coull 1998: Wald's around Wilson's centre.</summary>
    AgrestiCoull,

    /// <summary>Clopper and Pearson 1934: from the beta distribution; never too short.</summary>
    ClopperPearson,

    /// <summary>Jeffreys: the middle of the posterior Beta(k + 1/2, n - k + 1/2).</summary>
    Jeffreys,
}

/// <summary>Intervals of shares, and whether two shares differ.</summary>
public static class ProportionInterval
{
    /// <summary>The interval of k successes among n, at level 1 - alpha; within [0, 1].</summary>
    /// <exception cref="VitrineException">There are no trials, more successes than trials, or alpha lies outside (0, 1).</exception>
    public static (double Low, double High) Of(int successes, int count, double alpha = .05, ProportionMethod method = ProportionMethod.Wilson)
    {
        if (count < 1 || successes < 0 || successes > count || !(alpha is > 0 and < 1))
        {
            throw new VitrineException(
                $"interval of a share: {successes} of {count} at alpha {alpha}; expected 0 to all of at least 1, and an alpha in (0, 1).");
        }

        double k = successes, n = count, p = k / n, z = Tails.NormalQuantile(1 - (alpha / 2)), z2 = z * z;
        var (low, high) = method switch
        {
            ProportionMethod.Normal => Around(p, z * Math.Sqrt(p * (1 - p) / n)),
            ProportionMethod.Wilson
                => Around((p + (z2 / (2 * n))) / (1 + (z2 / n)), z * Math.Sqrt((p * (1 - p) / n) + (z2 / (4 * n * n))) / (1 + (z2 / n))),
            ProportionMethod.AgrestiCoull => ((k + (z2 / 2)) / (n + z2)) is var centre
                ? Around(centre, z * Math.Sqrt(centre * (1 - centre) / (n + z2)))
                : default,
            ProportionMethod.ClopperPearson => (
                k == 0 ? 0 : Tails.BetaQuantile(alpha / 2, k, n - k + 1), k == n ? 1 : Tails.BetaQuantile(1 - (alpha / 2), k + 1, n - k)),
            _ => (Tails.BetaQuantile(alpha / 2, k + .5, n - k + .5), Tails.BetaQuantile(1 - (alpha / 2), k + .5, n - k + .5)),
        };
        return (Math.Max(0, low), Math.Min(1, high));
    }

    /// <summary>Whether two shares are one, by the normal approximation with the pooled share.</summary>
    /// <exception cref="VitrineException">There are no trials, or all trials came out alike.</exception>
    public static TestOutcome Difference(int first, int firstCount, int second, int secondCount, Alternative alternative = Alternative.TwoSided)
    {
        if (firstCount < 1 || secondCount < 1 || first + second == 0 || first + second == firstCount + secondCount)
        {
            throw new VitrineException(
                $"difference of shares: {first} of {firstCount} and {second} of {secondCount}; expected trials that do not all come out alike.");
        }

        double n = firstCount, m = secondCount, pooled = (first + second) / (n + m);
        var z = ((first / n) - (second / m)) / Math.Sqrt(pooled * (1 - pooled) * ((1 / n) + (1 / m)));
        return new(z, Tails.Normally(z, alternative));
    }

    private static (double Low, double High) Around(double centre, double half) => (centre - half, centre + half);
}
