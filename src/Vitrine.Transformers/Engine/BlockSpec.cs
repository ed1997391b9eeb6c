using Vitrine.Transformers.Points;

namespace Vitrine.Transformers.Engine;

/// <summary>How a norm scales.</summary>
public enum NormKind
{
    /// <summary>(x - mean) / sqrt(var + eps) * w + b.</summary>
    LayerNorm,

    /// <summary>x / sqrt(mean(x^2) + eps) * w.</summary>
    Rms,

    /// <summary>x / sqrt(mean(x^2) + eps) * (1 + w): the file holds the distance from 1.</summary>
    RmsFromOne,
}

/// <summary>A norm.</summary>
/// <param name="Kind">How it scales.</param>
/// <param name="Epsilon">Added under the root.</param>
public sealed record NormSpec(NormKind Kind, double Epsilon);

/// <summary>Where the norms of a block stand.</summary>
public enum NormPlaces
{
    /// <summary>x + f(norm(x)).</summary>
    Before,

    /// <summary>norm(x + f(x)): the stream is no sum of what was written (Vaswani et al. 2017).</summary>
    Behind,

    /// <summary>x + norm(f(norm(x))).</summary>
    Around,
}

/// <summary>Rotary positions on pairs (i, i + width/2), the "rotate half" form (Su et al. 2021).</summary>
/// <param name="Theta">Base of the wavelengths.</param>
/// <param name="Width">Coordinates of a head that turn; the rest passes through.</param>
public sealed record RotarySpec(double Theta, int Width)
{
    /// <summary>Stretches the long wavelengths; null leaves all as they are.</summary>
    public Llama3Scaling? Scaling { get; init; }
}

/// <summary>Llama 3's stretching of rotary wavelengths (transformers, modeling_rope_utils.py).</summary>
/// <param name="Factor">Long waves become so many times longer.</param>
/// <param name="LowFrequencyFactor">Waves longer than <paramref name="OriginalPositions"/> over this are stretched whole.</param>
/// <param name="HighFrequencyFactor">Waves shorter than <paramref name="OriginalPositions"/> over this stay; between the two it fades.</param>
/// <param name="OriginalPositions">Context of the training before.</param>
public sealed record Llama3Scaling(double Factor, double LowFrequencyFactor, double HighFrequencyFactor, int OriginalPositions);

/// <summary>Attention.</summary>
/// <param name="Heads">H.</param>
/// <param name="KeyValueHeads">Hkv; each serves H / Hkv neighbouring heads.</param>
/// <param name="HeadWidth">hd.</param>
/// <param name="Causal">Whether a token sees only what stands before it.</param>
/// <param name="Rotary">Null where positions are learned.</param>
public sealed record AttentionSpec(int Heads, int KeyValueHeads, int HeadWidth, bool Causal, RotarySpec? Rotary)
{
    /// <summary>Multiplies q k; hd^-1/2 unless the family says otherwise.</summary>
    public double Scale { get; init; } = Math.Pow(HeadWidth, -0.5);

    /// <summary>c in c tanh(score / c); null for none.</summary>
    public double? SoftCap { get; init; }

    /// <summary>A token at position i sees j only where i - window &lt; j; null for all.</summary>
    public int? Window { get; init; }

    /// <summary>Norm of each head's query and key before the rotation; null for none.</summary>
    public NormSpec? QueryKeyNorm { get; init; }

    /// <summary>Whether q, k and v have a bias.</summary>
    public bool Bias { get; init; }

    /// <summary>Whether the output projection has one.</summary>
    public bool OutputBias { get; init; }
}

/// <summary>Feed-forward.</summary>
/// <param name="Neurons">F.</param>
/// <param name="Gated">Whether a gate multiplies the up projection.</param>
/// <param name="Activation">Of the gate where there is one, else of the up projection.</param>
public sealed record MlpSpec(int Neurons, bool Gated, Activation Activation)
{
    /// <summary>Whether the projections have a bias.</summary>
    public bool Bias { get; init; }
}

/// <summary>Everything that differs between the blocks of two families.</summary>
/// <param name="Width">d.</param>
/// <param name="Norm">Of the residual.</param>
/// <param name="Attention">Attention.</param>
/// <param name="Mlp">Feed-forward.</param>
/// <param name="LayerScale">Whether a vector scales what is added to the residual (Touvron et al. 2021).</param>
public sealed record BlockSpec(int Width, NormSpec Norm, AttentionSpec Attention, MlpSpec Mlp, bool LayerScale)
{
    /// <summary>Where the norms stand.</summary>
    public NormPlaces Norms { get; init; } = NormPlaces.Before;

    /// <summary>Whether the feed-forward reads the block's input beside attention, not what attention made of it.</summary>
    public bool Parallel { get; init; }

    /// <summary>The points that exist in such a block.</summary>
    public IEnumerable<Point> PointsInBlock()
        => PointVocabulary.All.Where(p => p switch
        {
            Point.AttnQNorm or Point.AttnKNorm => Attention.QueryKeyNorm is not null,
            Point.AttnQRot or Point.AttnKRot => Attention.Rotary is not null,
            Point.AttnOutPost or Point.MlpOutPost => LayerScale || Norms == NormPlaces.Around,
            Point.ResidMid => !Parallel,
            Point.MlpGate => Mlp.Gated,
            _ => p.IsInBlock(),
        });
}
