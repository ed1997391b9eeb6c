using MathNet.Numerics.Distributions;

namespace Vitrine.Mechanisms.Statistics;

/// <summary>Counts of two answers to two questions, or of one answer under two conditions.</summary>
/// <param name="A">Yes and yes.</param>
/// <param name="B">Yes and no.</param>
/// <param name="C">No and yes.</param>
/// <param name="D">No and no.</param>
public sealed record ContingencyTable(int A, int B, int C, int D)
{
    private const double Tie = 1 + 1e-7;

    /// <summary>Fisher's exact test (1922): the odds ratio A D / (B C), and the chance of tables of the same margins.</summary>
    /// <exception cref="VitrineException">A count is negative.</exception>
    public TestOutcome Fisher(Alternative alternative = Alternative.TwoSided)
    {
        var (rows, columns, all) = (A + B, A + C, Checked());
        var (least, most) = (Math.Max(0, columns - (C + D)), Math.Min(rows, columns));
        var chances = Enumerable.Range(least, most - least + 1).ToDictionary(a => a, a => Hypergeometric.PMF(all, columns, rows, a));
        return new((double)A * D / ((double)B * C), Math.Min(1, chances.Where(c => alternative switch
        {
            Alternative.Less => c.Key <= A,
            Alternative.Greater => c.Key >= A,
            _ => c.Value <= chances[A] * Tie,
        }).Sum(c => c.Value)));
    }

    /// <summary>Pearson's chi squared of independence, one degree of freedom, without Yates' correction.</summary>
    /// <exception cref="VitrineException">A row or a column is empty.</exception>
    public TestOutcome ChiSquared()
    {
        double n = Checked(), margins = (double)(A + B) * (C + D) * (A + C) * (B + D);
        if (margins == 0)
        {
            throw new VitrineException($"chi squared: a row or a column of [[{A}, {B}], [{C}, {D}]] is empty.");
        }

        var cross = ((double)A * D) - ((double)B * C);
        var statistic = n * cross * cross / margins;
        return new(statistic, Tails.ChiSquaredAbove(statistic, 1));
    }

    /// <summary>McNemar's test (1947) of paired answers, exact: B among B + C fair coins; the statistic is the smaller of the two.</summary>
    public TestOutcome McNemarExact()
    {
        _ = Checked();
        return new(Math.Min(B, C), B + C == 0 ? 1 : BinomialTest.Of(B, B + C, .5).P);
    }

    /// <summary>McNemar's test by chi squared with one degree of freedom.</summary>
    /// <param name="corrected">Whether 1 is taken off |B - C| for continuity (Edwards 1948).</param>
    /// <exception cref="VitrineException">No pair differs.</exception>
    public TestOutcome McNemar(bool corrected = true)
    {
        _ = Checked();
        if (B + C == 0)
        {
            throw new VitrineException("McNemar's test: no pair differs.");
        }

        double difference = Math.Abs(B - C) - (corrected ? 1 : 0);
        var statistic = difference * difference / (B + C);
        return new(statistic, Tails.ChiSquaredAbove(statistic, 1));
    }

    private int Checked() => A < 0 || B < 0 || C < 0 || D < 0
        ? throw new VitrineException($"contingency table: [[{A}, {B}], [{C}, {D}]] has a negative count.")
        : A + B + C + D;
}

/// <summary>Whether successes among trials fit a given chance.</summary>
public static class BinomialTest
{
    /// <summary>The exact test; the statistic is the share of successes. Two-sided p sums the outcomes that are no likelier than the observed one.</summary>
    /// <exception cref="VitrineException">There are no trials, more successes than trials, or the chance is none.</exception>
    public static TestOutcome Of(int successes, int trials, double chance, Alternative alternative = Alternative.TwoSided)
    {
        if (trials < 1 || successes < 0 || successes > trials || !(chance is >= 0 and <= 1))
        {
            throw new VitrineException(
                $"binomial test: {successes} of {trials} at a chance of {chance}; expected 0 to all of at least 1, and a chance in [0, 1].");
        }

        var observed = Binomial.PMF(chance, trials, successes) * (1 + 1e-7);
        return new((double)successes / trials, Math.Min(1, Enumerable.Range(0, trials + 1).Where(k => alternative switch
        {
            Alternative.Less => k <= successes,
            Alternative.Greater => k >= successes,
            _ => Binomial.PMF(chance, trials, k) <= observed,
        }).Sum(k => Binomial.PMF(chance, trials, k))));
    }
}
