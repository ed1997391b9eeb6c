using Vitrine.Mechanisms.Statistics;

namespace Vitrine.Mechanisms.Geometry;

/// <summary>How far concept directions share an axis, beside the same directions with their coordinates shuffled.</summary>
/// <param name="Names">Of the directions.</param>
/// <param name="Cosines">[i][j]: |cos| of every pair.</param>
/// <param name="Mean">Over the pairs.</param>
/// <param name="Largest">Of any pair.</param>
/// <param name="Shuffled">The mean over the pairs, of every draw of shuffled coordinates.</param>
/// <param name="P">(1 + draws whose mean is at least as large) / (1 + draws).</param>
/// <remarks>
/// Shuffling keeps every direction's own numbers, so that outlier coordinates weigh in the control too; it does not keep what all activations of a model share.
/// </remarks>
public sealed record Entanglement(
    IReadOnlyList<string> Names, IReadOnlyList<IReadOnlyList<double>> Cosines, double Mean, double Largest, Spread Shuffled, double P)
{
    /// <summary>Compares directions.</summary>
    /// <param name="directions">[concept][d]: at least two, of one width, none zero.</param>
    /// <param name="names">One each.</param>
    /// <param name="draws">Shuffles.</param>
    /// <param name="seed">Of the shuffles.</param>
    /// <exception cref="VitrineException">There are fewer than two directions, their widths differ, or one is zero.</exception>
    public static Entanglement Of(IReadOnlyList<IReadOnlyList<double>> directions, IReadOnlyList<string> names, int draws = 200, ulong seed = 0)
    {
        ArgumentNullException.ThrowIfNull(directions);
        ArgumentNullException.ThrowIfNull(names);
        if (directions.Count < 2 || names.Count != directions.Count || draws < 1 || directions.Any(d => d.Count != directions[0].Count))
        {
            throw new VitrineException(
                $"entanglement: {directions.Count} directions, {names.Count} names, {draws} draws; expected two directions or more of one width, a name each.");
        }

        double[][] units = [.. directions.Select((d, i) => Unit(d, names[i]))];
        var pairs = Pairs(units).ToArray();
        var random = new RandomStream($"entanglement/{seed}");
        double[] shuffled = [.. Enumerable.Range(0, draws).Select(_ => Pairs([.. units.Select(random.Shuffled)]).Average())];
        return new(
            names, [.. units.Select(a => (IReadOnlyList<double>)[.. units.Select(b => Cosine(a, b))])], pairs.Average(), pairs.Max(), Spread.Of(shuffled),
            (1.0 + shuffled.Count(s => s >= pairs.Average())) / (1 + draws));
    }

    private static IEnumerable<double> Pairs(double[][] units)
        => units.Index().SelectMany(a => units.Take(a.Index).Select(b => Cosine(a.Item, b)));

    private static double Cosine(double[] a, double[] b) => Math.Min(1, Math.Abs(a.Zip(b, (x, y) => x * y).Sum()));

    private static double[] Unit(IReadOnlyList<double> direction, string name)
    {
        var length = Math.Sqrt(direction.Sum(v => v * v));
        return double.IsFinite(length) && length > 0
            ? [.. direction.Select(v => v / length)]
            : throw new VitrineException($"entanglement: direction '{name}' is zero or no number.");
    }
}
