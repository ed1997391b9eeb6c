using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.ValueVectors;

/// <summary>The value vectors of a model in memory.</summary>
/// <param name="stack">Speaks a language.</param>
/// <param name="fingerprint">Of the model's weights.</param>
public sealed class StackValueVectors(Stack stack, string fingerprint) : IValueVectorSource
{
    /// <inheritdoc/>
    public string Name => stack.Shape.Name;

    /// <inheritdoc/>
    public string Fingerprint => fingerprint;

    /// <inheritdoc/>
    public int Layers => stack.Shape.Layers;

    /// <inheritdoc/>
    public int Neurons => stack.Shape.Neurons;

    /// <inheritdoc/>
    public int Vocabulary => stack.Shape.Vocabulary;

    /// <inheritdoc/>
    public Tensor Vectors(int layer) => stack.ValueVectors(layer);

    /// <inheritdoc/>
    public Tensor Unembedding() => stack.Unembedding();

    /// <inheritdoc/>
    public Tensor Gain() => stack.FinalGain();
}
