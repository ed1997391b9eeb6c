using Vitrine.Mechanisms.Statistics;
using Vitrine.Worlds.Studies.Files;

namespace Vitrine.Worlds.Studies;

/// <summary>Compares the edits of a study file with the baseline, planned comparisons first.</summary>
/// <param name="file">What was planned.</param>
/// <param name="run">All episodes.</param>
/// <param name="result">Of the run.</param>
/// <param name="looks">What was seen before the end: then they decide what is significant.</param>
internal sealed class ArmComparisons(StudyFile file, StudyRun run, StudyResult result, IReadOnlyList<StudyLook> looks)
{
    private const int Resamples = 2000;

    private readonly IReadOnlyList<Episode> baseline = run.Arms.Single(a => a.Arm.Kind == ArmKind.Baseline).Episodes;

    /// <summary>What the file decides on: arm and measure. The arm of a swap may name the layer that was found.</summary>
    public static IReadOnlyList<(string Arm, string Measure)> Planned(StudyFile file, IReadOnlyList<ArmLabel> arms) => file.Comparisons.Count > 0
        ? [.. file.Comparisons.Select(c => (arms.Any(a => a.Name == c.Condition) ? c.Condition : arms.First(a => a.Kind == ArmKind.Edit).Name, c.Measure))]
        : [.. arms.Where(a => a.Kind == ArmKind.Edit).SelectMany(a => file.Measures.Select(m => (a.Name, m)))];

    /// <summary>All comparisons.</summary>
    /// <param name="also">Further measures, of every edit.</param>
    public IReadOnlyList<ArmComparison> All(IReadOnlyList<string> also)
    {
        var labels = run.Arms.Select(a => a.Arm).ToArray();
        var planned = Planned(file, labels);
        var adjusted = Holm.Adjust([.. planned.Select(c => P(c.Arm, c.Measure))]);
        var further = labels.Where(a => a.Kind == ArmKind.Edit).SelectMany(a => also.Select(m => (Arm: a.Name, Measure: Measure.Named(m).Name)))
            .Except(planned).ToArray();
        return [.. planned.Select((c, i) => Of(c.Arm, c.Measure, adjusted[i])), .. further.Select(c => Of(c.Arm, c.Measure, null))];
    }

    private double P(string arm, string measure) => ResultOf(arm).All.Differences[measure].P;

    private ArmResult ResultOf(string arm) => result.Arms.FirstOrDefault(a => a.Arm.Name == arm)
        ?? throw new VitrineException($"study '{file.Name}': has no arm '{arm}', only {string.Join(", ", result.Arms.Select(a => a.Arm.Name))}.");

    private ArmComparison Of(string name, string measure, double? adjusted)
    {
        var (arm, episodes, read) = (ResultOf(name), run.Arms.Single(a => a.Arm.Name == name).Episodes, Measure.Named(measure));
        var judged = Verdict.Of(result, measure).Single(v => v.Arm.Name == name);
        double[] with = [.. episodes.Select(read.Of)], without = [.. baseline.Select(read.Of)];
        double[] differences = [.. with.Zip(without, (a, b) => a - b)];
        var isSignificant = adjusted is not null
            && (looks.Count == 0 ? adjusted <= file.Alpha : looks[^1].Crossed.Contains(StudyHome.NameOf(name, measure)));
        return new ArmComparison
        {
            Concept = arm.Arm.Concept!,
            Arm = name,
            Measure = measure,
            IsExploratory = adjusted is null,
            Layouts = episodes.Count,
            Baseline = without.Average(),
            Mean = with.Average(),
            Change = judged.Change,
            P = arm.All.Differences[measure].P,
            AdjustedP = adjusted,
            IsSignificant = isSignificant,
            EffectSize = differences.Length > 1 && differences.Distinct().Count() > 1 ? EffectSize.PairedDz(with, without) : null,
            CliffsDelta = EffectSize.CliffsDelta(with, without),
            Selectivity = SelectivityOf(episodes, measure, judged.Said),
            Word = judged.Said,
            MatchedRandom = Drawn(arm.Arm.Concept, ArmKind.MatchedRandom, measure),
            RandomDirection = Drawn(arm.Arm.Concept, ArmKind.RandomDirection, measure),
            Reversed = judged.Reversed,
            ZeroDose = judged.ZeroDose,
            Success = judged.Success,
            BaselineSuccess = judged.BaselineSuccess,
            SuccessChange = judged.SuccessChange,
            SuccessP = Successes(episodes, baseline).McNemarExact().P,
            Verdict = isSignificant ? judged.Class : VerdictClass.NotShown,
        };
    }

    /// <summary>Layouts that both arms solve, the first alone, the second alone, neither.</summary>
    internal static ContingencyTable Successes(IReadOnlyList<Episode> first, IReadOnlyList<Episode> second)
    {
        var pairs = first.Zip(second, (a, b) => (a.Succeeded, Other: b.Succeeded)).ToArray();
        return new(Count(true, true), Count(true, false), Count(false, true), Count(false, false));

        int Count(bool a, bool b) => pairs.Count(p => p == (a, b));
    }

    private Spread? Drawn(string? concept, ArmKind kind, string measure)
        => result.Arms.Where(a => a.Arm.Kind == kind && a.Arm.Concept == concept).Select(a => a.All.Differences[measure].Estimate.Mean).ToArray() is
        { Length: > 0 } means
            ? Spread.Of(means)
            : null;

    /// <remarks>
    /// Movements are in lengths, so that they can be compared: a height as it is, a speed as the distance over its first steps. Layouts are resampled together;
    /// which unintended measure moves most is settled by the sample itself.
    /// </remarks>
    private Selectivity? SelectivityOf(IReadOnlyList<Episode> episodes, string measure, Estimate? said)
    {
        (string Name, double[] Moved)[] moved =
        [
            (Measure.Speed.Name, Movement(Measure.Speed, Measure.Speed.FirstSteps!.Value)), (Measure.Height.Name, Movement(Measure.Height, 1)),
        ];
        if (!Array.Exists(moved, m => m.Name == measure))
        {
            return null;
        }

        var intended = moved.Single(m => m.Name == measure).Moved;
        var most = moved.Where(m => m.Name != measure).MaxBy(m => Math.Abs(m.Moved.Average()));
        var (towards, aside) = (Math.Sign(said is { Mean: not 0 } word ? word.Mean : intended.Average()), Math.Sign(most.Moved.Average()));
        double[] difference = [.. intended.Zip(most.Moved, (i, u) => (towards * i) - (aside * u))];
        return new Selectivity(
            PairedBootstrap.MeanDifference(difference, Resamples), towards * intended.Average(), Math.Abs(most.Moved.Average()), most.Name);

        double[] Movement(Measure of, int steps) => [.. episodes.Zip(baseline, (e, b) => steps * (of.Of(e) - of.Of(b)))];
    }
}
