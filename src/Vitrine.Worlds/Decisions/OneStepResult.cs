using System.Text.Json.Serialization;
using Vitrine.Mechanisms.Causes;
using Vitrine.Mechanisms.Statistics;

namespace Vitrine.Worlds.Decisions;

/// <summary>What one part of the network does to the metric, asked in three ways.</summary>
/// <param name="Component">Which component.</param>
/// <param name="Layer">From 0; null for all layers together.</param>
/// <param name="MeanDifference">The mean difference that the word makes here, added.</param>
/// <param name="Sufficient">The part's output alone, put in state by state from the run with the word.</param>
/// <param name="Necessary">What remains of the word where the part is held at the run without it; near 0 means needed.</param>
public sealed record PartEstimate(Component Component, int? Layer, Estimate MeanDifference, Estimate Sufficient, Estimate Necessary);

/// <summary>A control of the one-step experiment.</summary>
/// <param name="Name">For tables.</param>
/// <param name="Effect">Where the control is one arm.</param>
/// <param name="Draws">The draws' means where it is random.</param>
public sealed record ControlEstimate(string Name, Estimate? Effect, IReadOnlyList<double>? Draws)
{
    /// <summary>The range of the draws; null where there are none, or one was not measured.</summary>
    [JsonIgnore]
    public Spread? Range => Draws is { Count: > 0 } draws && draws.All(double.IsFinite) ? Spread.Of(draws) : null;
}

/// <summary>All that one decision says about a concept, in the metric's units.</summary>
/// <param name="Concept">Its name.</param>
/// <param name="Metric">What was measured, in words.</param>
/// <param name="States">How many states.</param>
/// <param name="Baseline">The metric's mean without any change.</param>
/// <param name="Prompt">What the word changes; shares are shares of its mean.</param>
/// <param name="Parts">By component and layer.</param>
/// <param name="Controls">Zero dose, the clamp, and the random draws.</param>
public sealed record OneStepResult(
    string Concept, string Metric, int States, double Baseline, Estimate Prompt, IReadOnlyList<PartEstimate> Parts, IReadOnlyList<ControlEstimate> Controls)
{
    /// <summary>Puts intervals around what was measured state by state.</summary>
    /// <param name="concept">Name of the concept.</param>
    /// <param name="metric">What was measured, in words.</param>
    /// <param name="edits">What was asked.</param>
    /// <param name="effects">What came of it.</param>
    public static OneStepResult Of(string concept, string metric, ConceptEdits edits, OneStepEffects effects)
    {
        ArgumentNullException.ThrowIfNull(edits);
        ArgumentNullException.ThrowIfNull(effects);
        return new OneStepResult(
            concept, metric, effects.Baseline.Count, effects.Baseline.Average(), Estimated(effects.Word),
            [.. effects.Parts.Select(p => new PartEstimate(p.Component, p.Layer, Estimated(p.MeanDifference), Estimated(p.Sufficient),
                Estimated(p.Necessary)))],
            [
                new ControlEstimate("zero dose", Estimated(effects.ZeroDose), null),
                new ControlEstimate($"lexical clamp, {edits.Clamp.Neurons.Count} neurons at {edits.Dose}", Estimated(effects.Clamp), null),
                new ControlEstimate("matched-random clamps", null, Means(effects.MatchedRandom)),
                .. effects.RandomDirections.Select(d => new ControlEstimate($"random directions, {NameOf(d.Component)}, same norms", null, Means(d.Draws))),
            ]);
    }

    /// <summary>A component in words.</summary>
    public static string NameOf(Component component) => component switch
    {
        Component.Attention => "attention",
        Component.FeedForward => "feed-forward",
        _ => "residual",
    };

    private static Estimate Estimated(IReadOnlyList<double> differences) => PairedBootstrap.MeanDifference(differences);

    private static double[] Means(IReadOnlyList<IReadOnlyList<double>> draws) => [.. draws.Select(d => d.Average())];
}
