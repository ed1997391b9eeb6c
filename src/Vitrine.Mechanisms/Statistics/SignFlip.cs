using System.Numerics;

namespace Vitrine.Mechanisms.Statistics;

/// <summary>Two-sided p of "the mean paired difference is zero", by flipping signs.</summary>
/// <remarks>
/// Fisher 1935: if the two arms of a pair are exchangeable, every difference could as well have had the other sign. p is the share of sign
/// patterns whose sum is at least as far from zero as the observed one. It is exact for up to 16 differences that are not zero; beyond that
/// patterns are drawn, and p = (1 + hits) / (1 + draws) (Phipson and Smyth 2010), which is never 0. A bootstrap p would rest on the same
/// resamples as the interval and be 0 where none of them crosses zero; this one keeps its level for small samples.
/// </remarks>
public static class SignFlip
{
    private const int LargestExact = 16;

    /// <summary>The two-sided p value.</summary>
    /// <param name="differences">One per pair; zeros say nothing and are left out.</param>
    /// <param name="draws">Sign patterns to draw where there are too many to count.</param>
    /// <param name="seed">The same seed gives the same p.</param>
    /// <exception cref="VitrineException">A difference is no finite number.</exception>
    public static double PValue(IReadOnlyList<double> differences, int draws = 10_000, ulong seed = 0)
    {
        ArgumentNullException.ThrowIfNull(differences);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(draws);
        FiniteNumbers.Require(differences, "sign flips: difference");
        double[] values = [.. differences.Where(d => d != 0)];
        if (values.Length == 0)
        {
            return 1;
        }

        // Sums of the same numbers in another order differ by rounding: a tie must count as one.
        var threshold = Math.Abs(values.Sum()) - (1e-12 * values.Sum(Math.Abs));
        return values.Length <= LargestExact ? Exact(values, threshold) : Drawn(values, threshold, draws, new RandomStream($"sign flip/{seed}"));
    }

    private static double Exact(double[] values, double threshold)
    {
        var (patterns, hits) = (1 << values.Length, 0);
        for (var pattern = 0; pattern < patterns; pattern++)
        {
            double sum = 0;
            for (var i = 0; i < values.Length; i++)
            {
                sum += (pattern >> i & 1) == 0 ? values[i] : -values[i];
            }

            hits += Math.Abs(sum) >= threshold ? 1 : 0;
        }

        return (double)hits / patterns;
    }

    private static double Drawn(double[] values, double threshold, int draws, RandomStream random)
    {
        var total = values.Sum();
        var hits = 0;
        for (var draw = 0; draw < draws; draw++)
        {
            var flipped = 0.0;
            for (var start = 0; start < values.Length; start += 64)
            {
                var bits = random.NextBits();
                if (values.Length - start < 64)
                {
                    bits &= (1UL << (values.Length - start)) - 1;
                }

                for (; bits != 0; bits &= bits - 1)
                {
                    flipped += values[start + BitOperations.TrailingZeroCount(bits)];
                }
            }

            hits += Math.Abs(total - (2 * flipped)) >= threshold ? 1 : 0;
        }

        return (1.0 + hits) / (1 + draws);
    }
}
