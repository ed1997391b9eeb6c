using System.Globalization;
using Vitrine.Mechanisms.Statistics;

namespace Vitrine.Worlds.Perturbations;

/// <summary>A part of what was tried in which failures are more frequent than elsewhere.</summary>
/// <param name="Where">In words: one or two conditions.</param>
/// <param name="Failures">Of the episodes there.</param>
/// <param name="Lift">Share of failures there over the share among all, above 1, with its percentile interval over resampled points.</param>
/// <remarks>
/// The conditions are thirds of each factor's range (each value of a factor of whole numbers) and tasks, one of them or two together. The intervals are of each
/// cluster by itself: that many were looked at is not in them, so a cluster is a place to look, not a finding.
/// </remarks>
public sealed record FailureCluster(string Where, Proportion Failures, Estimate Lift)
{
    private const int Kept = 12, FewestEpisodes = 12, Resamples = 400;

    /// <summary>Looks for them.</summary>
    /// <param name="factors">What varied.</param>
    /// <param name="points">What was tried.</param>
    /// <param name="seed">Of the resamples.</param>
    internal static IReadOnlyList<FailureCluster> Find(IReadOnlyList<PerturbationFactor> factors, IReadOnlyList<PerturbationPoint> points, ulong seed)
    {
        var (all, failed) = (points.Sum(p => p.Episodes.Count), points.Sum(p => p.Episodes.Count(e => !e.Succeeded)));
        if (failed == 0 || failed == all)
        {
            return [];
        }

        Condition[] single = [.. factors.SelectMany((f, i) => Parts(f, i)), .. Tasks(points)];
        var pairs = single.SelectMany((a, i) => single.Skip(i + 1).Where(b => b.Of != a.Of).Select(b => new[] { a, b }));
        var found = single.Select(c => new[] { c }).Concat(pairs)
            .Select(c => (Conditions: c, Counts: Counts(points, c)))
            .Where(c => c.Counts.Sum(n => n.Inside) >= FewestEpisodes
                && (long)c.Counts.Sum(n => n.Failed) * all > (long)failed * c.Counts.Sum(n => n.Inside))
            .OrderByDescending(c => c.Counts.Sum(n => n.Failed) / (double)c.Counts.Sum(n => n.Inside))
            .Take(Kept);
        (int Inside, int Failed)[] whole = [.. points.Select(p => (p.Episodes.Count, p.Episodes.Count(e => !e.Succeeded)))];
        return [.. found.Select(c => new FailureCluster(
            string.Join(", ", c.Conditions.Select(x => x.Name)), new Proportion(c.Counts.Sum(n => n.Failed), c.Counts.Sum(n => n.Inside)),
            LiftOf(c.Counts, whole, seed)))];
    }

    private static IEnumerable<Condition> Parts(PerturbationFactor factor, int index)
    {
        if (factor.IsWhole)
        {
            for (var value = factor.Low; value <= factor.High; value++)
            {
                var own = value;
                yield return new(factor.Option, $"{factor.Option} = {Number(own)}", (values, _) => values[index] == own);
            }

            yield break;
        }

        for (var third = 0; third < 3; third++)
        {
            var (from, to) = (factor.Low + (third * (factor.High - factor.Low) / 3), factor.Low + ((third + 1) * (factor.High - factor.Low) / 3));
            var isLast = third == 2;
            yield return new(
                factor.Option, $"{factor.Option} {Number(from)} to {Number(to)}",
                (values, _) => values[index] >= from && (values[index] < to || isLast));
        }
    }

    private static IEnumerable<Condition> Tasks(IReadOnlyList<PerturbationPoint> points)
        => points.SelectMany(p => p.Episodes.Select(e => e.Task)).Distinct().Select(task => new Condition("task", $"task {task}", (_, t) => t == task));

    private static (int Inside, int Failed)[] Counts(IReadOnlyList<PerturbationPoint> points, Condition[] conditions)
        => [.. points.Select(p =>
        {
            PerturbedEpisode[] inside = [.. p.Episodes.Where(e => conditions.All(c => c.Holds(p.Values, e.Task)))];
            return (inside.Length, inside.Count(e => !e.Succeeded));
        })];

    private static Estimate LiftOf((int Inside, int Failed)[] cluster, (int Inside, int Failed)[] whole, ulong seed)
    {
        var random = new RandomStream($"clusters/{seed}");
        double[] drawn = [.. Enumerable.Range(0, Resamples)
            .Select(_ => Of([.. Enumerable.Range(0, whole.Length).Select(_ => random.Below(whole.Length))])).Where(double.IsFinite)];
        var own = Of([.. Enumerable.Range(0, whole.Length)]);
        return drawn.Length == 0 ? new(own, double.NaN, double.NaN) : new(own, Quantiles.Linear(drawn, .025), Quantiles.Linear(drawn, .975));

        double Of(int[] rows)
        {
            var (inside, failed, all, allFailed) = (0, 0, 0, 0);
            foreach (var r in rows)
            {
                (inside, failed, all, allFailed) = (inside + cluster[r].Inside, failed + cluster[r].Failed, all + whole[r].Inside, allFailed + whole[r].Failed);
            }

            return failed / (double)inside / (allFailed / (double)all);
        }
    }

    private static string Number(double value) => value.ToString("0.###", CultureInfo.InvariantCulture);

    private sealed record Condition(string Of, string Name, Func<IReadOnlyList<double>, string, bool> Holds);
}
