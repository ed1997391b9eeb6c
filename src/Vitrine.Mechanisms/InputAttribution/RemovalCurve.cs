namespace Vitrine.Mechanisms.InputAttribution;

/// <summary>The function while features go one after the other, the highest score first, beside random orders.</summary>
/// <param name="Taken">How many features are away at each point, from 0 to all; of an insertion, how many are there.</param>
/// <param name="Values">The function there.</param>
/// <param name="Random">[order][point]: the same in random orders.</param>
public sealed record RemovalCurve(IReadOnlyList<int> Taken, IReadOnlyList<double> Values, IReadOnlyList<IReadOnlyList<double>> Random)
{
    /// <summary>Mean of the curve over the share that is away, by trapezes: low where what scores high holds the function up.</summary>
    public double Area => AreaOf(Values);

    /// <summary>The same of each random order.</summary>
    public IReadOnlyList<double> RandomAreas => [.. Random.Select(AreaOf)];

    /// <summary>2.5 % of random orders have a smaller area.</summary>
    public double RandomLow => Quantile(.025);

    /// <summary>2.5 % of random orders have a larger area.</summary>
    public double RandomHigh => Quantile(.975);

    /// <summary>Random orders whose area is at least as low.</summary>
    public int AsLow => RandomAreas.Count(a => a <= Area);

    /// <summary>Features go, the highest score first: the function falls early where the scores are right (Petsiuk et al. 2018, deletion).</summary>
    /// <param name="removal">The function, its features and baseline.</param>
    /// <param name="row">Of the function's inputs.</param>
    /// <param name="scores">One a feature.</param>
    /// <param name="orders">Random orders beside it.</param>
    /// <param name="seed">Of them.</param>
    /// <param name="points">The most points of a curve.</param>
    /// <param name="progress">From 0 to 1.</param>
    public static RemovalCurve Deletion(
        FeatureRemoval removal, int row, IReadOnlyList<double> scores, int orders = 20, int seed = 0, int points = 21, IProgress<double>? progress = null)
        => Of(removal, row, scores, orders, seed, points, comes: false, progress);

    /// <summary>
    /// Features come, the highest score first, where none was: the function rises early where the scores are right (Petsiuk et al. 2018, insertion).
    /// </summary>
    /// <param name="removal">The function, its features and baseline.</param>
    /// <param name="row">Of the function's inputs.</param>
    /// <param name="scores">One a feature.</param>
    /// <param name="orders">Random orders beside it.</param>
    /// <param name="seed">Of them.</param>
    /// <param name="points">The most points of a curve.</param>
    /// <param name="progress">From 0 to 1.</param>
    /// <remarks>A high area speaks for the scores.</remarks>
    public static RemovalCurve Insertion(
        FeatureRemoval removal, int row, IReadOnlyList<double> scores, int orders = 20, int seed = 0, int points = 21, IProgress<double>? progress = null)
        => Of(removal, row, scores, orders, seed, points, comes: true, progress);

    private static RemovalCurve Of(
        FeatureRemoval removal, int row, IReadOnlyList<double> scores, int orders, int seed, int points, bool comes, IProgress<double>? progress)
    {
        ArgumentNullException.ThrowIfNull(removal);
        ArgumentNullException.ThrowIfNull(scores);
        ArgumentOutOfRangeException.ThrowIfLessThan(orders, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(points, 2);
        var count = removal.Features.Count;
        if (scores.Count != count)
        {
            throw new VitrineException($"removal curve: {scores.Count} scores for {count} features.");
        }

        var random = new Random(seed);
        int[][] all = [[.. Enumerable.Range(0, count).OrderByDescending(f => scores[f])], .. Enumerable.Range(0, orders).Select(_ =>
        {
            int[] order = [.. Enumerable.Range(0, count)];
            random.Shuffle(order);
            return order;
        })];
        int[] taken = [.. Enumerable.Range(0, Math.Min(points, count + 1)).Select(i => (int)Math.Round((double)i * count / (Math.Min(points, count + 1) - 1)))];
        var values = removal.Values([.. all.SelectMany(order => taken.Select(k => (row, Off(order, k))))], progress).Chunk(taken.Length).ToArray();
        return new RemovalCurve(taken, values[0], values[1..]);

        bool[] Off(int[] order, int k)
        {
            var off = new bool[count];
            Array.Fill(off, comes);
            foreach (var feature in order[..k])
            {
                off[feature] = !comes;
            }

            return off;
        }
    }

    private double AreaOf(IReadOnlyList<double> curve)
        => Enumerable.Range(1, Taken.Count - 1).Sum(i => (curve[i] + curve[i - 1]) / 2 * (Taken[i] - Taken[i - 1])) / Taken[^1];

    private double Quantile(double share)
    {
        double[] sorted = [.. RandomAreas.Order()];
        var at = share * (sorted.Length - 1);
        var below = (int)at;
        return sorted[below] + ((at - below) * (sorted[Math.Min(below + 1, sorted.Length - 1)] - sorted[below]));
    }
}
