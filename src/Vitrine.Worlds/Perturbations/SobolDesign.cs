using Vitrine.Mechanisms.Statistics;

namespace Vitrine.Worlds.Perturbations;

/// <summary>Points of a unit cube from which first- and total-order sensitivity is read (Saltelli 2002).</summary>
/// <remarks>
/// Two independent samples A and B of n points, and for each factor i the sample A_Bi: A with the coordinate i of B. With f the outcome,
/// first order S_i = mean(f(B) (f(A_Bi) - f(A))) / V (Saltelli et al. 2010), total order T_i = mean((f(A) - f(A_Bi))^2) / 2V (Jansen 1999), V the variance
/// over A and B. A and B are Latin hypercubes. n (d + 2) outcomes in all.
/// </remarks>
public sealed class SobolDesign
{
    private readonly double[][] first, second;

    /// <param name="factors">d, at least 1.</param>
    /// <param name="points">n, at least 4.</param>
    /// <param name="seed">Decides the points.</param>
    /// <exception cref="VitrineException">There are too few.</exception>
    public SobolDesign(int factors, int points, ulong seed)
    {
        if (factors < 1 || points < 4)
        {
            throw new VitrineException($"sensitivity: {factors} factors and {points} points; expected at least one factor and 4 points.");
        }

        (Factors, Points) = (factors, points);
        first = Hypercube(new RandomStream($"sobol/{seed}/A"));
        second = Hypercube(new RandomStream($"sobol/{seed}/B"));
    }

    /// <summary>d.</summary>
    public int Factors { get; }

    /// <summary>n.</summary>
    public int Points { get; }

    /// <summary>All points, each of d numbers in [0, 1): A, then B, then A_B0, A_B1, ...</summary>
    public IEnumerable<IReadOnlyList<double>> All()
        => first.Concat(second).Concat(Enumerable.Range(0, Factors).SelectMany(i => first.Zip(second, (a, b) => (IReadOnlyList<double>)Mixed(a, b, i))));

    /// <summary>The sensitivity of an outcome to each factor, with percentile intervals over resampled points.</summary>
    /// <param name="outcomes">In the order of <see cref="All"/>.</param>
    /// <param name="resamples">Of the intervals.</param>
    /// <param name="seed">Of the resamples.</param>
    /// <exception cref="VitrineException">There is not one outcome a point.</exception>
    public IReadOnlyList<SobolIndices> Sensitivity(IReadOnlyList<double> outcomes, int resamples = 1000, ulong seed = 0)
    {
        ArgumentNullException.ThrowIfNull(outcomes);
        if (outcomes.Count != Points * (Factors + 2))
        {
            throw new VitrineException($"sensitivity: {outcomes.Count} outcomes; expected {Points} x ({Factors} + 2).");
        }

        int[] all = [.. Enumerable.Range(0, Points)];
        var random = new RandomStream($"sobol/{seed}/bootstrap");
        int[][] draws = [.. Enumerable.Range(0, resamples).Select(_ => all.Select(_ => random.Below(Points)).ToArray())];
        return [.. Enumerable.Range(0, Factors).Select(i =>
        {
            var (own, drawn) = (Of(outcomes, i, all), draws.Select(d => Of(outcomes, i, d)).Where(d => double.IsFinite(d.First)).ToArray());
            return new SobolIndices(Interval(own.First, [.. drawn.Select(d => d.First)]), Interval(own.Total, [.. drawn.Select(d => d.Total)]));
        })];
    }

    private static Estimate Interval(double value, double[] drawn)
        => drawn.Length == 0 ? new(value, double.NaN, double.NaN) : new(value, Quantiles.Linear(drawn, .025), Quantiles.Linear(drawn, .975));

    private (double First, double Total) Of(IReadOnlyList<double> outcomes, int factor, int[] rows)
    {
        var (sum, squares, covered, moved) = (0.0, 0.0, 0.0, 0.0);
        var centre = rows.Average(r => (outcomes[r] + outcomes[Points + r]) / 2);
        foreach (var r in rows)
        {
            var (a, b, mixed) = (outcomes[r] - centre, outcomes[Points + r] - centre, outcomes[((2 + factor) * Points) + r] - centre);
            sum += a + b;
            squares += (a * a) + (b * b);
            covered += b * (mixed - a);
            moved += (a - mixed) * (a - mixed);
        }

        var n = rows.Length;
        var variance = (squares - (sum * sum / (2 * n))) / (2 * n);
        return variance <= 0 ? (double.NaN, double.NaN) : (covered / n / variance, moved / n / 2 / variance);
    }

    private static double[] Mixed(double[] a, double[] b, int factor)
    {
        var mixed = (double[])a.Clone();
        mixed[factor] = b[factor];
        return mixed;
    }

    private double[][] Hypercube(RandomStream random)
    {
        var points = Enumerable.Range(0, Points).Select(_ => new double[Factors]).ToArray();
        for (var i = 0; i < Factors; i++)
        {
            var order = random.Shuffled([.. Enumerable.Range(0, Points)]);
            for (var p = 0; p < Points; p++)
            {
                points[p][i] = (order[p] + random.NextDouble()) / Points;
            }
        }

        return points;
    }
}

/// <summary>How much of an outcome's variance goes back to a factor. NaN where the outcome never varies.</summary>
/// <param name="First">By itself. Estimates scatter around the truth and may lie outside [0, 1].</param>
/// <param name="Total">With everything that it takes part in.</param>
public sealed record SobolIndices(Estimate First, Estimate Total);
