using Vitrine.Mechanisms.Statistics;
using Vitrine.Worlds.Studies;

namespace Vitrine.Views;

/// <summary>A line of a study's drawing: an arm, or a group of random draws.</summary>
internal sealed class StudyLine
{
    private readonly ShownStudy study;
    private readonly ArmResult? arm;
    private readonly DrawsResult? draws;

    private StudyLine(ShownStudy study, ArmResult? arm, DrawsResult? draws) => (this.study, this.arm, this.draws) = (study, arm, draws);

    public string Name => arm?.Arm.Name ?? draws!.Group;

    public string Concept => study.Result.Study;

    public bool IsControl => arm is null || arm.Arm.IsControl;

    public bool IsBaseline => arm?.Arm.Kind == ArmKind.Baseline;

    public int Episodes => arm?.All.Success.Count ?? Drawn.Sum(a => a.All.Success.Count);

    /// <summary>Success with Wilson's interval; of draws their mean, with the range.</summary>
    public Estimate Success => arm is { All.Success: var success } ? new(success.Rate ?? double.NaN, success.Low, success.High)
        : draws!.Means.TryGetValue("success", out var spread) ? new(spread.Mean, spread.Smallest, spread.Largest)
        : new(double.NaN, double.NaN, double.NaN);

    /// <summary>How many draws a range stands for.</summary>
    public int Draws => draws?.Draws ?? 0;

    /// <summary>The range of the draws' success rates.</summary>
    public Spread? SuccessRange => draws?.Means.GetValueOrDefault("success");

    /// <summary>Adjusted for the number of edits; null where there is none.</summary>
    public double? AdjustedP => arm?.All.Differences.GetValueOrDefault(study.Measure)?.AdjustedP;

    private ArmResult[] Drawn
        => [.. study.Result.Arms.Where(a => a.Arm.IsRandom && a.Arm.Kind == draws?.Kind && a.Arm.Concept == draws.Concept && (
            a.Arm.Group ?? a.Arm.Name) == draws.Group)];

    /// <summary>Single arms, then groups of draws.</summary>
    public static IEnumerable<StudyLine> Of(ShownStudy study)
        => study.Result.Arms.Where(a => !a.Arm.IsRandom).Select(a => new StudyLine(study, a, null))
            .Concat(study.Result.Draws.Select(d => new StudyLine(study, null, d)));

    /// <summary>Change against the baseline; null for draws, and where it was not measured.</summary>
    public Estimate? Change(string measure) => arm?.All.Differences.GetValueOrDefault(measure)?.Estimate;

    /// <summary>The range of the draws' changes; null for an arm.</summary>
    public Spread? Range(string measure) => draws?.Differences.GetValueOrDefault(measure);

    /// <summary>Success rate by task.</summary>
    public IReadOnlyDictionary<string, double> SuccessByTask()
    {
        ArmResult[] arms = arm is null ? Drawn : [arm];
        return arms.Length == 0
            ? new Dictionary<string, double>()
            : arms[0].ByTask.Keys.Select(task => (Task: task, Rate: arms.Average(a => a.ByTask[task].Success.Rate))).Where(t => t.Rate is not null)
                .ToDictionary(t => t.Task, t => t.Rate!.Value);
    }
}
