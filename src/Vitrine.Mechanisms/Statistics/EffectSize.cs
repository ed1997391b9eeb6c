namespace Vitrine.Mechanisms.Statistics;

/// <summary>How large a difference is, in units that do not grow with the sample.</summary>
public static class EffectSize
{
    /// <summary>Cohen's d: difference of means over the pooled deviation (1988).</summary>
    /// <exception cref="VitrineException">Fewer than two numbers in a sample.</exception>
    public static double CohenD(IReadOnlyList<double> a, IReadOnlyList<double> b)
    {
        var (x, y) = (Samples.Required(a, "Cohen's d", 2), Samples.Required(b, "Cohen's d", 2));
        return (x.Average() - y.Average()) / Pooled(x, y);
    }

    /// <summary>Hedges' g: Cohen's d times 1 - 3 / (4 N - 9), which takes its bias off (1981).</summary>
    /// <exception cref="VitrineException">Fewer than two numbers in a sample.</exception>
    public static double HedgesG(IReadOnlyList<double> a, IReadOnlyList<double> b)
        => CohenD(a, b) * (1 - (3 / ((4.0 * (a.Count + b.Count)) - 9)));

    /// <summary>d_z of pairs: mean over deviation of the differences.</summary>
    /// <exception cref="VitrineException">The samples are no pairs, or fewer than two.</exception>
    public static double PairedDz(IReadOnlyList<double> a, IReadOnlyList<double> b)
    {
        var d = Samples.Differences(a, b, "d_z", 2);
        return d.Average() / Math.Sqrt(Samples.Variance(d));
    }

    /// <summary>Cliff's delta: P(x > y) - P(x &lt; y) (1993); 2 AUROC - 1.</summary>
    /// <exception cref="VitrineException">A sample is empty.</exception>
    public static double CliffsDelta(IReadOnlyList<double> a, IReadOnlyList<double> b)
    {
        var (x, y) = (Samples.Required(a, "Cliff's delta"), Samples.Required(b, "Cliff's delta"));
        return (2 * MannWhitney.U(x, y) / ((double)x.Length * y.Length)) - 1;
    }

    /// <summary>Cohen's h of two shares: 2 asin(sqrt(p)) - 2 asin(sqrt(q)).</summary>
    public static double CohenH(double p, double q) => (2 * Math.Asin(Math.Sqrt(p))) - (2 * Math.Asin(Math.Sqrt(q)));

    /// <summary>The deviation within both samples.</summary>
    internal static double Pooled(double[] x, double[] y)
        => Math.Sqrt((((x.Length - 1) * Samples.Variance(x)) + ((y.Length - 1) * Samples.Variance(y))) / (x.Length + y.Length - 2));
}
