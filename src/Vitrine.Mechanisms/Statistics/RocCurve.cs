namespace Vitrine.Mechanisms.Statistics;

/// <summary>How well scores tell two classes apart, threshold by threshold, from the largest down.</summary>
/// <param name="Thresholds">Called positive is what scores at least so much; the first calls nothing positive and is infinite.</param>
/// <param name="FalsePositives">Share of the negatives that are called positive.</param>
/// <param name="TruePositives">Share of the positives that are called positive.</param>
/// <remarks>A threshold whose point lies between two others on a line of equal steps is left out, as scikit-learn does.</remarks>
public sealed record RocCurve(IReadOnlyList<double> Thresholds, IReadOnlyList<double> FalsePositives, IReadOnlyList<double> TruePositives)
{
    /// <summary>The curve of scores.</summary>
    /// <param name="scores">Larger for positives.</param>
    /// <param name="positive">Whether each is one.</param>
    /// <exception cref="VitrineException">A class is missing, or a score is no number.</exception>
    public static RocCurve Of(IReadOnlyList<double> scores, IReadOnlyList<bool> positive)
    {
        var steps = Steps(scores, positive);
        var kept = steps.Where((_, i) => i == 0 || i == steps.Count - 1 || Bends(i, s => s.False) || Bends(i, s => s.True)).ToArray();
        double negatives = steps[^1].False, positives = steps[^1].True;
        return new(
            [double.PositiveInfinity, .. kept.Select(s => s.Threshold)], [0, .. kept.Select(s => s.False / negatives)],
            [0, .. kept.Select(s => s.True / positives)]);

        bool Bends(int i, Func<(double Threshold, long True, long False), long> of) => of(steps[i + 1]) - (2 * of(steps[i])) + of(steps[i - 1]) != 0;
    }

    /// <summary>The area under the curve: the chance that a positive outscores a negative, ties as halves.</summary>
    /// <exception cref="VitrineException">A class is missing, or a score is no number.</exception>
    public static double Area(IReadOnlyList<double> scores, IReadOnlyList<bool> positive)
    {
        var steps = Steps(scores, positive);
        double[] up = [.. steps.Select(s => (double)s.True)], across = [.. steps.Select(s => (double)s.False)];
        var twice = 0.0;
        for (var i = 0; i < steps.Count; i++)
        {
            twice += (across[i] - (i > 0 ? across[i - 1] : 0)) * (up[i] + (i > 0 ? up[i - 1] : 0));
        }

        return twice / (2 * up[^1] * across[^1]);
    }

    /// <summary>Average precision: precision at every threshold, weighted by the recall that it adds.</summary>
    /// <exception cref="VitrineException">A class is missing, or a score is no number.</exception>
    public static double AveragePrecision(IReadOnlyList<double> scores, IReadOnlyList<bool> positive)
    {
        var steps = Steps(scores, positive);
        return steps.Select((s, i) => (s.True - (i > 0 ? steps[i - 1].True : 0)) / (double)steps[^1].True * s.True / (s.True + s.False)).Sum();
    }

    /// <summary>Positives and negatives at or above each score that occurs.</summary>
    private static List<(double Threshold, long True, long False)> Steps(IReadOnlyList<double> scores, IReadOnlyList<bool> positive)
    {
        var values = Samples.Required(scores, "ROC curve");
        ArgumentNullException.ThrowIfNull(positive);
        var positives = positive.Count(p => p);
        if (positive.Count != values.Length || positives == 0 || positives == values.Length)
        {
            throw new VitrineException(
                $"ROC curve: {values.Length} scores, {positives} of {positive.Count} labels positive; expected one label a score, and both classes.");
        }

        var steps = new List<(double, long, long)>();
        var (above, wrong) = (0L, 0L);
        foreach (var group in Enumerable.Range(0, values.Length).GroupBy(i => values[i]).OrderByDescending(g => g.Key))
        {
            var right = group.Count(i => positive[i]);
            (above, wrong) = (above + right, wrong + group.Count() - right);
            steps.Add((group.Key, above, wrong));
        }

        return steps;
    }
}
