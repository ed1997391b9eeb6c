namespace Vitrine.Mechanisms.Statistics;

/// <summary>Adjusts p values for how many were looked at.</summary>
/// <remarks>
/// Holm 1979: the i-th smallest of m is multiplied by m - i + 1, and none may fall below the one before it. It holds whatever the tests' dependence.
/// </remarks>
public static class Holm
{
    /// <summary>The adjusted values, in the order given.</summary>
    /// <exception cref="VitrineException">One is no finite number.</exception>
    public static IReadOnlyList<double> Adjust(IReadOnlyList<double> pValues)
    {
        ArgumentNullException.ThrowIfNull(pValues);
        FiniteNumbers.Require(pValues, "Holm's adjustment: p");
        var adjusted = new double[pValues.Count];
        double largest = 0;
        foreach (var (rank, index) in Enumerable.Range(0, pValues.Count).OrderBy(i => pValues[i]).Index())
        {
            largest = Math.Max(largest, Math.Min(1, (pValues.Count - rank) * pValues[index]));
            adjusted[index] = largest;
        }

        return adjusted;
    }
}
