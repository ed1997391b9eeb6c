using Vitrine.Mechanisms.Statistics;

namespace Vitrine.Worlds.Studies;

/// <summary>What an edit did to one measure, judged by its controls.</summary>
public sealed record Verdict
{
    /// <summary>An edit that moves the measure by less than this share of what the word does has been seen to do nothing.</summary>
    private const double Nothing = .1;

    /// <summary>The edit's arm.</summary>
    public required ArmLabel Arm { get; init; }

    /// <summary>The measure, by its name.</summary>
    public required string Measure { get; init; }

    /// <summary>Change against the baseline.</summary>
    public required Estimate Change { get; init; }

    /// <summary>The word that stands for the concept; null where no arm says one.</summary>
    public string? Word { get; init; }

    /// <summary>What saying that word changes.</summary>
    public Estimate? Said { get; init; }

    /// <summary>What random draws change, over all draws of the concept; null where there are none.</summary>
    public Spread? Random { get; init; }

    /// <summary>What the edit with its sign reversed changes; null where no arm reverses it.</summary>
    public Estimate? Reversed { get; init; }

    /// <summary>What the zero dose changes; null where there is none. It must be nothing.</summary>
    public Estimate? ZeroDose { get; init; }

    /// <summary>Success under the edit.</summary>
    public required Proportion Success { get; init; }

    /// <summary>Success of the baseline.</summary>
    public required Proportion BaselineSuccess { get; init; }

    /// <summary>Change of the success rate against the baseline, layout by layout.</summary>
    public required Estimate SuccessChange { get; init; }

    /// <summary>Its class: whether it moves the measure, and if so, whether the paired interval of success lies below zero.</summary>
    public VerdictClass Class => !IsEffect ? VerdictClass.NotShown : SuccessChange.High < 0 ? VerdictClass.BreaksTask : VerdictClass.Shown;

    /// <summary>Whether the whole interval lies within a tenth of what the word does.</summary>
    /// <remarks>It was then seen to do nothing, which says more than that it was not seen to do something.</remarks>
    public bool IsNothing => Said is { } said && Math.Max(Math.Abs(Change.Low), Math.Abs(Change.High)) < Nothing * Math.Abs(said.Mean);

    /// <summary>
    /// Whether it moves the measure: the interval leaves zero out, the mean lies outside what random draws do, and neither the zero dose nor the reversed sign
    /// moves it as far in the same direction. Without draws nothing counts.
    /// </summary>
    public bool IsEffect
        => Change.ExcludesZero && Random is { } random && (Change.Mean > random.Largest || Change.Mean < random.Smallest)
            && !MovesAlike(Reversed) && !MovesAlike(ZeroDose);

    /// <summary>Whether a control moves the measure as far as the edit, to the same side.</summary>
    private bool MovesAlike(Estimate? control) => control is { ExcludesZero: true } && control.Mean / Change.Mean >= 1;

    /// <summary>The change as a share of what the word does; null where no word was said, or saying it changes nothing on average.</summary>
    public double? ShareOfWord => Said is { Mean: not 0 } said ? Change.Mean / said.Mean : null;

    /// <summary>The verdicts on all edits of a study, in its order.</summary>
    /// <param name="study">What was found.</param>
    /// <param name="measure">One of <see cref="Worlds.Measure.All"/>, by name.</param>
    /// <exception cref="VitrineException">There is no such measure, or no baseline.</exception>
    public static IReadOnlyList<Verdict> Of(StudyResult study, string measure)
    {
        ArgumentNullException.ThrowIfNull(study);
        _ = Worlds.Measure.Named(measure);
        var baseline = study.Arms.FirstOrDefault(a => a.Arm.Kind == ArmKind.Baseline)
            ?? throw new VitrineException($"study '{study.Study}': has no baseline to judge by.");
        return [.. study.Arms.Where(a => a.Arm.Kind == ArmKind.Edit).Select(edit => Of(study, edit, baseline, measure))];
    }

    private static Verdict Of(StudyResult study, ArmResult edit, ArmResult baseline, string measure)
    {
        var said = study.Arms.FirstOrDefault(a => a.Arm.Kind == ArmKind.Prompt && a.Arm.Concept == edit.Arm.Concept);
        return new Verdict
        {
            Arm = edit.Arm,
            Measure = measure,
            Change = edit.All.Differences[measure].Estimate,
            Word = said?.Arm.Word,
            Said = said?.All.Differences[measure].Estimate,
            Random = Over([.. study.Draws.Where(d => d.Concept == edit.Arm.Concept)], measure),
            Reversed = study.Arms.FirstOrDefault(a => a.Arm.Kind == ArmKind.ReversedSign && a.Arm.Group == edit.Arm.Name)?.All.Differences[measure].Estimate,
            ZeroDose = study.Arms.FirstOrDefault(a => a.Arm.Kind == ArmKind.ZeroDose && a.Arm.Concept == edit.Arm.Concept)?.All.Differences[measure].Estimate,
            Success = edit.All.Success,
            BaselineSuccess = baseline.All.Success,
            SuccessChange = edit.All.Differences[Worlds.Measure.Success.Name].Estimate,
        };
    }

    private static Spread? Over(DrawsResult[] groups, string measure) => groups.Length == 0 ? null : new Spread(
        groups.Sum(g => g.Draws * g.Differences[measure].Mean) / groups.Sum(g => g.Draws),
        groups.Min(g => g.Differences[measure].Smallest),
        groups.Max(g => g.Differences[measure].Largest));
}
