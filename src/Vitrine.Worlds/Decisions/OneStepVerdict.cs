using Vitrine.Mechanisms.Causes;
using Vitrine.Mechanisms.Statistics;
using Vitrine.Worlds.Studies;

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
    /// <summary>The component of one layer whose mean difference, one fixed vector for all states, gives most of the word's effect.</summary>
    public required PartEstimate Direction { get; init; }

    /// <summary>Whether that counts, by the same rule.</summary>
    public required bool HasDirection { get; init; }

    /// <summary>Share of the word's effect that the fixed vector gives; null where the word changes nothing on average.</summary>
    public double? DirectionShare => ShareOf(Direction.MeanDifference);

    /// <summary>What random draws do, over all of them, in the measure's unit; null where there are none.</summary>
    public Spread? Random { get; init; }

    /// <summary>Shown or not; one decision has no success.</summary>
    public VerdictClass Class => IsEffect ? VerdictClass.Shown : VerdictClass.NotShown;

    /// <summary>Share of the word's effect that the carrier gives when put in; null likewise.</summary>
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
        PartEstimate[] parts = [.. result.Parts.Where(p => p.Layer is not null && p.Component != Component.Residual)];
        if (parts.Length == 0)
        {
            throw new VitrineException($"one step, '{result.Concept}': no component of a single layer was measured.");
        }

        Spread[] random = [.. result.Controls.Select(c => c.Range).OfType<Spread>()];
        var whole = result.Prompt.Mean;
        var carrier = parts.MaxBy(p => Rank(p.Sufficient))!;
        var direction = parts.MaxBy(p => Rank(p.MeanDifference))!;
        return new OneStepVerdict(result.Concept, carrier, result.Prompt, Counts(carrier.Sufficient))
        {
            Direction = direction,
            HasDirection = Counts(direction.MeanDifference),
            Random = random.Length == 0 ? null : Spread.Of([.. result.Controls.Where(c => c.Range is not null).SelectMany(c => c.Draws!)]),
        };

        double Rank(Estimate effect) => whole == 0 ? Math.Abs(effect.Mean) : effect.Mean / whole;

        bool Counts(Estimate effect) => effect.ExcludesZero && random.Length > 0
            && (random.All(r => effect.Mean > r.Largest) || random.All(r => effect.Mean < r.Smallest));
    }

    private double? ShareOf(Estimate part) => Word.Mean == 0 ? null : part.Mean / Word.Mean;
}
