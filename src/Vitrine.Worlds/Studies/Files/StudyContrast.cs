using Vitrine.Mechanisms.Statistics;

namespace Vitrine.Worlds.Studies.Files;

/// <summary>Two runs of one study beside each other, usually of two checkpoints: the same arms on the same layouts.</summary>
/// <param name="First">Policy of the first.</param>
/// <param name="Second">Policy of the second.</param>
/// <param name="FirstRegistered">Hash of the first study file.</param>
/// <param name="SecondRegistered">Hash of the second; the same where the file names no fingerprint.</param>
/// <param name="Layouts">Of every arm.</param>
/// <param name="Rows">Arms that both have.</param>
/// <param name="OnlyFirst">Arms that the second lacks.</param>
/// <param name="OnlySecond">Arms that the first lacks.</param>
public sealed record StudyContrast(
    StudyPolicy First, StudyPolicy Second, string FirstRegistered, string SecondRegistered, int Layouts, IReadOnlyList<ContrastRow> Rows,
    IReadOnlyList<string> OnlyFirst, IReadOnlyList<string> OnlySecond)
{
    /// <summary>Compares two finished studies.</summary>
    /// <param name="first">A study's folder.</param>
    /// <param name="second">Another's.</param>
    /// <param name="cancellation">Stops between chunks.</param>
    /// <exception cref="VitrineException">One is not finished, or they differ in world, tasks, layouts or steps, so that episodes cannot be paired.</exception>
    public static async Task<StudyContrast> OfAsync(StudyHome first, StudyHome second, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        var (a, b) = (first.RequireResult(), second.RequireResult());
        var (one, two) = (await first.EpisodesAsync(cancellation).ConfigureAwait(false), await second.EpisodesAsync(cancellation).ConfigureAwait(false));
        string[] differences =
        [
            .. StudyDifferences.Of("the world", one.Study.World, two.Study.World),
            .. StudyDifferences.Of("the layouts", LayoutsOf(one), LayoutsOf(two)),
            .. StudyDifferences.Of("the step limit", one.Study.StepLimit, two.Study.StepLimit),
        ];
        if (differences.Length > 0)
        {
            throw new VitrineException($"{first.Path} and {second.Path}: cannot be paired; {string.Join("; ", differences.Select(Compared))}.");
        }

        var others = two.Arms.ToDictionary(x => x.Arm.Name);
        ArmEpisodes[] common = [.. one.Arms.Where(x => others.ContainsKey(x.Arm.Name) && (!x.Arm.IsRandom))];
        var (baseA, baseB) = (one.Arms.Single(x => x.Arm.Kind == ArmKind.Baseline), two.Arms.Single(x => x.Arm.Kind == ArmKind.Baseline));
        var rows = common.SelectMany(x => a.File.Measures.Union([Measure.Success.Name]).Select(m
            => Row(x, others[x.Arm.Name], baseA, baseB, Measure.Named(m)))).ToArray();
        var adjusted = Holm.Adjust([.. rows.Select(r => r.P)]);
        return new StudyContrast(
            a.Policy, b.Policy, a.Registered, b.Registered, baseA.Episodes.Count, [.. rows.Select((r, i) => r with { AdjustedP = adjusted[i] })],
            [.. one.Arms.Where(x => !others.ContainsKey(x.Arm.Name)).Select(x => x.Arm.Name)],
            [.. two.Arms.Where(x => one.Arms.All(y => y.Arm.Name != x.Arm.Name)).Select(x => x.Arm.Name)]);
    }

    private static string Compared(string difference) => difference.Replace(" there,", " in the first,", StringComparison.Ordinal)
        .Replace("asked for", "in the second", StringComparison.Ordinal);

    private static string LayoutsOf(StudyRun run)
        => $"{run.Arms[0].Episodes.Count} of {string.Join(", ", run.Study.Tasks)}, seed {run.Study.Seed}, {run.Study.Split}";

    /// <remarks>Success is paired yes and no: its p is McNemar's, exact. Other measures are paired differences: theirs is that of sign flips.</remarks>
    private static ContrastRow Row(ArmEpisodes first, ArmEpisodes second, ArmEpisodes baseFirst, ArmEpisodes baseSecond, Measure measure)
    {
        double[] a = [.. first.Episodes.Select(measure.Of)], b = [.. second.Episodes.Select(measure.Of)];
        double[] differences = [.. b.Zip(a, (y, x) => y - x)];
        var table = ArmComparisons.Successes(first.Episodes, second.Episodes);
        var isSuccess = measure.Name == Measure.Success.Name;
        double[] effects =
        [
            .. differences.Zip(
                baseSecond.Episodes.Zip(baseFirst.Episodes, (y, x) => measure.Of(y) - measure.Of(x)), (arm, plain) => arm - plain),
        ];
        return new ContrastRow(
            first.Arm.Name, first.Arm.Kind, measure.Name, a.Average(), b.Average(), PairedBootstrap.MeanDifference(differences),
            isSuccess ? table.McNemarExact().P : SignFlip.PValue(differences), AdjustedP: 1, isSuccess ? table.B : null, isSuccess ? table.C : null,
            first.Arm.Kind == ArmKind.Baseline ? null : PairedBootstrap.MeanDifference(effects));
    }
}

/// <summary>One arm of two runs by one measure.</summary>
/// <param name="Arm">Its name.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Measure">What is compared.</param>
/// <param name="First">Mean of the first.</param>
/// <param name="Second">Mean of the second.</param>
/// <param name="Change">Second minus first, layout by layout, with its bootstrap interval.</param>
/// <param name="P">Of success McNemar's exact p, else by sign flips.</param>
/// <param name="AdjustedP">Holm's, over all rows.</param>
/// <param name="OnlyFirst">Of success: layouts that only the first solves.</param>
/// <param name="OnlySecond">Of success: layouts that only the second solves.</param>
/// <param name="EffectChange">How much more the arm changes against its own baseline in the second; null of the baseline.</param>
public sealed record ContrastRow(
    string Arm, ArmKind Kind, string Measure, double First, double Second, Estimate Change, double P, double AdjustedP, int? OnlyFirst, int? OnlySecond,
    Estimate? EffectChange);
