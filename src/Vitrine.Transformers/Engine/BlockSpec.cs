using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Engine;

/// <summary>How a norm scales.</summary>
public enum NormKind
{
    /// <summary>(x - mean) / sqrt(var + eps) * w + b.</summary>
    LayerNorm,

    /// <summary>x / sqrt(mean(x^2) + eps) * w.</summary>
    Rms,
}

/// <summary>A norm.</summary>
/// <param name="Kind">How it scales.</param>
/// <param name="Epsilon">Added under the root.</param>
public sealed record NormSpec(NormKind Kind, double Epsilon);

/// <summary>Rotary positions on pairs (i, i + hd/2), the "rotate half" form (Su et al. 2021).</summary>
/// <param name="Theta">Base of the wavelengths.</param>
public sealed record RotarySpec(double Theta);

/// <summary>Attention.</summary>
/// <param name="Heads">H.</param>
/// <param name="KeyValueHeads">Hkv; each serves H / Hkv neighbouring heads.</param>
/// <param name="HeadWidth">hd; the score is scaled by hd^-1/2.</param>
/// <param name="Causal">Whether a token sees only what stands before it.</param>
/// <param name="Rotary">Null where positions are learned.</param>
public sealed record AttentionSpec(int Heads, int KeyValueHeads, int HeadWidth, bool Causal, RotarySpec? Rotary);

/// <summary>The non-linearity of a feed-forward.</summary>
public enum Activation
{
    /// <summary>x sigmoid(x).</summary>
    Silu,

    /// <summary>x Phi(x), exact.</summary>
    Gelu,
}

/// <summary>Feed-forward.</summary>
/// <param name="Neurons">F.</param>
/// <param name="Gated">Whether a gate multiplies the up projection.</param>
/// <param name="Activation">Of the gate where there is one, else of the up projection.</param>
public sealed record MlpSpec(int Neurons, bool Gated, Activation Activation);

/// <summary>Everything that differs between the blocks of two families.</summary>
/// <param name="Width">d.</param>
/// <param name="Norm">Before attention and before the feed-forward.</param>
/// <param name="Attention">Attention.</param>
/// <param name="Mlp">Feed-forward.</param>
/// <param name="LayerScale">Whether a vector scales what is added to the residual (Touvron et al. 2021).</param>
public sealed record BlockSpec(int Width, NormSpec Norm, AttentionSpec Attention, MlpSpec Mlp, bool LayerScale)
{
    /// <summary>The points that exist in such a block.</summary>
    public IEnumerable<Point> PointsInBlock()
        => PointVocabulary.All.Where(p => p switch
        {
            Point.AttnQRot or Point.AttnKRot => Attention.Rotary is not null,
            Point.AttnOutPost or Point.MlpOutPost => LayerScale,
            Point.MlpGate => Mlp.Gated,
            _ => p <= Point.ResidPost,
        });
}

/// <summary>Applies <see cref="Activation"/>.</summary>
internal static class Activations
{
    public static Tensor Apply(this Activation activation, Tensor x) => activation switch
    {
        Activation.Silu => nn.functional.silu(x),
        Activation.Gelu => nn.functional.gelu(x),
        _ => throw new ArgumentOutOfRangeException(nameof(activation)),
    };
}
