using System.Globalization;
using Vitrine.Transformers;

namespace Vitrine.Mechanisms.Statistics;

/// <summary>Refuses numbers of which there is no statistic.</summary>
internal static class FiniteNumbers
{
    /// <param name="numbers">To be summed up.</param>
    /// <param name="what">What they are, with their place in a list behind it.</param>
    /// <exception cref="NonFiniteException">One is NaN or infinite; it is named.</exception>
    public static void Require(IReadOnlyList<double> numbers, string what)
    {
        for (var i = 0; i < numbers.Count; i++)
        {
            if (!double.IsFinite(numbers[i]))
            {
                throw new NonFiniteException(
                    $"{what} {i} of {numbers.Count} (from 0) is {numbers[i].ToString(CultureInfo.InvariantCulture)}; expected finite numbers.");
            }
        }
    }
}
