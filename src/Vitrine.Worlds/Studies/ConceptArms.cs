using Vitrine.Mechanisms.Causes;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;

namespace Vitrine.Worlds.Studies;

/// <summary>The arms of a study of one concept: its edits with every control that a claim about them needs.</summary>
public static class ConceptArms
{
    /// <summary>Name of the arm in which the concept's neurons are held.</summary>
    public const string LexicalClamp = "lexical clamp";

    /// <summary>Name of the arm in which what the word changes in all attention outputs, on average over states, is added.</summary>
    public const string AttentionMeanDifference = "attention mean difference";

    /// <summary>Name of the arm in which what the word changes in all feed-forward outputs, on average over states, is added.</summary>
    public const string FeedForwardMeanDifference = "feed-forward mean difference";

    /// <summary>All edits of a concept: clamp and mean differences; baseline, zero dose, the word said, matched random neurons, random directions.</summary>
    /// <param name="concept">Its name.</param>
    /// <param name="edits">At least <see cref="Study.FewestRandomDraws"/> draws.</param>
    public static IReadOnlyList<Arm> Of(string concept, ConceptEdits edits)
    {
        ArgumentNullException.ThrowIfNull(edits);
        return
        [
            Baseline,
            NewArm(
                concept, "zero dose", ArmKind.ZeroDose,
                new RunPlan { Edits = [.. edits.ClampControls.ZeroDose, .. edits.MeanDifference(Component.Attention, factor: 0).Edits] }),
            Said(concept, edits.Word),
            NewArm(concept, LexicalClamp, ArmKind.Edit, RunPlan.Editing(edits.Clamp)),
            NewArm(concept, AttentionMeanDifference, ArmKind.Edit, edits.MeanDifference(Component.Attention)),
            NewArm(concept, FeedForwardMeanDifference, ArmKind.Edit, edits.MeanDifference(Component.FeedForward)),
            .. MatchedRandom(concept, edits.ClampControls),
            .. Enumerable.Range(0, edits.Draws).Select(d => NewArm(
                concept, $"random direction {d + 1}", ArmKind.RandomDirection,
                edits.RandomDirection(d, Component.Attention)) with { Group = "random directions, attention" }),
        ];
    }

    /// <summary>A clamp alone: baseline, zero dose, the word said where there is one, the clamp, matched random neurons.</summary>
    /// <param name="concept">Its name.</param>
    /// <param name="clamp">Of the concept's neurons.</param>
    /// <param name="controls">Of the clamp; at least <see cref="Study.FewestRandomDraws"/> draws.</param>
    /// <param name="word">What is said for the concept; null to say nothing.</param>
    public static IReadOnlyList<Arm> Of(string concept, Clamp clamp, ClampControls controls, string? word = null)
    {
        ArgumentNullException.ThrowIfNull(clamp);
        ArgumentNullException.ThrowIfNull(controls);
        return
        [
            Baseline,
            NewArm(concept, "zero dose", ArmKind.ZeroDose, new RunPlan { Edits = controls.ZeroDose }),
            .. word is null ? Array.Empty<Arm>() : [Said(concept, word)],
            NewArm(concept, LexicalClamp, ArmKind.Edit, RunPlan.Editing(clamp)),
            .. MatchedRandom(concept, controls),
        ];
    }

    private static Arm Baseline => new() { Name = "no edit", Kind = ArmKind.Baseline };

    private static Arm Said(string concept, string word) => new() { Name = $"say '{word}'", Kind = ArmKind.Prompt, Concept = concept, Word = word };

    private static IEnumerable<Arm> MatchedRandom(string concept, ClampControls controls)
        => controls.MatchedRandom.Select((clamp, d) => NewArm(concept, $"matched random {d + 1}", ArmKind.MatchedRandom, RunPlan.Editing(clamp)))
            .Select(arm => arm with { Group = "matched-random clamps" });

    private static Arm NewArm(string concept, string name, ArmKind kind, RunPlan plan) => new() { Name = name, Kind = kind, Concept = concept, Plan = plan };
}
