using System.Text.Json.Serialization;
using Vitrine.Mechanisms.Statistics;

namespace Vitrine.Worlds.Studies;

/// <summary>How far an arm lies from the baseline on the same layouts.</summary>
/// <param name="Estimate">Mean paired difference, with its bootstrap interval.</param>
/// <param name="P">Two-sided, by sign flips.</param>
/// <param name="AdjustedP">Edit arms only: Holm's adjustment over all edit arms, for this measure.</param>
public sealed record Difference(Estimate Estimate, double P, double? AdjustedP);

/// <summary>An arm over some layouts: all of them, or those of one task.</summary>
/// <param name="Success">Share of solved episodes.</param>
/// <param name="Means">Mean of each measure, by its name.</param>
/// <param name="Differences">Difference of each measure to the baseline; empty for the baseline itself.</param>
public sealed record ArmMeasures(Proportion Success, IReadOnlyDictionary<string, double> Means, IReadOnlyDictionary<string, Difference> Differences);

/// <summary>What an arm did.</summary>
/// <param name="Arm">The condition.</param>
/// <param name="SameAsBaseline">Episodes with exactly the baseline's actions. A zero dose must have all of them.</param>
/// <param name="All">Over all layouts.</param>
/// <param name="ByTask">Over the layouts of each task.</param>
public sealed record ArmResult(ArmLabel Arm, int SameAsBaseline, ArmMeasures All, IReadOnlyDictionary<string, ArmMeasures> ByTask);

/// <summary>A group of random draws.</summary>
/// <param name="Group">What they have in common.</param>
/// <param name="Kind">What is random.</param>
/// <param name="Concept">Whose control they are.</param>
/// <param name="Draws">How many.</param>
/// <param name="Means">Of the draws' means, by measure.</param>
/// <param name="Differences">Of the draws' mean differences to the baseline, by measure.</param>
public sealed record DrawsResult(
    string Group, ArmKind Kind, string? Concept, int Draws, IReadOnlyDictionary<string, Spread> Means, IReadOnlyDictionary<string, Spread> Differences);

/// <summary>What a study found.</summary>
/// <param name="Study">Its name.</param>
/// <param name="World">The world in which it ran.</param>
/// <param name="Layouts">In every arm.</param>
/// <param name="Arms">In the plan's order, random draws one by one among them.</param>
/// <param name="Draws">Random draws, group by group.</param>
public sealed record StudyResult(string Study, string World, int Layouts, IReadOnlyList<ArmResult> Arms, IReadOnlyList<DrawsResult> Draws)
{
    [JsonConstructor]
    internal StudyResult(string study, string world, int layouts, IReadOnlyList<ArmResult> arms, IReadOnlyList<DrawsResult> draws,
        int threadsPerWorker = StudyRunner.ThreadsPerWorker)
        : this(study, world, layouts, arms, draws)
        => ThreadsPerWorker = threadsPerWorker;

    /// <summary>libtorch threads that every worker computed with.</summary>
    public int ThreadsPerWorker { get; init; } = StudyRunner.ThreadsPerWorker;

    /// <summary>Reads a run.</summary>
    /// <param name="run">All its episodes.</param>
    /// <param name="resamples">Of the bootstrap.</param>
    /// <param name="seed">Of bootstrap and sign flips.</param>
    public static StudyResult Of(StudyRun run, int resamples = 2000, ulong seed = 0)
    {
        ArgumentNullException.ThrowIfNull(run);
        var baseline = run.Arms.FirstOrDefault(a => a.Arm.Kind == ArmKind.Baseline)
            ?? throw new VitrineException($"study '{run.Study.Name}': the run has no baseline to compare with.");
        var comparison = new StudyComparison(run, baseline, resamples, seed);
        var all = comparison.Over(_ => true);
        var byTask = run.Study.Tasks.ToDictionary(task => task, task => comparison.Over(layout => layout.Task == task));
        ArmResult[] arms = [.. run.Arms.Select((arm, i) => new ArmResult(
            arm.Arm,
            arm.Episodes.Zip(baseline.Episodes).Count(pair => pair.First.HasSameActionsAs(pair.Second)),
            all[i],
            byTask.ToDictionary(t => t.Key, t => t.Value[i])))];
        return new(run.Study.Name, run.Study.World, baseline.Episodes.Count, arms, [.. DrawsOf(arms)]) { ThreadsPerWorker = run.ThreadsPerWorker };
    }

    /// <summary>The result as JSON.</summary>
    public string ToJson() => RecordJson.Write(this, indented: true);

    /// <summary>Reads a result.</summary>
    /// <exception cref="VitrineException">The text is none.</exception>
    public static StudyResult FromJson(string json) => RecordJson.Read<StudyResult>(json, "study result");

    private static IEnumerable<DrawsResult> DrawsOf(IEnumerable<ArmResult> arms)
        => arms.Where(a => a.Arm.IsRandom).GroupBy(a => (Group: a.Arm.Group ?? a.Arm.Name, a.Arm.Kind, a.Arm.Concept)).Select(group => new DrawsResult(
            group.Key.Group, group.Key.Kind, group.Key.Concept, group.Count(),
            Measure.All.ToDictionary(m => m.Name, m => Spread.Of(group.Select(a => a.All.Means[m.Name]))),
            Measure.All.ToDictionary(m => m.Name, m => Spread.Of(group.Select(a => a.All.Differences[m.Name].Estimate.Mean)))));
}
