using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Engine;

/// <summary>One transformer block: attention and feed-forward around a residual stream of width d.</summary>
/// <remarks>Every family runs through this method; all that differs between them stands in <see cref="BlockSpec"/>.</remarks>
internal sealed class Block(BlockSpec spec, BlockWeights weights)
{
    public BlockWeights Weights => weights;

    /// <param name="residual">(B,T,d).</param>
    /// <param name="slots">What a plan reads or edits here. An empty slot returns its argument.</param>
    /// <param name="pass">Positions, mask and rotation.</param>
    /// <param name="cache">Keys and values of earlier passes; null outside generation.</param>
    /// <param name="layer">Index of the block, for the cache.</param>
    /// <returns>(B,T,d).</returns>
    public Tensor Forward(Tensor residual, Slots slots, Pass pass, KeyValueCache? cache, int layer)
    {
        var x = slots.At(Point.ResidPre, residual, pass);                                                  // (B, T, d)
        var attended = Attend(slots.At(Point.AttnIn, weights.AttentionNorm.Apply(x), pass), slots, pass, cache, layer);
        attended = Scaled(attended, weights.AttentionScale, Point.AttnOutPost, slots, pass);
        var mid = slots.At(Point.ResidMid, x + attended, pass);                                            // (B, T, d)
        var fed = FeedForward(slots.At(Point.MlpIn, weights.MlpNorm.Apply(mid), pass), slots, pass);
        fed = Scaled(fed, weights.MlpScale, Point.MlpOutPost, slots, pass);
        return slots.At(Point.ResidPost, mid + fed, pass);                                                 // (B, T, d)
    }

    private Tensor Attend(Tensor x, Slots slots, Pass pass, KeyValueCache? cache, int layer)
    {
        var (b, t, heads, kvHeads, width) = (x.shape[0], x.shape[1], spec.Attention.Heads, spec.Attention.KeyValueHeads, spec.Attention.HeadWidth);
        var q = slots.At(Point.AttnQ, weights.Query.Apply(x).view(b, t, heads, width), pass);              // (B, T, H, hd)
        var k = slots.At(Point.AttnK, weights.Key.Apply(x).view(b, t, kvHeads, width), pass);              // (B, T, Hkv, hd)
        var v = slots.At(Point.AttnV, weights.Value.Apply(x).view(b, t, kvHeads, width), pass);            // (B, T, Hkv, hd)
        if (pass.Rotation is { } rotation)
        {
            q = slots.At(Point.AttnQRot, Rotated(q, rotation), pass);
            k = slots.At(Point.AttnKRot, Rotated(k, rotation), pass);
        }

        (q, k, v) = (q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2));                             // (B, H, T, hd)
        if (cache is not null)
        {
            (k, v) = cache.Append(layer, k, v);                                                            // (B, Hkv, Tk, hd)
        }

        if (heads != kvHeads)
        {
            (k, v) = (k.repeat_interleave(heads / kvHeads, dim: 1), v.repeat_interleave(heads / kvHeads, dim: 1));
        }

        var z = slots.At(Point.AttnZ, Weighted(q, k, v, slots, pass).transpose(1, 2), pass);               // (B, T, H, hd)
        return slots.At(Point.AttnOut, weights.Output.Apply(z.reshape(b, t, heads * width)), pass);        // (B, T, d)
    }

    /// <remarks>
    /// Scores and patterns are computed only when a plan reads or edits them. What is only read is computed beside the fused kernel, so that reading changes nothing.
    /// </remarks>
    private Tensor Weighted(Tensor q, Tensor k, Tensor v, Slots slots, Pass pass)
    {
        var edited = slots.Edits(Point.AttnScores) || slots.Edits(Point.AttnPattern) || pass.Plan.ExplicitAttention || pass.Plan.NeedsGradients;
        if (edited || slots.Wants(Point.AttnScores) || slots.Wants(Point.AttnPattern))
        {
            var scores = slots.At(Point.AttnScores, (q * Math.Pow(spec.Attention.HeadWidth, -0.5)).matmul(k.transpose(2, 3)), pass);   // (B, H, Tq, Tk)
            var masked = pass.Mask(q.dtype) is { } mask ? scores + mask : scores;
            var pattern = slots.At(Point.AttnPattern, masked.softmax(-1), pass);
            if (edited)
            {
                return pattern.matmul(v);                                                                  // (B, H, Tq, hd)
            }
        }

        return pass.IsPlainCausal
            ? nn.functional.scaled_dot_product_attention(q, k, v, is_casual: q.shape[2] > 1)
            : nn.functional.scaled_dot_product_attention(q, k, v, pass.Mask(q.dtype));
    }

    /// <remarks>out = W_down n, where n = act(W_gate x) * (W_up x): neuron i writes its value vector, column i of W_down, with weight n_i (Geva et al. 2021).</remarks>
    private Tensor FeedForward(Tensor x, Slots slots, Pass pass)
    {
        Tensor neurons;                                                                                    // (B, T, F)
        if (weights.Gate is { } gate)
        {
            var open = slots.At(Point.MlpGate, gate.Apply(x), pass);
            neurons = spec.Mlp.Activation.Apply(open) * slots.At(Point.MlpUp, weights.Up.Apply(x), pass);
        }
        else
        {
            neurons = spec.Mlp.Activation.Apply(slots.At(Point.MlpUp, weights.Up.Apply(x), pass));
        }

        return slots.At(Point.MlpOut, weights.Down.Apply(slots.At(Point.MlpNeurons, neurons, pass)), pass);   // (B, T, d)
    }

    private static Tensor Scaled(Tensor added, Tensor? scale, Point point, Slots slots, Pass pass)
        => scale is null ? added : slots.At(point, added * scale, pass);

    /// <remarks>(a, b) -> (a cos - b sin, b cos + a sin) on the halves of each head.</remarks>
    private static Tensor Rotated(Tensor x, (Tensor Cos, Tensor Sin) rotation)
    {
        var halves = x.chunk(2, -1);
        return (x * rotation.Cos) + (cat([halves[1].neg(), halves[0]], -1) * rotation.Sin);               // (B, T, H, hd)
    }
}
