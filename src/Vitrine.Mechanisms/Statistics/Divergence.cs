namespace Vitrine.Mechanisms.Statistics;

/// <summary>How far two distributions lie apart; logarithms are natural. Weights are scaled to a sum of 1.</summary>
public static class Divergence
{
    /// <summary>-sum p ln p, in nats.</summary>
    /// <exception cref="VitrineException">A weight is negative or no number, or all are zero.</exception>
    public static double Entropy(IReadOnlyList<double> weights) => -Scaled(weights).Sum(p => p == 0 ? 0 : p * Math.Log(p));

    /// <summary>Kullback and Leibler's sum p ln(p / q); infinite where q lacks what p has.</summary>
    /// <exception cref="VitrineException">The distributions are of different lengths, or a weight is none.</exception>
    public static double KullbackLeibler(IReadOnlyList<double> first, IReadOnlyList<double> second)
    {
        var (p, q) = (Scaled(first), Scaled(second));
        return p.Length == q.Length
            ? p.Zip(q, (a, b) => a == 0 ? 0 : b == 0 ? double.PositiveInfinity : a * Math.Log(a / b)).Sum()
            : throw new VitrineException($"divergence: {p.Length} weights beside {q.Length}; expected as many.");
    }

    /// <summary>Jensen and Shannon's: the mean divergence of both from their mean; at most ln 2.</summary>
    /// <exception cref="VitrineException">The distributions are of different lengths, or a weight is none.</exception>
    public static double JensenShannon(IReadOnlyList<double> first, IReadOnlyList<double> second)
    {
        var (p, q) = (Scaled(first), Scaled(second));
        double[] middle = p.Length == q.Length
            ? [.. p.Zip(q, (a, b) => (a + b) / 2)]
            : throw new VitrineException($"divergence: {p.Length} weights beside {q.Length}; expected as many.");
        return (KullbackLeibler(p, middle) + KullbackLeibler(q, middle)) / 2;
    }

    /// <summary>Wasserstein's distance of two samples of one number each: the area between their distribution functions.</summary>
    /// <exception cref="VitrineException">A sample is empty.</exception>
    public static double Wasserstein(IReadOnlyList<double> a, IReadOnlyList<double> b)
    {
        var (x, y) = (Samples.Required(a, "Wasserstein's distance"), Samples.Required(b, "Wasserstein's distance"));
        double[] all = [.. x.Concat(y).Order()];
        return Enumerable.Range(0, all.Length - 1).Sum(i => (all[i + 1] - all[i]) * Math.Abs(Share(x, all[i]) - Share(y, all[i])));
    }

    /// <summary>The share of a sample that is at most so large.</summary>
    internal static double Share(double[] sample, double value) => (double)sample.Count(s => s <= value) / sample.Length;

    private static double[] Scaled(IReadOnlyList<double> weights)
    {
        var w = Samples.Required(weights, "divergence");
        var sum = w.Sum();
        return w.Any(v => v < 0) || sum <= 0
            ? throw new VitrineException("divergence: a weight is negative, or all are zero; expected a distribution.")
            : [.. w.Select(v => v / sum)];
    }
}
