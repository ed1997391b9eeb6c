using Vitrine.Mechanisms.Statistics;

namespace Vitrine.Worlds.Studies;

/// <summary>How often a study of so many layouts finds an effect, by simulation: the test that will be used, on differences as they vary in a pilot.</summary>
/// <remarks>
/// Each simulated study draws paired differences with replacement from the pilot's, their mean taken away and the effect added, and asks for p at most alpha by
/// sign flips. Small pilots know their deviation badly: the interval here is that of the simulation alone.
/// </remarks>
public static class StudyPower
{
    private const int Flips = 1999, Halvings = 14, Quantiles = 255;

    /// <summary>Share of simulated studies that find the effect.</summary>
    /// <param name="differences">Paired differences of a pilot, at least two.</param>
    /// <param name="effect">The mean difference that is there.</param>
    /// <param name="layouts">Of every arm.</param>
    /// <param name="alpha">For one comparison: that of the study over the number of its comparisons.</param>
    /// <param name="studies">How many are simulated.</param>
    /// <param name="seed">Of the draws.</param>
    /// <exception cref="VitrineException">There are too few differences, layouts or studies, or alpha lies outside (0, 1).</exception>
    public static Proportion Of(IReadOnlyList<double> differences, double effect, int layouts, double alpha, int studies = 400, ulong seed = 0)
    {
        var centred = Centred(differences, layouts, alpha, studies);
        return new Proportion(Enumerable.Range(0, studies).Count(study => Finds(centred, effect, layouts, alpha, study, seed)), studies);
    }

    /// <summary>
    /// The smallest effect that is found with a given power; null where the differences do not vary, infinite where there are too few layouts to reach alpha by
    /// sign flips, whatever the effect.
    /// </summary>
    /// <param name="differences">Paired differences of a pilot, at least two.</param>
    /// <param name="layouts">Of every arm.</param>
    /// <param name="alpha">For one comparison.</param>
    /// <param name="power">Share of studies that must find it.</param>
    /// <param name="studies">How many are simulated.</param>
    /// <param name="seed">Of the draws.</param>
    /// <exception cref="VitrineException">As of <see cref="Of"/>.</exception>
    public static double? Detectable(
        IReadOnlyList<double> differences, int layouts, double alpha, double power = .8, int studies = 400, ulong seed = 0)
    {
        var deviation = Deviation(Centred(differences, layouts, alpha, studies));
        if (deviation == 0)
        {
            return null;
        }

        var (low, high) = (0.0, 16 * deviation);
        if (!Enough(high))
        {
            return double.PositiveInfinity;
        }

        for (var i = 0; i < Halvings; i++)
        {
            var middle = (low + high) / 2;
            (low, high) = Enough(middle) ? (low, middle) : (middle, high);
        }

        return high;

        bool Enough(double effect) => Of(differences, effect, layouts, alpha, studies, seed).Rate >= power;
    }

    /// <summary>Differences of a stated deviation: quantiles of the normal.</summary>
    /// <param name="deviation">Of paired differences.</param>
    public static IReadOnlyList<double> Stated(double deviation)
    {
        double[] z = [.. Enumerable.Range(1, Quantiles).Select(i => Tails.NormalQuantile(i / (Quantiles + 1.0)))];
        var scale = deviation / Deviation(z);
        return [.. z.Select(v => v * scale)];
    }

    /// <summary>The deviation of differences around their mean, n - 1 below the line.</summary>
    internal static double Deviation(IReadOnlyList<double> values)
    {
        var mean = values.Average();
        return Math.Sqrt(values.Sum(v => (v - mean) * (v - mean)) / (values.Count - 1));
    }

    private static double[] Centred(IReadOnlyList<double> differences, int layouts, double alpha, int studies)
    {
        ArgumentNullException.ThrowIfNull(differences);
        if (differences.Count < 2 || layouts < 1 || studies < 1 || !(alpha is > 0 and < 1) || !differences.All(double.IsFinite))
        {
            throw new VitrineException($"power: {differences.Count} differences, {layouts} layouts, {studies} studies at alpha {alpha}; expected at least two "
                + "finite differences, one layout, one study, and an alpha in (0, 1).");
        }

        var mean = differences.Average();
        return [.. differences.Select(d => d - mean)];
    }

    private static bool Finds(double[] centred, double effect, int layouts, double alpha, int study, ulong seed)
    {
        var random = new RandomStream($"power/{seed}/{study}");
        double[] drawn = [.. Enumerable.Range(0, layouts).Select(_ => centred[random.Below(centred.Length)] + effect)];
        return SignFlip.PValue(drawn, Flips, (ulong)study) <= alpha;
    }
}
