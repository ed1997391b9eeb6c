namespace Vitrine.Mechanisms.Statistics;

/// <summary>Whether several samples are of one kind.</summary>
public static class SeveralSamples
{
    /// <summary>One-way analysis of variance: F of the means (Fisher 1925).</summary>
    /// <exception cref="VitrineException">Fewer than two samples, or one is empty.</exception>
    public static TestOutcome Anova(params IReadOnlyList<IReadOnlyList<double>> samples)
    {
        var groups = Required(samples, "analysis of variance");
        double n = groups.Sum(g => g.Length), k = groups.Length, mean = groups.Sum(g => g.Sum()) / n;
        var between = groups.Sum(g => g.Length * (g.Average() - mean) * (g.Average() - mean)) / (k - 1);
        var within = groups.Sum(g => g.Average() is var own ? g.Sum(x => (x - own) * (x - own)) : 0) / (n - k);
        var f = between / within;
        return new(f, Tails.FisherAbove(f, k - 1, n - k));
    }

    /// <summary>Kruskal and Wallis' H of the ranks, corrected for ties (1952); p by chi squared.</summary>
    /// <exception cref="VitrineException">Fewer than two samples, one is empty, or all numbers are equal.</exception>
    public static TestOutcome KruskalWallis(params IReadOnlyList<IReadOnlyList<double>> samples)
    {
        var groups = Required(samples, "Kruskal and Wallis' test");
        double[] all = [.. groups.SelectMany(g => g)];
        var ranks = Samples.Ranks(all);
        double n = all.Length, squares = 0;
        var at = 0;
        foreach (var group in groups)
        {
            var sum = ranks.AsSpan(at, group.Length).ToArray().Sum();
            squares += sum * sum / group.Length;
            at += group.Length;
        }

        var correction = 1 - (Samples.TieTerm(all) / ((n * n * n) - n));
        var h = correction > 0
            ? ((12 / (n * (n + 1)) * squares) - (3 * (n + 1))) / correction
            : throw new VitrineException("Kruskal and Wallis' test: all numbers are equal; there is nothing to rank.");
        return new(h, Tails.ChiSquaredAbove(h, groups.Length - 1));
    }

    /// <summary>Kolmogorov and Smirnov's largest distance of two distribution functions; p exact, by counting the orders that stay nearer.</summary>
    /// <exception cref="VitrineException">A sample is empty.</exception>
    public static TestOutcome KolmogorovSmirnov(IReadOnlyList<double> a, IReadOnlyList<double> b)
    {
        var (x, y) = (Samples.Required(a, "Kolmogorov and Smirnov's test"), Samples.Required(b, "Kolmogorov and Smirnov's test"));
        var distance = x.Concat(y).Max(v => Math.Abs(Divergence.Share(x, v) - Divergence.Share(y, v)));
        var reached = (long)Math.Round(distance * x.Length * y.Length);
        var chances = new double[y.Length + 1];                                                            // of staying nearer, behind i of x and j of y
        for (var i = 0; i <= x.Length; i++)
        {
            for (var j = 0; j <= y.Length; j++)
            {
                var isNearer = Math.Abs(((long)i * y.Length) - ((long)j * x.Length)) < reached;
                chances[j] = !isNearer ? 0 : i + j == 0 ? 1 : ((i * (i > 0 ? chances[j] : 0)) + (j * (j > 0 ? chances[j - 1] : 0))) / (i + j);
            }
        }

        return new(distance, 1 - chances[y.Length]);
    }

    private static double[][] Required(IReadOnlyList<IReadOnlyList<double>> samples, string test)
    {
        ArgumentNullException.ThrowIfNull(samples);
        return samples.Count >= 2
            ? [.. samples.Select(s => Samples.Required(s, test))]
            : throw new VitrineException($"{test}: of {samples.Count} samples; expected at least two.");
    }
}
