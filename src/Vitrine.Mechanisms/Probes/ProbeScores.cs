using Vitrine.Mechanisms.Statistics;

namespace Vitrine.Mechanisms.Probes;

/// <summary>How well decisions fit labels or targets.</summary>
public static class ProbeScores
{
    /// <summary>Share of right classes, with Wilson's interval.</summary>
    /// <param name="decisions">[example][row].</param>
    /// <param name="labels">Class of each example.</param>
    /// <exception cref="VitrineException">There are not as many labels as decisions.</exception>
    public static Proportion Accuracy(IReadOnlyList<IReadOnlyList<double>> decisions, IReadOnlyList<int> labels)
    {
        Require(decisions, labels);
        return new(decisions.Zip(labels).Count(d => LinearProbe.ClassOf(d.First) == d.Second), labels.Count);
    }

    /// <summary>[true class][called class] counts.</summary>
    /// <exception cref="VitrineException">There are not as many labels as decisions.</exception>
    public static int[][] Confusion(IReadOnlyList<IReadOnlyList<double>> decisions, IReadOnlyList<int> labels, int classes)
    {
        Require(decisions, labels);
        var counts = Enumerable.Range(0, classes).Select(_ => new int[classes]).ToArray();
        foreach (var (decision, label) in decisions.Zip(labels))
        {
            counts[label][LinearProbe.ClassOf(decision)]++;
        }

        return counts;
    }

    /// <summary>The mean over classes of F1 = 2 tp / (2 tp + fp + fn).</summary>
    /// <exception cref="VitrineException">There are not as many labels as decisions.</exception>
    public static double MacroF1(IReadOnlyList<IReadOnlyList<double>> decisions, IReadOnlyList<int> labels, int classes)
    {
        var counts = Confusion(decisions, labels, classes);
        return Enumerable.Range(0, classes).Average(k => counts[k].Sum() + counts.Sum(r => r[k]) is > 0 and var all ? 2.0 * counts[k][k] / all : 0);
    }

    /// <summary>Area under the ROC curve; of more than two classes the mean of each against the rest.</summary>
    /// <param name="decisions">[example][row]; of more than two classes a logistic probe's chances, as scikit-learn asks for.</param>
    /// <param name="labels">Class of each example.</param>
    /// <param name="classes">How many.</param>
    /// <exception cref="VitrineException">A class has no example.</exception>
    public static double Auroc(IReadOnlyList<IReadOnlyList<double>> decisions, IReadOnlyList<int> labels, int classes)
    {
        Require(decisions, labels);
        return classes == 2
            ? RocCurve.Area([.. decisions.Select(d => d[^1])], [.. labels.Select(l => l == 1)])
            : Enumerable.Range(0, classes).Average(k => RocCurve.Area([.. decisions.Select(d => d[k])], [.. labels.Select(l => l == k)]));
    }

    /// <summary>Mean of -ln of the chance that was given to the right class, in nats.</summary>
    /// <param name="probabilities">[example][class].</param>
    /// <param name="labels">Class of each example.</param>
    /// <exception cref="VitrineException">There are not as many labels as examples.</exception>
    public static double LogLoss(IReadOnlyList<IReadOnlyList<double>> probabilities, IReadOnlyList<int> labels)
    {
        Require(probabilities, labels);
        return -probabilities.Zip(labels).Average(p => Math.Log(Math.Max(p.First[p.Second], 2.220446049250313e-16)));
    }

    /// <summary>1 - residual / total sum of squares, the mean over the targets.</summary>
    /// <param name="predictions">[example][target].</param>
    /// <param name="targets">[example][target].</param>
    /// <exception cref="VitrineException">They are not as many, or a target is constant.</exception>
    public static double R2(IReadOnlyList<IReadOnlyList<double>> predictions, IReadOnlyList<IReadOnlyList<double>> targets)
    {
        ArgumentNullException.ThrowIfNull(predictions);
        ArgumentNullException.ThrowIfNull(targets);
        if (predictions.Count != targets.Count || targets.Count == 0)
        {
            throw new VitrineException($"R2: {predictions.Count} predictions for {targets.Count} targets; expected as many, and at least one.");
        }

        return Enumerable.Range(0, targets[0].Count).Average(k =>
        {
            var mean = targets.Average(t => t[k]);
            var total = targets.Sum(t => (t[k] - mean) * (t[k] - mean));
            return total > 0
                ? 1 - (predictions.Zip(targets).Sum(p => (p.First[k] - p.Second[k]) * (p.First[k] - p.Second[k])) / total)
                : throw new VitrineException($"R2: target {k} is constant; there is nothing to explain.");
        });
    }

    private static void Require(IReadOnlyList<IReadOnlyList<double>> decisions, IReadOnlyList<int> labels)
    {
        ArgumentNullException.ThrowIfNull(decisions);
        ArgumentNullException.ThrowIfNull(labels);
        if (decisions.Count != labels.Count || labels.Count == 0)
        {
            throw new VitrineException($"probe: {decisions.Count} decisions for {labels.Count} labels; expected as many, and at least one.");
        }
    }
}
