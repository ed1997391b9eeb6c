namespace Vitrine.Mechanisms.Statistics;

/// <summary>A mean with what resamples of its sample say of it (Efron 1979).</summary>
/// <param name="Means">Of every resample.</param>
/// <param name="StandardError">Deviation of the resamples' means.</param>
public sealed record Bootstrap(IReadOnlyList<double> Means, double StandardError)
{
    private double[] Sorted { get; init; } = [];

    private double[] Sample { get; init; } = [];

    /// <summary>The mean of the sample under given resamples.</summary>
    /// <param name="sample">At least two numbers.</param>
    /// <param name="indices">[resample][draw]: places in the sample.</param>
    /// <exception cref="VitrineException">There are no resamples, or one names what is not there.</exception>
    public static Bootstrap Of(IReadOnlyList<double> sample, IReadOnlyList<IReadOnlyList<int>> indices)
    {
        var x = Samples.Required(sample, "bootstrap", 2);
        ArgumentNullException.ThrowIfNull(indices);
        if (indices.Count < 2 || indices.Any(r => r.Count == 0 || r.Any(i => i < 0 || i >= x.Length)))
        {
            throw new VitrineException($"bootstrap: {indices.Count} resamples; expected at least two, of places 0 to {x.Length - 1}.");
        }

        double[] means = [.. indices.Select(r => r.Average(i => x[i]))];
        return new(means, Math.Sqrt(Samples.Variance(means))) { Sorted = [.. means.Order()], Sample = x };
    }

    /// <summary>Resamples drawn with replacement.</summary>
    /// <param name="sample">At least two numbers.</param>
    /// <param name="resamples">How many.</param>
    /// <param name="seed">The same seed gives the same resamples.</param>
    /// <exception cref="VitrineException">The sample is too small, or there are no resamples.</exception>
    public static Bootstrap Draw(IReadOnlyList<double> sample, int resamples = 2000, ulong seed = 0)
    {
        ArgumentNullException.ThrowIfNull(sample);
        var random = new RandomStream($"bootstrap/{seed}");
        return Of(sample, [.. Enumerable.Range(0, resamples).Select(_ => Enumerable.Range(0, sample.Count).Select(_ => random.Below(sample.Count)).ToArray())]);
    }

    /// <summary>The quantiles of the resamples.</summary>
    public Estimate Percentile(double alpha = .05) => Between(alpha / 2, 1 - (alpha / 2));

    /// <summary>The quantiles mirrored in the mean.</summary>
    public Estimate Basic(double alpha = .05)
    {
        var (mean, low, high) = Percentile(alpha);
        return new(mean, (2 * mean) - high, (2 * mean) - low);
    }

    /// <summary>Bias-corrected and accelerated (Efron 1987): the levels are moved by the resamples' bias and by the jackknife's skewness.</summary>
    /// <exception cref="VitrineException">All resamples lie on one side of the mean.</exception>
    public Estimate BiasCorrected(double alpha = .05)
    {
        var mean = Sample.Average();
        var bias = Tails.NormalQuantile((Sorted.Count(m => m < mean) + Sorted.Count(m => m <= mean)) / (2.0 * Sorted.Length));
        if (!double.IsFinite(bias))
        {
            throw new VitrineException("bootstrap: every resample lies on one side of the mean; there is no corrected interval.");
        }

        double n = Sample.Length, sum = Sample.Sum();
        double[] without = [.. Sample.Select(x => (sum - x) / (n - 1))];
        double[] influence = [.. without.Select(w => (n - 1) * (without.Average() - w))];
        var acceleration = influence.Sum(u => u * u * u) / (n * n * n) / (6 * Math.Pow(influence.Sum(u => u * u) / (n * n), 1.5));
        return Between(Level(alpha / 2), Level(1 - (alpha / 2)));

        double Level(double level)
        {
            var z = bias + Tails.NormalQuantile(level);
            return Tails.NormalAbove(-(bias + (z / (1 - (acceleration * z)))));
        }
    }

    private Estimate Between(double low, double high) => new(Sample.Average(), PairedBootstrap.Quantile(Sorted, low), PairedBootstrap.Quantile(Sorted, high));
}
