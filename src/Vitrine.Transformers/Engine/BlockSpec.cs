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

    /// <summary>
    /// x / sqrt(mean(x^2) + eps) * (1 + scale) + shift, and what follows is gated before it is added: scale, shift and gate are a linear map of a condition
    /// (pi0.5's expert).
    /// </summary>
    AdaptiveRms,
}

/// <summary>A norm.</summary>
/// <param name="Kind">How it scales.</param>
/// <param name="Epsilon">Added under the root.</param>
public sealed record NormSpec(NormKind Kind, double Epsilon);

/// <summary>Where the norms of a block stand.</summary>
public enum NormPlaces
{
    /// <summary>x + f(norm(x)).</summary>
    PreNorm,

    /// <summary>norm(x + f(x)): the stream is no sum of what was written (Vaswani et al. 2017).</summary>
    PostNorm,

    /// <summary>x + norm(f(norm(x))).</summary>
    SandwichNorm,
}

/// <summary>Rotary positions on pairs (i, i + width/2), the "rotate half" form (Su et al. 2021).</summary>
/// <param name="Theta">Base of the wavelengths.</param>
/// <param name="Width">Coordinates of a head that turn; the rest passes through.</param>
public sealed record RotarySpec(double Theta, int Width)
{
    /// <summary>Stretches the long wavelengths; null leaves all as they are.</summary>
    public Llama3Scaling? Scaling { get; init; }

    /// <summary>Stretches all wavelengths alike, so many times; null leaves them as they are (Gemma 3's layers without a window).</summary>
    public double? LinearFactor { get; init; }

    /// <summary>Which axis of a position turns which frequency, where positions have several; null where all turn by one.</summary>
    public RotaryAxes? Axes { get; init; }
}

/// <summary>How the frequencies of a rotation are shared among the axes of a position.</summary>
public enum AxisOrder
{
    /// <summary>The first so many frequencies are the first axis's, the next the second's (Qwen2.5-VL: time, row, column).</summary>
    Chunked,

    /// <summary>By turns, as long as an axis has some left; the rest is the first axis's (Qwen3-VL).</summary>
    Interleaved,

    /// <summary>As <see cref="Chunked"/>, and each axis counts its frequencies from the fastest one on (rows and columns of Qwen's image towers).</summary>
    Apart,
}

/// <summary>Which axis of a position turns which frequency.</summary>
/// <param name="Sections">Frequencies of each axis; together half the width that turns.</param>
/// <param name="Order">How they lie.</param>
public sealed record RotaryAxes(IReadOnlyList<int> Sections, AxisOrder Order)
{
    /// <summary>The axis that turns a frequency.</summary>
    /// <param name="frequency">From 0, the fastest.</param>
    public int AxisOf(int frequency)
    {
        if (Order == AxisOrder.Interleaved)
        {
            var turn = frequency % Sections.Count;
            return frequency < Sections.Count * Sections[turn] ? turn : 0;
        }

        var axis = 0;
        for (var end = Sections[0]; frequency >= end; end += Sections[axis])
        {
            axis++;
        }

        return axis;
    }

    /// <summary>Which of its axis's frequencies one is.</summary>
    internal int PlaceOf(int frequency) => frequency - Sections.Take(AxisOf(frequency)).Sum();

    /// <summary>Two that share alike are equal.</summary>
    public bool Equals(RotaryAxes? other) => other is not null && Order == other.Order && Sections.SequenceEqual(other.Sections);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Order, Sections.Count, Sections[0]);
}

/// <summary>Llama 3's stretching of rotary wavelengths (transformers, modeling_rope_utils.py).</summary>
/// <param name="Factor">Long waves become so many times longer.</param>
/// <param name="LowFrequencyFactor">Waves longer than <paramref name="OriginalPositions"/> over this are stretched whole.</param>
/// <param name="HighFrequencyFactor">Waves shorter than <paramref name="OriginalPositions"/> over this stay; between the two it fades.</param>
/// <param name="OriginalPositions">Context of the training before.</param>
public sealed record Llama3Scaling(double Factor, double LowFrequencyFactor, double HighFrequencyFactor, int OriginalPositions);

/// <summary>Which tokens a token sees.</summary>
public enum AttentionMask
{
    /// <summary>Itself and those before it.</summary>
    Causal,

    /// <summary>All.</summary>
    Full,

    /// <summary>Those of the prefix see each other, the others what stands before them (PaliGemma, T5's prefix language model).</summary>
    Prefix,

    /// <summary>Those of its own block of tokens and of the blocks before (pi0's suffix: state, then the action chunk).</summary>
    Blockwise,

    /// <summary>Those of its own picture, where a tower reads several pictures as one sequence (Qwen2.5-VL, Qwen3-VL).</summary>
    OwnPicture,

    /// <summary>Those of its own window of its picture (Qwen2.5-VL).</summary>
    OwnWindow,
}

/// <summary>Where keys and values come from.</summary>
public enum KeySource
{
    /// <summary>The stack's own tokens.</summary>
    Own,

    /// <summary>Those that another stack left, then the own ones (pi0's expert).</summary>
    PrefixThenOwn,

    /// <summary>Those that another stack left alone, through projections of the block's own (SmolVLA's cross attention).</summary>
    Prefix,
}

/// <summary>Attention.</summary>
/// <param name="Heads">H.</param>
/// <param name="KeyValueHeads">Hkv; each serves H / Hkv neighbouring heads.</param>
/// <param name="HeadWidth">hd.</param>
/// <param name="Mask">Which tokens a token sees.</param>
/// <param name="Rotary">Null where positions are learned.</param>
public sealed record AttentionSpec(int Heads, int KeyValueHeads, int HeadWidth, AttentionMask Mask, RotarySpec? Rotary)
{
    /// <summary>Where keys and values come from.</summary>
    public KeySource Keys { get; init; } = KeySource.Own;


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
    public NormPlaces Norms { get; init; } = NormPlaces.PreNorm;

    /// <summary>Whether the feed-forward reads the block's input beside attention, not what attention made of it.</summary>
    public bool Parallel { get; init; }

    /// <summary>The points that exist in such a block.</summary>
    public IEnumerable<Point> PointsInBlock() => PointVocabulary.All.Where(p => p.IsInBlock).Except(Absent());

    private IEnumerable<Point> Absent() =>
    [
        .. Where(Attention.QueryKeyNorm is null, Point.AttnQNorm, Point.AttnKNorm),
        .. Where(Attention.Rotary is null, Point.AttnQRot, Point.AttnKRot),
        .. Where(Attention is { Rotary: not null, Keys: KeySource.Prefix }, Point.AttnKRot),
        .. Where(!LayerScale && Norms != NormPlaces.SandwichNorm && Norm.Kind != NormKind.AdaptiveRms, Point.AttnOutPost, Point.MlpOutPost),
        .. Where(Parallel, Point.ResidMid),
        .. Where(!Mlp.Gated, Point.MlpGate),
    ];

    private static Point[] Where(bool isAbsent, params Point[] points) => isAbsent ? points : [];
}
