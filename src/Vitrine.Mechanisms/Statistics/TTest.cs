namespace Vitrine.Mechanisms.Statistics;

/// <summary>Tests of means (Student 1908, Welch 1947).</summary>
public static class TTest
{
    /// <summary>Whether a mean is another than a given one: t = (m - m0) / (s / sqrt(n)), n - 1 degrees of freedom.</summary>
    /// <exception cref="VitrineException">Fewer than two numbers, or one is no finite number.</exception>
    public static TestOutcome OneSample(IReadOnlyList<double> sample, double mean = 0, Alternative alternative = Alternative.TwoSided)
    {
        var x = Samples.Required(sample, "t test", least: 2);
        return Of((x.Average() - mean) / Math.Sqrt(Samples.Variance(x) / x.Length), x.Length - 1, alternative);
    }

    /// <summary>Whether paired differences have mean zero.</summary>
    /// <exception cref="VitrineException">The samples are no pairs, or fewer than two.</exception>
    public static TestOutcome Paired(IReadOnlyList<double> a, IReadOnlyList<double> b, Alternative alternative = Alternative.TwoSided)
        => OneSample(Samples.Differences(a, b, "paired t test", least: 2), 0, alternative);

    /// <summary>Whether two samples of one variance have one mean: pooled variance, n + m - 2 degrees of freedom.</summary>
    /// <exception cref="VitrineException">Fewer than two numbers in one of them.</exception>
    public static TestOutcome Student(IReadOnlyList<double> a, IReadOnlyList<double> b, Alternative alternative = Alternative.TwoSided)
    {
        var (x, y) = (Samples.Required(a, "t test", 2), Samples.Required(b, "t test", 2));
        var error = EffectSize.Pooled(x, y) * Math.Sqrt((1.0 / x.Length) + (1.0 / y.Length));
        return Of((x.Average() - y.Average()) / error, x.Length + y.Length - 2, alternative);
    }

    /// <summary>Whether two samples of any variances have one mean; degrees of freedom by Satterthwaite.</summary>
    /// <exception cref="VitrineException">Fewer than two numbers in one of them.</exception>
    public static TestOutcome Welch(IReadOnlyList<double> a, IReadOnlyList<double> b, Alternative alternative = Alternative.TwoSided)
    {
        var (x, y) = (Samples.Required(a, "Welch's t test", 2), Samples.Required(b, "Welch's t test", 2));
        var (vx, vy) = (Samples.Variance(x) / x.Length, Samples.Variance(y) / y.Length);
        var degrees = (vx + vy) * (vx + vy) / ((vx * vx / (x.Length - 1)) + (vy * vy / (y.Length - 1)));
        return Of((x.Average() - y.Average()) / Math.Sqrt(vx + vy), degrees, alternative);
    }

    private static TestOutcome Of(double t, double degrees, Alternative alternative)
        => double.IsNaN(t)
            ? throw new VitrineException("t test: all numbers are equal and the means too; there is nothing to test.")
            : new(t, double.IsInfinity(t) ? TestOutcome.Tail(t < 0 ? 0 : 1, t > 0 ? 0 : 1, alternative) : Tails.Student(t, degrees, alternative));
}
