namespace Vitrine.Mechanisms.Causes;

/// <summary>What one part of the network does to a metric, asked in three ways; one number a state each.</summary>
/// <param name="Component">Which component.</param>
/// <param name="Layer">Which layer; null for all together.</param>
/// <param name="MeanDifference">Change where the mean difference that the word makes here is added.</param>
/// <param name="Sufficient">Change where its output alone is put in from the run with the word.</param>
/// <param name="Necessary">Change that remains of the word's where it is held at the run without.</param>
public sealed record PartEffects(
    Component Component, int? Layer, IReadOnlyList<double> MeanDifference, IReadOnlyList<double> Sufficient, IReadOnlyList<double> Necessary);

/// <summary>Random directions added to one component in all layers.</summary>
/// <param name="Component">Which component.</param>
/// <param name="Draws">[draw][state].</param>
public sealed record DirectionEffects(Component Component, IReadOnlyList<IReadOnlyList<double>> Draws);

/// <summary>
/// Where a word acts in one decision: changes of a metric, state by state, of everything that was asked. No statistics; who reports puts intervals around them.
/// </summary>
public sealed record OneStepEffects
{
    /// <summary>The metric itself in each state, without any change.</summary>
    public required IReadOnlyList<double> Baseline { get; init; }

    /// <summary>What the word changes.</summary>
    public required IReadOnlyList<double> Word { get; init; }

    /// <summary>The mean difference added with factor 0: a control.</summary>
    public required IReadOnlyList<double> ZeroDose { get; init; }

    /// <summary>The concept's neurons clamped.</summary>
    public required IReadOnlyList<double> Clamp { get; init; }

    /// <summary>Every part: components by layer, then a component's layers together.</summary>
    public required IReadOnlyList<PartEffects> Parts { get; init; }

    /// <summary>[draw][state] of clamped random neurons: the clamp's control.</summary>
    public required IReadOnlyList<IReadOnlyList<double>> MatchedRandom { get; init; }

    /// <summary>The control of the mean differences, by component.</summary>
    public required IReadOnlyList<DirectionEffects> RandomDirections { get; init; }
}
