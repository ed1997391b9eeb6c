using Vitrine.Mechanisms.ValueVectors;

namespace Vitrine.Views;

/// <summary>What the value vectors of a stack write, layer by layer.</summary>
public sealed record LayerProfile
{
    /// <summary>The stack's name.</summary>
    public required string Stack { get; init; }

    /// <summary>When a neuron counts as patterned, as <c>at least 4 of the top 30 tokens belong to one concept</c>.</summary>
    public required string Rule { get; init; }

    /// <summary>The layers, in order.</summary>
    public required IReadOnlyList<LayerReading> Rows { get; init; }
}
