using Vitrine.Mechanisms.Causes;
using Vitrine.Worlds.Statistics;

namespace Vitrine.Worlds.Decisions;

/// <summary>Which part carries a word in one decision, judged by the controls.</summary>
/// <param name="Concept">Its name.</param>
/// <param name="Carrier">The component of one layer that gives most of the word's effect when it alone is put in.</param>
/// <param name="Word">What the word changes.</param>
/// <param name="IsEffect">
/// Whether that counts: the interval leaves zero out, and the mean lies outside what random draws do. Without draws nothing counts.
/// </param>
public sealed record OneStepVerdict(string Concept, PartEstimate Carrier, Estimate Word, bool IsEffect)
{
    /// <summary>Share of the word's effect that the carrier gives when put in; null where the word changes nothing on average.</summary>
    public double? Sufficient => ShareOf(Carrier.Sufficient);

    /// <summary>Share that remains when it is held back; null likewise.</summary>
    public double? Necessary => ShareOf(Carrier.Necessary);

    /// <summary>Share that its mean difference gives; null likewise.</summary>
    public double? MeanDifference => ShareOf(Carrier.MeanDifference);

    /// <summary>The verdict on a result.</summary>
    /// <exception cref="VitrineException">No part of a single layer was measured.</exception>
    public static OneStepVerdict Of(OneStepResult result)
    {
        ArgumentNullException.ThrowIfNull(result);
        var whole = result.Prompt.Mean;
        var carrier = result.Parts.Where(p => p.Layer is not null && p.Component != Component.Residual)
            .MaxBy(p => whole == 0 ? Math.Abs(p.Sufficient.Mean) : p.Sufficient.Mean / whole)
            ?? throw new VitrineException($"one step, '{result.Concept}': no component of a single layer was measured.");
        Spread[] random = [.. result.Controls.Select(c => c.Range).OfType<Spread>()];
        var outside = random.Length > 0 && (random.All(r => carrier.Sufficient.Mean > r.Largest) || random.All(r => carrier.Sufficient.Mean < r.Smallest));
        return new OneStepVerdict(result.Concept, carrier, result.Prompt, carrier.Sufficient.ExcludesZero && outside);
    }

    private double? ShareOf(Estimate part) => Word.Mean == 0 ? null : part.Mean / Word.Mean;
}
