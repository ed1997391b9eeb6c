using Vitrine.Transformers;

namespace Vitrine.Mechanisms.ValueVectors;

/// <summary>What one neuron writes: both ends of its value vector, in words.</summary>
/// <param name="Neuron">Which one.</param>
/// <param name="Top">Tokens that it makes more likely where it fires, largest logit first.</param>
/// <param name="Bottom">Tokens that it makes less likely, smallest logit first: what it writes where its activation is negative.</param>
public sealed record NeuronWords(Neuron Neuron, IReadOnlyList<TokenLogit> Top, IReadOnlyList<TokenLogit> Bottom)
{
    /// <summary>The neuron, its first tokens, and those of the other end.</summary>
    public override string ToString() => $"{Neuron}: {string.Join(", ", Top.Take(5))} | {string.Join(", ", Bottom.Take(5))}";
}
