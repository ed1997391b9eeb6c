namespace Vitrine.Mechanisms.Statistics;

/// <summary>The mean of paired differences, with a percentile bootstrap interval of 95 %.</summary>
/// <remarks>
/// Efron 1979. Pairs are drawn together, so what both arms share (the layout, the sensor noise) cancels. Percentiles are interpolated linearly, as NumPy does
/// where nothing is said.
/// </remarks>
public static class PairedBootstrap
{
    /// <summary>Estimates the mean difference.</summary>
    /// <param name="differences">One per pair.</param>
    /// <param name="resamples">How often the pairs are drawn anew, with replacement.</param>
    /// <param name="seed">The same seed gives the same interval.</param>
    /// <exception cref="VitrineException">There are no pairs or no resamples, or a difference is no finite number.</exception>
    public static Estimate MeanDifference(IReadOnlyList<double> differences, int resamples = 2000, ulong seed = 0)
    {
        ArgumentNullException.ThrowIfNull(differences);
        if (differences.Count == 0 || resamples < 1)
        {
            throw new VitrineException($"bootstrap: {differences.Count} pairs and {resamples} resamples; expected at least one of each.");
        }

        FiniteNumbers.Require(differences, "bootstrap: difference");
        double[] sample = [.. differences];
        var random = new RandomStream($"bootstrap/{seed}");
        var means = new double[resamples];
        for (var r = 0; r < resamples; r++)
        {
            double sum = 0;
            for (var i = 0; i < sample.Length; i++)
            {
                sum += sample[random.Below(sample.Length)];
            }

            means[r] = sum / sample.Length;
        }

        Array.Sort(means);
        return new(sample.Average(), Quantile(means, .025), Quantile(means, .975));
    }

    /// <summary>The q-quantile of sorted values, between neighbours linearly.</summary>
    internal static double Quantile(ReadOnlySpan<double> sorted, double q) => Between(sorted, q * (sorted.Length - 1));

    /// <summary>What stands at a place of sorted values, between neighbours linearly.</summary>
    internal static double Between(ReadOnlySpan<double> sorted, double position)
    {
        var below = (int)position;
        return below + 1 < sorted.Length ? sorted[below] + ((position - below) * (sorted[below + 1] - sorted[below])) : sorted[^1];
    }
}
