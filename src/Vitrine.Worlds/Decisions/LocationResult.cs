using Vitrine.Mechanisms.Causes;
using Vitrine.Mechanisms.Experts;
using Vitrine.Mechanisms.Statistics;
using Vitrine.Worlds.Studies;

namespace Vitrine.Worlds.Decisions;

/// <summary>What one head does to the metric, asked in three ways.</summary>
/// <param name="Layer">From 0.</param>
/// <param name="Head">From 0.</param>
/// <param name="MeanDifference">The mean difference that the word makes here, added.</param>
/// <param name="Sufficient">The head's output alone, put in state by state from the run with the word.</param>
/// <param name="Necessary">What remains of the word where the head is held at the run without it.</param>
public sealed record HeadEstimate(int Layer, int Head, Estimate MeanDifference, Estimate Sufficient, Estimate Necessary);

/// <summary>How far a decision goes away without a part.</summary>
/// <param name="Part">What is left out.</param>
/// <param name="Change">Root mean square of the motion's change, in the robot's units.</param>
public sealed record AblationEstimate(LeftOut Part, Estimate Change);

/// <summary>Where a word acts: in one decision by component, layer and head, by rows of the prompt where an expert reads them, and in closed loop.</summary>
/// <param name="Word">What is said.</param>
/// <param name="Without">What is said instead in the other run; null for nothing.</param>
/// <param name="Decision">Components by layer.</param>
/// <param name="Heads">Heads by layer; none where they were not asked.</param>
/// <param name="Rows">Rows of the prompt by layer of the expert; null for other policies, or where no other word was said.</param>
/// <param name="ClosedLoop">Arms of the moving robot; null where none were run.</param>
public sealed record LocationResult(
    string Word, string? Without, OneStepResult Decision, IReadOnlyList<HeadEstimate> Heads, PrefixSwapResult? Rows = null, StudyResult? ClosedLoop = null)
{
    /// <summary>How far a decision with the word said goes away without each part; none where it was not asked.</summary>
    public IReadOnlyList<AblationEstimate> Ablations { get; init; } = [];

    /// <summary>Where the expert looks, layer by layer; none of a policy without one.</summary>
    public IReadOnlyList<ExpertLook> Looks { get; init; } = [];

    /// <summary>The verdict on the component of one layer that carries the word; see <see cref="OneStepVerdict"/>.</summary>
    public OneStepVerdict Verdict => OneStepVerdict.Of(Decision);

    /// <summary>Puts intervals around what was measured state by state.</summary>
    /// <param name="word">What is said.</param>
    /// <param name="without">What is said instead; null for nothing.</param>
    /// <param name="metric">What was measured, in words.</param>
    /// <param name="effects">What came of it.</param>
    public static LocationResult Of(string word, string? without, string metric, LocatedEffects effects)
    {
        ArgumentNullException.ThrowIfNull(effects);
        return new LocationResult(
            word, without,
            new OneStepResult(
                word, metric, effects.Baseline.Count, effects.Baseline.Average(), Estimated(effects.Word),
                [
                    .. effects.Parts.Where(p => p.Head is null).Select(p => new PartEstimate(
                        p.Component, p.Layer, Estimated(p.MeanDifference), Estimated(p.Sufficient), Estimated(p.Necessary))),
                ],
                [
                    new ControlEstimate("zero dose", Estimated(effects.ZeroDose), null),
                    .. effects.RandomDirections.Select(d => new ControlEstimate(
                        $"random directions, {OneStepResult.NameOf(d.Component)}, same norms", null, [.. d.Draws.Select(x => x.Average())])),
                ]),
            [
                .. effects.Parts.Where(p => p.Head is not null).Select(p => new HeadEstimate(
                    p.Layer!.Value, p.Head!.Value, Estimated(p.MeanDifference), Estimated(p.Sufficient), Estimated(p.Necessary))),
            ]);
    }

    /// <summary>Puts intervals around what was measured state by state.</summary>
    /// <param name="effects">What came of the ablations.</param>
    public static IReadOnlyList<AblationEstimate> Of(IReadOnlyList<AblationEffect> effects)
        => [.. effects.Select(e => new AblationEstimate(e.Part, Estimated(e.Changes)))];

    private static Estimate Estimated(IReadOnlyList<double> differences) => PairedBootstrap.MeanDifference(differences);
}
