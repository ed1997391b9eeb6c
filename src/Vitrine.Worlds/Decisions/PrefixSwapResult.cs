using Vitrine.Mechanisms.Causes;
using Vitrine.Mechanisms.Statistics;
using Vitrine.Policies;
using Vitrine.Policies.Flow;
using Vitrine.Worlds.Studies;

namespace Vitrine.Worlds.Decisions;

/// <summary>What some rows of a prompt do in one decision, with intervals over states.</summary>
/// <param name="Rows">Which rows.</param>
/// <param name="Layer">Of the expert, from 0; null for all layers together.</param>
/// <param name="Sufficient">They alone are read of the other word's prompt.</param>
/// <param name="Necessary">What remains of the word's effect where all but they are; null where that was not asked.</param>
public sealed record SwapEstimate(SwappedRows Rows, int? Layer, Estimate Sufficient, Estimate? Necessary);

/// <summary>What some rows of a prompt do in one decision, read of the other word's prompt in several layers, with an interval over states.</summary>
/// <param name="Rows">Which rows.</param>
/// <param name="Name">The layers in words.</param>
/// <param name="Layers">The layers, from 0.</param>
/// <param name="Sufficient">They alone are read of the other word's prompt.</param>
public sealed record SwapRangeEstimate(SwappedRows Rows, string Name, IReadOnlyList<int> Layers, Estimate Sufficient);

/// <summary>Which rows of a prompt, read in which layer of an expert, carry a word in one decision.</summary>
/// <param name="Concept">Its name.</param>
/// <param name="Own">The word that is said.</param>
/// <param name="Other">The word whose keys and values are read.</param>
/// <param name="Metric">What was measured, in words.</param>
/// <param name="States">How many states.</param>
/// <param name="Word">What saying the other word changes; shares are shares of its mean.</param>
/// <param name="Parts">By rows and layer.</param>
/// <param name="At">The layer of the random directions, which was chosen on other states.</param>
/// <param name="Controls">Zero dose, and the word's row moved as far in random directions.</param>
public sealed record PrefixSwapResult(
    string Concept, string Own, string Other, string Metric, int States, Estimate Word, IReadOnlyList<SwapEstimate> Parts, int At,
    IReadOnlyList<ControlEstimate> Controls)
{
    /// <summary>By rows and several layers: those that read the prompt alone, those that read the chunk too, and all from one on.</summary>
    public IReadOnlyList<SwapRangeEstimate> Ranges { get; init => field = value ?? []; } = [];

    /// <summary>The word's row in the layer that was chosen.</summary>
    public SwapEstimate Carrier => Parts.Single(p => p.Rows == SwappedRows.Words && p.Layer == At);

    /// <summary>
    /// Shown where the interval of <see cref="Carrier"/> leaves zero out and its mean lies outside what random directions do; without draws nothing counts.
    /// </summary>
    public VerdictClass Class => Carrier.Sufficient.ExcludesZero && Controls.Select(c => c.Range).OfType<Spread>().ToArray() is { Length: > 0 } random
        && (random.All(r => Carrier.Sufficient.Mean > r.Largest) || random.All(r => Carrier.Sufficient.Mean < r.Smallest))
            ? VerdictClass.Shown
            : VerdictClass.NotShown;

    /// <summary>Measures a word: the layer is chosen on states that serve for nothing else.</summary>
    /// <param name="policy">Whose expert.</param>
    /// <param name="word">Name of the concept, the word that is said, and the word whose keys and values are read.</param>
    /// <param name="metric">Of the decided action, and what it is in words.</param>
    /// <param name="selection">States to choose the layer in.</param>
    /// <param name="testing">States to measure in.</param>
    /// <param name="draws">Random directions.</param>
    /// <param name="progress">From 0 to 1.</param>
    /// <param name="cancellation">Stops between states.</param>
    public static PrefixSwapResult Measured(
        FlowPolicy policy, (string Concept, string Own, string Other) word, (ActionMetric Of, string Name) metric, IReadOnlyList<Observation> selection,
        IReadOnlyList<Observation> testing, int draws, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        var layer = new PrefixSwapExperiment(policy, selection, word.Own, word.Other).CarryingLayer(metric.Of, cancellation);
        var effects = new PrefixSwapExperiment(policy, testing, word.Own, word.Other).Run(metric.Of, layer, draws, progress, cancellation);
        return Of(word.Concept, word.Own, word.Other, metric.Name, effects);
    }

    /// <summary>Puts intervals around what was measured state by state.</summary>
    /// <param name="concept">Name of the concept.</param>
    /// <param name="own">The word that is said.</param>
    /// <param name="other">The word whose keys and values are read.</param>
    /// <param name="metric">What was measured, in words.</param>
    /// <param name="effects">What came of it.</param>
    public static PrefixSwapResult Of(string concept, string own, string other, string metric, PrefixSwapEffects effects)
    {
        ArgumentNullException.ThrowIfNull(effects);
        return new PrefixSwapResult(
            concept, own, other, metric, effects.Baseline.Count, Estimated(effects.Word),
            [.. effects.Parts.Select(p => new SwapEstimate(p.Rows, p.Layer, Estimated(p.Sufficient), p.Necessary is { } left ? Estimated(left) : null))],
            effects.At,
            [
                new ControlEstimate("zero dose", Estimated(effects.ZeroDose), null),
                new ControlEstimate($"random directions of the same size, layer {effects.At}", null, [.. effects.RandomDirections.Select(d => d.Average())]),
            ])
        {
            Ranges = [.. effects.Ranges.Select(r => new SwapRangeEstimate(r.Rows, r.Name, r.Layers, Estimated(r.Sufficient)))],
        };
    }

    /// <summary>Rows in words.</summary>
    public static string NameOf(SwappedRows rows) => rows switch
    {
        SwappedRows.Words => "the word’s row",
        SwappedRows.State => "the state’s row",
        SwappedRows.Image => "the picture’s rows",
        SwappedRows.All => "every row",
        SwappedRows.Keys => "every row, keys alone",
        SwappedRows.Values => "every row, values alone",
        SwappedRows.Random => "the word’s row, in a random direction",
        _ => "all rows but the word’s",
    };

    private static Estimate Estimated(IReadOnlyList<double> differences) => PairedBootstrap.MeanDifference(differences);
}
