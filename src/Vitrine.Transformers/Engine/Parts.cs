using static TorchSharp.torch;

namespace Vitrine.Transformers.Engine;

/// <summary>y = x W^T + b, W stored [out, in].</summary>
internal sealed record Linear(Tensor Weight, Tensor? Bias)
{
    public Tensor Apply(Tensor x) => nn.functional.linear(x, Weight, Bias);
}

/// <summary>A norm with its weights.</summary>
internal sealed record Norm(NormSpec Spec, Tensor Weight, Tensor? Bias)
{
    public Tensor Apply(Tensor x) => Spec.Kind == NormKind.LayerNorm
        ? nn.functional.layer_norm(x, Weight.shape, Weight, Bias, Spec.Epsilon)
        : x * x.square().mean([-1], keepdim: true).add_(Spec.Epsilon).rsqrt_() * Weight;
}

/// <summary>Weights of a block, in the slots that <see cref="Block"/> reads.</summary>
internal sealed class BlockWeights
{
    public required Norm AttentionNorm { get; init; }

    public required Norm MlpNorm { get; init; }

    public required Linear Query { get; init; }

    public required Linear Key { get; init; }

    public required Linear Value { get; init; }

    public required Linear Output { get; init; }

    public Linear? Gate { get; init; }

    public required Linear Up { get; init; }

    public required Linear Down { get; init; }

    /// <summary>LayerScale vector (d) on what attention adds.</summary>
    public Tensor? AttentionScale { get; init; }

    /// <summary>LayerScale vector (d) on what the feed-forward adds.</summary>
    public Tensor? MlpScale { get; init; }
}
