using System.Text.Json.Serialization;

namespace Vitrine.Mechanisms.Statistics;

/// <summary>How the chance of a false claim is spent over looks at growing results (Lan and DeMets 1983).</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Spending>))]
public enum Spending
{
    /// <summary>2 - 2 Phi(z / sqrt(t)) to either side, z the 1 - alpha/4 quantile: next to nothing early, as O'Brien and Fleming 1979.</summary>
    OBrienFleming,

    /// <summary>alpha ln(1 + (e - 1) t): evenly, as Pocock 1977.</summary>
    Pocock,
}

/// <summary>Bounds of a two-sided test that is looked at before its end: the chance that any look crosses is alpha.</summary>
/// <remarks>
/// Under the hypothesis the sum of independent increments is a random walk with variance t. The density of the walk that has not crossed yet is carried from
/// look to look by Simpson's rule (Armitage, McPherson and Rowe 1969), and each bound is where what is left to spend leaves the walk.
/// </remarks>
public static class AlphaSpending
{
    /// <summary>Looks at most.</summary>
    public const int MostLooks = 20;

    private const int Points = 1001;
    private const double Far = 12;

    /// <summary>What is spent at a share of the information, of alpha two-sided.</summary>
    /// <param name="share">From 0 to 1.</param>
    /// <param name="alpha">In all.</param>
    /// <param name="spending">How.</param>
    public static double Spent(double share, double alpha, Spending spending)
    {
        if (!(share is >= 0 and <= 1) || !(alpha is > 0 and < 1))
        {
            throw new VitrineException($"alpha spending: at a share of {share} with alpha {alpha}; expected a share from 0 to 1 and an alpha in (0, 1).");
        }

        return share == 0 ? 0
            : spending == Spending.Pocock ? alpha * Math.Log(1 + ((Math.E - 1) * share))
            : 4 * Tails.NormalAbove(Tails.NormalQuantile(1 - (alpha / 4)) / Math.Sqrt(share));
    }

    /// <summary>Bounds of |z| at evenly spaced looks.</summary>
    /// <param name="looks">At most <see cref="MostLooks"/>.</param>
    /// <param name="alpha">Two-sided, over all looks.</param>
    /// <param name="spending">How.</param>
    /// <exception cref="VitrineException">There is no look, there are too many, or alpha lies outside (0, 1).</exception>
    public static IReadOnlyList<double> Bounds(int looks, double alpha, Spending spending)
    {
        if (looks is < 1 or > MostLooks)
        {
            throw new VitrineException($"alpha spending: {looks} looks; expected 1 to {MostLooks}.");
        }

        var bounds = new List<double>();
        var (at, density) = (new[] { 0.0 }, new[] { 1.0 });                                                 // the walk begins at 0: one point of mass 1
        for (var look = 1; look <= looks; look++)
        {
            var step = Math.Sqrt(1.0 / looks);
            var spend = Spent((double)look / looks, alpha, spending) - Spent((look - 1.0) / looks, alpha, spending);
            var edge = Edge(at, density, step, spend);
            bounds.Add(edge / Math.Sqrt((double)look / looks));
            (at, density) = Carried(at, density, step, edge);
        }

        return bounds;
    }

    /// <summary>The nominal two-sided p of each look's bound.</summary>
    /// <inheritdoc cref="Bounds"/>
    public static IReadOnlyList<double> Levels(int looks, double alpha, Spending spending)
        => [.. Bounds(looks, alpha, spending).Select(z => 2 * Tails.NormalAbove(z))];

    /// <summary>Where the walk must be cut off so that so much of it lies outside.</summary>
    private static double Edge(double[] at, double[] density, double step, double spend)
    {
        var (low, high) = (0.0, Far);
        for (var i = 0; i < 80; i++)
        {
            var middle = (low + high) / 2;
            var outside = at.Zip(density, (u, d) => d * (Tails.NormalAbove((middle - u) / step) + Tails.NormalAbove((middle + u) / step))).Sum();
            (low, high) = outside > spend ? (middle, high) : (low, middle);
        }

        return (low + high) / 2;
    }

    /// <summary>The walk after another step, as far as it has not crossed: points, and densities times the weights of Simpson's rule.</summary>
    private static (double[] At, double[] Density) Carried(double[] at, double[] density, double step, double edge)
    {
        var width = 2 * edge / (Points - 1);
        double[] points = [.. Enumerable.Range(0, Points).Select(i => (i * width) - edge)];
        return (points,
        [
            .. points.Select((s, i) => at.Zip(density, (u, d) => d * Math.Exp(-(s - u) * (s - u) / (2 * step * step))).Sum()
                / (step * Math.Sqrt(2 * Math.PI)) * width / 3 * (i is 0 or Points - 1 ? 1 : i % 2 == 1 ? 4 : 2)),
        ]);
    }
}
