namespace Vitrine.Mechanisms.Statistics;

/// <summary>How p values are adjusted for how many were looked at.</summary>
public enum Correction
{
    /// <summary>m p.</summary>
    Bonferroni,

    /// <summary>1 - (1 - p)^m (Sidak 1967), for independent tests.</summary>
    Sidak,

    /// <summary>Holm 1979.</summary>
    Holm,

    /// <summary>Hommel 1988: closed testing over Simes' test.</summary>
    Hommel,

    /// <summary>False discovery rate (Benjamini and Hochberg 1995), for independent or positively dependent tests.</summary>
    BenjaminiHochberg,

    /// <summary>False discovery rate under any dependence (Benjamini and Yekutieli 2001).</summary>
    BenjaminiYekutieli,

    /// <summary>Benjamini and Hochberg's with the number of true hypotheses estimated in a first stage at level alpha (2000).</summary>
    TwoStage,
}

/// <summary>Adjusts p values for how many were looked at.</summary>
public static class MultipleTests
{
    /// <summary>The adjusted values, in the order given; one at most alpha is rejected.</summary>
    /// <param name="pValues">In [0, 1].</param>
    /// <param name="correction">How.</param>
    /// <param name="alpha">Of the first stage of <see cref="Correction.TwoStage"/>; the others do not read it.</param>
    /// <exception cref="VitrineException">One lies outside [0, 1], or is no number.</exception>
    public static IReadOnlyList<double> Adjust(IReadOnlyList<double> pValues, Correction correction, double alpha = .05)
    {
        ArgumentNullException.ThrowIfNull(pValues);
        FiniteNumbers.Require(pValues, "adjustment: p");
        if (pValues.Index().FirstOrDefault(p => p.Item is < 0 or > 1, (Index: -1, Item: 0)) is { Index: >= 0 } wrong)
        {
            throw new VitrineException($"adjustment: p {wrong.Index} of {pValues.Count} (from 0) is {wrong.Item}; expected numbers in [0, 1].");
        }

        var m = pValues.Count;
        return correction switch
        {
            Correction.Bonferroni => [.. pValues.Select(p => Math.Min(1, m * p))],
            Correction.Sidak => [.. pValues.Select(p => Sidak(m * MathNet.Numerics.SpecialFunctions.Log1p(-p)))],
            Correction.Holm => Statistics.Holm.Adjust(pValues),
            Correction.Hommel => Sorted(pValues, Hommel),
            Correction.BenjaminiYekutieli => Discoveries(pValues, Enumerable.Range(1, m).Sum(i => 1.0 / i)),
            Correction.TwoStage => TwoStage(pValues, alpha),
            _ => Discoveries(pValues, 1),
        };
    }

    /// <summary>The i-th smallest of m is multiplied by m / i, and none may exceed the one above it.</summary>
    private static double[] Discoveries(IReadOnlyList<double> pValues, double factor) => Sorted(pValues, sorted =>
    {
        var smallest = 1.0;
        for (var i = sorted.Length - 1; i >= 0; i--)
        {
            sorted[i] = smallest = Math.Min(smallest, sorted[i] * sorted.Length * factor / (i + 1));
        }

        return sorted;
    });

    /// <summary>1 - e^x, near zero by its series: a difference would keep few digits there.</summary>
    private static double Sidak(double x) => Math.Abs(x) < 1e-5 ? -(x + (x * x / 2)) : 1 - Math.Exp(x);

    private static double[] TwoStage(IReadOnlyList<double> pValues, double alpha)
    {
        var first = Discoveries(pValues, 1);
        var rejected = first.Count(p => p <= alpha);
        var share = rejected == 0 || rejected == pValues.Count ? 1 : (double)(pValues.Count - rejected) / pValues.Count;
        return [.. first.Select(p => p * share)];
    }

    private static double[] Hommel(double[] p)
    {
        var m = p.Length;
        var adjusted = Enumerable.Repeat(p.Select((v, i) => m * v / (i + 1)).DefaultIfEmpty(1).Min(), m).ToArray();
        for (var size = m - 1; size >= 2; size--)
        {
            var lower = m - size + 1;                                                                       // p values in front of the largest size - 1
            var simes = Enumerable.Range(0, size - 1).Min(i => size * p[lower + i] / (i + 2));
            for (var i = 0; i < m; i++)
            {
                adjusted[i] = Math.Max(adjusted[i], Math.Min(size * p[Math.Min(i, lower - 1)], simes));
            }
        }

        return [.. adjusted.Zip(p, Math.Max)];
    }

    private static double[] Sorted(IReadOnlyList<double> values, Func<double[], double[]> adjust)
    {
        int[] order = [.. Enumerable.Range(0, values.Count).OrderBy(i => values[i])];
        var adjusted = adjust([.. order.Select(i => values[i])]);
        var result = new double[order.Length];
        foreach (var (rank, index) in order.Index())
        {
            result[index] = adjusted[rank];
        }

        return result;
    }
}
