namespace Vitrine.Mechanisms.Statistics;

/// <summary>Quantiles of a sample (Hyndman and Fan 1996).</summary>
public static class Quantiles
{
    /// <summary>Type 7, between neighbours linearly, as NumPy does where nothing is said.</summary>
    /// <exception cref="VitrineException">The sample is empty, or a level lies outside [0, 1].</exception>
    public static double Linear(IReadOnlyList<double> sample, double level) => At(sample, level, n => level * (n - 1));

    /// <summary>Type 8, about unbiased for the median whatever the distribution.</summary>
    /// <exception cref="VitrineException">The sample is empty, or a level lies outside [0, 1].</exception>
    public static double MedianUnbiased(IReadOnlyList<double> sample, double level) => At(sample, level, n => (level * (n + (1 / 3.0))) - (2 / 3.0));

    private static double At(IReadOnlyList<double> sample, double level, Func<int, double> position)
    {
        var sorted = Samples.Required(sample, "quantile");
        if (!(level is >= 0 and <= 1))
        {
            throw new VitrineException($"quantile: at level {level}; expected 0 to 1.");
        }

        Array.Sort(sorted);
        return PairedBootstrap.Between(sorted, Math.Clamp(position(sorted.Length), 0, sorted.Length - 1));
    }
}
