using System.Diagnostics;
using Vitrine.Mechanisms.Statistics;
using Vitrine.Policies;

namespace Vitrine.Worlds.Studies.Files;

/// <summary>What a study will cost and what it can find, told before it runs.</summary>
/// <param name="Registered">Hash of the study file.</param>
/// <param name="Arms">Controls included.</param>
/// <param name="Layouts">Of every arm.</param>
/// <param name="Episodes">In all.</param>
/// <param name="ControlSteps">At most.</param>
/// <param name="ExpectedSteps">As long as the pilot's episodes last.</param>
/// <param name="Seconds">About, with one worker, as fast as the pilot ran; a pilot's batches are smaller, so it is rather less.</param>
/// <param name="PilotEpisodes">Episodes of the pilot, on selection layouts.</param>
/// <param name="Powers">One a planned comparison.</param>
/// <param name="Strengths">How strong the conditions are in one decision.</param>
public sealed record StudyCheck(
    string Registered, int Arms, int Layouts, int Episodes, long ControlSteps, long ExpectedSteps, double Seconds, int PilotEpisodes,
    IReadOnlyList<ComparisonPower> Powers, IReadOnlyList<ConditionStrength> Strengths)
{
    /// <summary>Checks a study file with a short pilot on selection layouts: the baseline and the edits, no controls.</summary>
    /// <param name="file">The study file.</param>
    /// <param name="planned">Made of it.</param>
    /// <param name="policy">Who acts.</param>
    /// <param name="pilotLayouts">Of each task.</param>
    /// <param name="stated">Deviations of paired differences by measure, which take the pilot's place.</param>
    /// <param name="progress">Told after every chunk.</param>
    /// <param name="cancellation">Stops.</param>
    public static async Task<StudyCheck> OfAsync(
        StudyFile file, PlannedStudy planned, Policy policy, int pilotLayouts = 2, IReadOnlyDictionary<string, double>? stated = null,
        IProgress<StudyProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(planned);
        var study = planned.Study;
        var pilot = study with
        {
            Name = $"{study.Name}, pilot",
            Split = LayoutSplit.Selection,
            LayoutsPerTask = pilotLayouts,
            Arms = [.. study.Arms.Where(a => a.Kind is ArmKind.Baseline or ArmKind.Edit)],
        };
        var runner = new StudyRunner(StudyHome.NewWorldOf(file));
        var clock = Stopwatch.StartNew();
        var run = await runner.PilotAsync(pilot, policy, progress, cancellation).ConfigureAwait(false);
        var seconds = clock.Elapsed.TotalSeconds;
        var steps = run.Arms.Sum(a => a.Episodes.Sum(e => (long)e.Steps));
        var episodes = study.Arms.Count * study.LayoutsPerTask * study.Tasks.Count;
        var ran = run.Arms.Sum(a => a.Episodes.Count);
        var expected = (long)Math.Round(episodes * (double)steps / ran);
        var comparisons = ArmComparisons.Planned(file, [.. study.Arms.Select(a => a.Label())]);
        return new StudyCheck(
            planned.Registered, study.Arms.Count, study.LayoutsPerTask * study.Tasks.Count, episodes, (long)episodes * study.StepLimit, expected,
            seconds * expected / Math.Max(1, steps), ran,
            [.. comparisons.Select(c => ComparisonPower.Of(file, run, c.Arm, c.Measure, comparisons.Count, stated))], planned.Strengths);
    }
}

/// <summary>What a planned comparison can find.</summary>
/// <param name="Arm">Name of the edit's arm.</param>
/// <param name="Measure">What is compared.</param>
/// <param name="Deviation">Of the paired differences: of the pilot, or stated.</param>
/// <param name="IsStated">Whether the deviation was stated.</param>
/// <param name="Detectable">
/// The smallest effect that is found with a power of .8; null where the differences do not vary, infinite where there are too few layouts for any.
/// </param>
/// <param name="Effect">The effect that the file names; null where it names none.</param>
/// <param name="Power">Share of simulated studies that find that effect; null where none is named, or the differences do not vary.</param>
/// <param name="Alpha">Of this comparison: the study's over the number of its comparisons.</param>
public sealed record ComparisonPower(
    string Arm, string Measure, double Deviation, bool IsStated, double? Detectable, double? Effect, Proportion? Power, double Alpha)
{
    internal static ComparisonPower Of(
        StudyFile file, StudyRun pilot, string arm, string measure, int comparisons, IReadOnlyDictionary<string, double>? stated)
    {
        var read = Worlds.Measure.Named(measure);
        var baseline = pilot.Arms.Single(a => a.Arm.Kind == ArmKind.Baseline).Episodes;
        var own = stated?.TryGetValue(measure, out var deviation) == true ? StudyPower.Stated(deviation) : null;
        var differences = own ?? [.. pilot.Arms.Single(a => a.Arm.Name == arm).Episodes.Zip(baseline, (a, b) => read.Of(a) - read.Of(b))];
        var (layouts, alpha) = (file.Layouts * file.Tasks.Count, file.Alpha / comparisons);
        var varies = differences.Count > 1 && differences.Distinct().Count() > 1;
        var effect = file.Comparisons.FirstOrDefault(c => c.Condition == arm && c.Measure == measure)?.Effect;
        return new ComparisonPower(
            arm, measure, differences.Count > 1 ? StudyPower.Deviation(differences) : 0, own is not null,
            varies ? StudyPower.Detectable(differences, layouts, alpha, seed: file.Seed) : null, effect,
            varies && effect is { } named ? StudyPower.Of(differences, named, layouts, alpha, seed: file.Seed) : null, alpha);
    }
}
