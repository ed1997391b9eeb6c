namespace Vitrine.Views;

/// <summary>What the value vectors of a stack write, layer by layer.</summary>
public sealed record LayerProfile
{
    /// <summary>The stack's name.</summary>
    public required string Stack { get; init; }

    /// <summary>When a neuron counts as patterned, as <c>at least 4 of the top 30 tokens belong to one concept</c>.</summary>
    public required string Rule { get; init; }

    /// <summary>One row a layer, in order.</summary>
    public required IReadOnlyList<LayerProfileRow> Rows { get; init; }
}

/// <summary>One layer of a <see cref="LayerProfile"/>; all shares are 0 to 1.</summary>
/// <param name="Layer">The layer, counted from 0.</param>
/// <param name="Patterned">Share of the layer's neurons that are patterned.</param>
/// <param name="Shuffled">The same share with a shuffled vocabulary: the control.</param>
/// <param name="ActionTokens">Share of action tokens among the neurons' top tokens.</param>
public sealed record LayerProfileRow(int Layer, double Patterned, double Shuffled, double ActionTokens);
