using static TorchSharp.torch;

namespace Vitrine.Transformers.Engine;

/// <summary>
/// How what attention or the feed-forward of a block computes arrives in the residual stream: as it is, through a LayerScale, through a norm of its own, or
/// through the norm of the sum. The block runs it, and whoever reads weights reads through it.
/// </summary>
/// <param name="Scale">LayerScale (d); it stands in the place of <paramref name="OutputNorm"/>.</param>
/// <param name="OutputNorm">Of what is added, before it is added.</param>
/// <param name="SumNorm">Of residual and addition together: the stream of a post-norm block is what stands behind it.</param>
/// <param name="IsGated">Whether a condition of the pass multiplies what is added, so that its direction is not fixed.</param>
internal sealed record Writing(Tensor? Scale, Norm? OutputNorm, Norm? SumNorm, bool IsGated)
{
    /// <summary>What stands in between, in a word; null for nothing.</summary>
    public string? Between => IsGated ? "gate" : Scale is not null ? "LayerScale" : OutputNorm is not null || SumNorm is not null ? "norm" : null;

    /// <summary>What is added to the residual.</summary>
    /// <param name="x">(B,T,d), what the part computed; the result is this tensor where nothing stands in between.</param>
    /// <param name="gate">Of the pass; null for none.</param>
    public Tensor Added(Tensor x, Tensor? gate)
    {
        var added = Scale is null ? OutputNorm.Of(x) : x * Scale;
        return gate is null ? added : added * gate;
    }

    /// <summary>The part of this that no input changes, on vectors that the part can write: their direction in the stream.</summary>
    /// <param name="vectors">(...,d).</param>
    /// <returns>
    /// g * v, with v centred where a LayerNorm centres; the argument where nothing stands in between. A norm's scale depends on the input and is left out.
    /// </returns>
    /// <exception cref="VitrineException">A gate changes the direction from pass to pass.</exception>
    public Tensor Direction(Tensor vectors)
    {
        RefuseGate();
        if (Between is null)
        {
            return vectors;
        }

        var wide = vectors.Widened();
        wide = Scale is not null ? wide * Scale.Widened() : OutputNorm is not null ? Fixed(OutputNorm, wide) : wide;
        return (SumNorm is not null ? Fixed(SumNorm, wide) : wide).RoundedAs(vectors);
    }

    /// <summary>What a part of something adds to the residual, a norm in between held at the scale that it had for the whole.</summary>
    /// <param name="part">Broadcasts with <paramref name="whole"/>.</param>
    /// <param name="whole">(B,T,d), what attention or the feed-forward computed.</param>
    /// <param name="gate">(d) of the pass, where it is known; null for none.</param>
    /// <returns>In float32 where the block computes in 16 bits.</returns>
    /// <exception cref="VitrineException">A gate of the pass stands in between, and it is not known.</exception>
    public Tensor Share(Tensor part, Tensor whole, Tensor? gate = null)
    {
        RefuseGate(gate);
        var arriving = Scale is not null ? part.Widened() * Scale.Widened()
            : OutputNorm is not null ? new FrozenNorm(OutputNorm, whole).Apply(part, gain: true)
            : part.Widened();
        return gate is null ? arriving : arriving * gate;
    }

    /// <summary>The transpose of <see cref="Share"/>: for u in the residual the v with u . share(part) = v . part, for any part.</summary>
    /// <param name="direction">(...,d), in the residual.</param>
    /// <param name="whole">Asked for where a norm stands in between: (...,d), what attention or the feed-forward computed.</param>
    /// <param name="gate">(d) of the pass, where it is known; null for none.</param>
    /// <exception cref="VitrineException">A gate of the pass stands in between, and it is not known.</exception>
    public Tensor Pulled(Tensor direction, Func<Tensor> whole, Tensor? gate = null)
    {
        RefuseGate(gate);
        var wide = gate is null ? direction.Widened() : direction.Widened() * gate;
        return Scale is not null ? wide * Scale.Widened()
            : OutputNorm is not null ? new FrozenNorm(OutputNorm, whole()).Pulled(wide)
            : wide;
    }

    private void RefuseGate(Tensor? gate = null)
    {
        if (IsGated && gate is null)
        {
            throw new VitrineException(
                "what neurons and heads write: a gate that depends on the pass's condition stands between them and the residual stream, so that it has no "
                    + "fixed direction; read the raw vectors.");
        }
    }

    private static Tensor Fixed(Norm norm, Tensor x) => norm.Centred(x) * norm.Gain.Widened();
}
