using Vitrine.Mechanisms.ValueVectors;

namespace Vitrine.Views;

/// <summary>What the value vectors of a stack write, layer by layer.</summary>
public sealed record LayerProfile
{
    /// <summary>The stack's name.</summary>
    public required string Stack { get; init; }

    /// <summary>When a neuron counts as patterned, as <c>at least 4 of the top 30 tokens belong to one concept</c>.</summary>
    public required string Rule { get; init; }

    /// <summary>Tokens of the whole vocabulary; 0 where it is not known.</summary>
    public int Vocabulary { get; init; }

    /// <summary>Tokens that were read: those that stand for something; 0 where it is not known.</summary>
    public int Tokens { get; init; }

    /// <summary>Action tokens among them.</summary>
    public int ActionTokens { get; init; }

    /// <summary>The share of action tokens that a vector without a preference would show; null where it is not known or the model says no actions.</summary>
    public double? Chance => Tokens > 0 && ActionTokens > 0 ? (double)ActionTokens / Tokens : null;

    /// <summary>The layers, in order.</summary>
    public required IReadOnlyList<LayerReading> Rows { get; init; }
}
