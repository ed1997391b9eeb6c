namespace Vitrine.Mechanisms.ValueVectors;

/// <summary>Both ends of one neuron's value vector, read in the vocabulary.</summary>
/// <param name="TopIds">Tokens with the largest logits, largest first.</param>
/// <param name="TopScores">Their logits.</param>
/// <param name="BottomIds">Tokens with the smallest logits, smallest first: what the neuron writes when its activation is negative.</param>
/// <param name="BottomScores">Their logits.</param>
public sealed record NeuronReading(IReadOnlyList<int> TopIds, IReadOnlyList<float> TopScores, IReadOnlyList<int> BottomIds, IReadOnlyList<float> BottomScores);
