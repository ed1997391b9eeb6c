using MathNet.Numerics;
using MathNet.Numerics.Distributions;

namespace Vitrine.Mechanisms.Statistics;

/// <summary>Tails and quantiles of the distributions that tests are read from, each tail computed where it is small (MathNet.Numerics).</summary>
public static class Tails
{
    /// <summary>P(Z >= z) of the standard normal.</summary>
    public static double NormalAbove(double z) => SpecialFunctions.Erfc(z / Math.Sqrt(2)) / 2;

    /// <summary>The p-quantile of the standard normal.</summary>
    public static double NormalQuantile(double p) => Normal.InvCDF(0, 1, p);

    /// <summary>P(T >= t) of Student's t.</summary>
    /// <param name="t">Where.</param>
    /// <param name="degrees">Of freedom; any positive number.</param>
    public static double StudentAbove(double t, double degrees) => StudentT.CDF(0, 1, degrees, -t);

    /// <summary>The p-quantile of Student's t.</summary>
    public static double StudentQuantile(double p, double degrees) => StudentT.InvCDF(0, 1, degrees, p);

    /// <summary>P(X >= x) of chi squared.</summary>
    public static double ChiSquaredAbove(double x, double degrees) => x <= 0 ? 1 : SpecialFunctions.GammaUpperRegularized(degrees / 2, x / 2);

    /// <summary>P(X >= x) of Fisher and Snedecor's F.</summary>
    public static double FisherAbove(double x, double numerator, double denominator)
        => x <= 0 ? 1 : SpecialFunctions.BetaRegularized(denominator / 2, numerator / 2, denominator / (denominator + (numerator * x)));

    /// <summary>The p-quantile of the beta distribution.</summary>
    public static double BetaQuantile(double p, double a, double b) => Beta.InvCDF(a, b, p);

    /// <summary>p of a statistic that is standard normal under the hypothesis.</summary>
    internal static double Normally(double z, Alternative alternative) => TestOutcome.Tail(NormalAbove(-z), NormalAbove(z), alternative);

    /// <summary>p of a statistic that is Student's t under the hypothesis.</summary>
    internal static double Student(double t, double degrees, Alternative alternative)
        => TestOutcome.Tail(StudentAbove(-t, degrees), StudentAbove(t, degrees), alternative);
}
