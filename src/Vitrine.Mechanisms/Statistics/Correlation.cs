namespace Vitrine.Mechanisms.Statistics;

/// <summary>How two measures of the same things go together; the tests are two-sided.</summary>
public static class Correlation
{
    private const int LargestExact = 33;

    /// <summary>Pearson's r; p by Student's t with n - 2 degrees of freedom.</summary>
    /// <exception cref="VitrineException">The samples are no pairs, fewer than three, or one is constant.</exception>
    public static TestOutcome Pearson(IReadOnlyList<double> a, IReadOnlyList<double> b)
    {
        var (x, y) = Samples.Pairs(a, b, "correlation", 3);
        return OfCoefficient(Coefficient(x, y), x.Length);
    }

    /// <summary>The interval of Pearson's r by Fisher's transformation: tanh(atanh r ± z / sqrt(n - 3)).</summary>
    /// <exception cref="VitrineException">The samples are no pairs, fewer than four, or one is constant.</exception>
    public static (double Low, double High) PearsonInterval(IReadOnlyList<double> a, IReadOnlyList<double> b, double alpha = .05)
    {
        var (x, y) = Samples.Pairs(a, b, "correlation", 4);
        var (centre, half) = (Math.Atanh(Coefficient(x, y)), Tails.NormalQuantile(1 - (alpha / 2)) / Math.Sqrt(x.Length - 3));
        return (Math.Tanh(centre - half), Math.Tanh(centre + half));
    }

    /// <summary>Spearman's rho: Pearson's r of the ranks.</summary>
    /// <exception cref="VitrineException">The samples are no pairs, fewer than three, or one is constant.</exception>
    public static TestOutcome Spearman(IReadOnlyList<double> a, IReadOnlyList<double> b)
    {
        var (x, y) = Samples.Pairs(a, b, "correlation", 3);
        return OfCoefficient(Coefficient(Samples.Ranks(x), Samples.Ranks(y)), x.Length);
    }

    /// <summary>Kendall's tau b; p exact without ties for up to 33 pairs, by the normal approximation otherwise.</summary>
    /// <exception cref="VitrineException">The samples are no pairs, fewer than three, or one is constant.</exception>
    public static TestOutcome Kendall(IReadOnlyList<double> a, IReadOnlyList<double> b)
    {
        var (x, y) = Samples.Pairs(a, b, "correlation", 3);
        var (n, agree, differ) = (x.Length, 0L, 0L);
        for (var i = 0; i < n; i++)
        {
            for (var j = 0; j < i; j++)
            {
                var sign = Math.Sign(x[i] - x[j]) * Math.Sign(y[i] - y[j]);
                (agree, differ) = (agree + (sign > 0 ? 1 : 0), differ + (sign < 0 ? 1 : 0));
            }
        }

        var (tx, ty, pairs) = (Samples.Ties(x), Samples.Ties(y), n * (n - 1) / 2.0);
        var (px, py) = (Pairs(tx), Pairs(ty));
        var tau = (agree - differ) / Math.Sqrt((pairs - px) * (pairs - py));
        if (double.IsNaN(tau))
        {
            throw Constant();
        }

        var rarer = Math.Min(agree, differ);
        if (px == 0 && py == 0 && (n <= LargestExact || rarer <= 1))
        {
            return new(tau, Math.Min(1, 2 * InversionChances(n, rarer)));
        }

        var variance = (((2 * pairs * ((2 * n) + 5)) - Fives(tx) - Fives(ty)) / 18) + (2 * px * py / (2 * pairs))
            + (Triples(tx) * Triples(ty) / (18 * pairs * (n - 2)));
        return new(tau, Tails.Normally((agree - differ) / Math.Sqrt(variance), Alternative.TwoSided));

        static double Pairs(double[] ties) => ties.Sum(t => t * (t - 1) / 2);
        static double Triples(double[] ties) => ties.Sum(t => t * (t - 1) * (t - 2));
        static double Fives(double[] ties) => ties.Sum(t => t * (t - 1) * ((2 * t) + 5));
    }

    private static double Coefficient(double[] x, double[] y)
    {
        var (mx, my) = (x.Average(), y.Average());
        var (xy, xx, yy) = (x.Zip(y).Sum(p => (p.First - mx) * (p.Second - my)), x.Sum(v => (v - mx) * (v - mx)), y.Sum(v => (v - my) * (v - my)));
        return xx > 0 && yy > 0 ? Math.Clamp(xy / Math.Sqrt(xx * yy), -1, 1) : throw Constant();
    }

    private static TestOutcome OfCoefficient(double r, int n)
        => new(r, Math.Abs(r) == 1 ? 0 : Tails.Student(r * Math.Sqrt((n - 2) / ((1 - r) * (1 + r))), n - 2, Alternative.TwoSided));

    private static VitrineException Constant() => new("correlation: a sample is constant; expected numbers that differ.");

    /// <summary>Chance of at most so many inversions in a random order of n.</summary>
    private static double InversionChances(int n, long most)
    {
        var chances = new double[most + 1];
        chances[0] = 1;
        for (var size = 2; size <= n; size++)
        {
            var next = new double[chances.Length];
            for (var inversions = 0; inversions < next.Length; inversions++)
            {
                for (var added = 0; added < size && added <= inversions; added++)
                {
                    next[inversions] += chances[inversions - added] / size;
                }
            }

            chances = next;
        }

        return chances.Sum();
    }
}
