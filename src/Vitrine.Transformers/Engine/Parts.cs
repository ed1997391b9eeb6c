using TorchSharp;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Engine;

/// <summary>y = x W^T + b, W as [out, in]; files that store [in, out] are seen through a transposed view.</summary>
internal sealed record Linear(Tensor Weight, Tensor? Bias)
{
    private readonly RowProduct? oneRow = RowProduct.Of(Weight);

    /// <summary>Whether single rows go through <see cref="RowProduct"/>.</summary>
    public bool HasRowProduct => oneRow is not null;

    public Tensor Apply(Tensor x)
    {
        if (oneRow is null || !oneRow.Fits(x))
        {
            return nn.functional.linear(x, Weight, Bias);
        }

        var product = oneRow.Apply(x);
        return Bias is null ? product : product.Plus(Bias);
    }
}

/// <summary>A norm with its gain (what the normed values are multiplied with) and, for a LayerNorm, its bias.</summary>
/// <remarks>
/// TorchSharp does not keep a number that becomes a <see cref="Scalar"/> alive during the native call, and the garbage collector may free it there:
/// whatever runs often keeps its scalars in fields. The root mean square comes from one reduction over the row, without a tensor of squares, and the gain is multiplied in
/// place: at 256 x 2048 numbers that takes a quarter of the time of the formula written out.
/// </remarks>
internal sealed record Norm(NormSpec Spec, Tensor Gain, Tensor? Bias)
{
    private readonly Scalar epsilon = Spec.Epsilon;
    private readonly Scalar inverseWidth = 1.0 / Gain.shape[0];

    public Tensor Apply(Tensor x) => Spec.Kind == NormKind.LayerNorm
        ? nn.functional.layer_norm(x, Gain.shape, Gain, Bias, Spec.Epsilon)
        : (x * linalg.vector_norm(x, 2, [-1], keepdim: true).square().mul_(inverseWidth).add_(epsilon).rsqrt_()).mul_(Gain);
}

/// <summary>Keeps numbers within (-limit, limit): limit tanh(x / limit).</summary>
internal sealed class SoftCap(double limit)
{
    private readonly Scalar inverse = 1 / limit;
    private readonly Scalar limit = limit;

    public Tensor Apply(Tensor x) => (x * inverse).tanh() * limit;
}

/// <summary>Weights of a block, in the slots that <see cref="Block"/> reads. A norm that does not stand in the family is null.</summary>
internal sealed class BlockWeights
{
    /// <summary>Before attention.</summary>
    public Norm? AttentionNorm { get; init; }

    /// <summary>On what attention adds.</summary>
    public Norm? AfterAttention { get; init; }

    /// <summary>Behind the sum of residual and attention.</summary>
    public Norm? BehindAttention { get; init; }

    /// <summary>Before the feed-forward.</summary>
    public Norm? MlpNorm { get; init; }

    /// <summary>On what the feed-forward adds.</summary>
    public Norm? AfterMlp { get; init; }

    /// <summary>Behind the sum of residual and feed-forward.</summary>
    public Norm? BehindMlp { get; init; }

    public required Linear Query { get; init; }

    public required Linear Key { get; init; }

    public required Linear Value { get; init; }

    /// <summary>On each head's query.</summary>
    public Norm? QueryNorm { get; init; }

    /// <summary>On each head's key.</summary>
    public Norm? KeyNorm { get; init; }

    public required Linear Output { get; init; }

    public Linear? Gate { get; init; }

    public required Linear Up { get; init; }

    public required Linear Down { get; init; }

    /// <summary>LayerScale vector (d) on what attention adds.</summary>
    public Tensor? AttentionScale { get; init; }

    /// <summary>LayerScale vector (d) on what the feed-forward adds.</summary>
    public Tensor? MlpScale { get; init; }
}

/// <summary>Norms that may not stand there.</summary>
internal static class Norms
{
    /// <summary>The normed values, or the argument where there is no norm.</summary>
    public static Tensor Of(this Norm? norm, Tensor x) => norm is null ? x : norm.Apply(x);
}
