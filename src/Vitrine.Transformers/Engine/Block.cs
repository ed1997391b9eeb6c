using System.Buffers;
using TorchSharp;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Engine;

/// <summary>One transformer block: attention and feed-forward around a residual stream of width d.</summary>
/// <remarks>Every family runs through this method; all that differs between them stands in <see cref="BlockSpec"/>.</remarks>
internal sealed class Block(BlockSpec spec, BlockWeights weights)
{
    private readonly Lazy<Scalar> scoreScale = new(() => spec.Attention.Scale);
    private readonly Lazy<Scalar?> besideFused = new(() => FusedFactor(spec.Attention));
    private readonly SoftCap? softCap = spec.Attention.SoftCap is { } limit ? new SoftCap(limit) : null;

    public BlockSpec Spec => spec;

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
        var (read, attentionGate) = weights.AttentionNorm.Of(x, pass.Condition);
        if (pass.KeysAloneAt == layer && cache is not null && slots.IsEmpty)
        {
            Keep(read, pass, cache, layer);
            return residual;
        }

        var attended = Attend(slots.At(Point.AttnIn, read, pass), slots, pass, cache, layer);
        x = pass.LastColumnAloneAt == layer ? LastColumn(x) : x;
        attended = Added(attended, weights.AttentionWriting, attentionGate, Point.AttnOutPost, slots, pass);
        var mid = spec.Parallel ? x : Settled(Point.ResidMid, x.Plus(attended), weights.AttentionPostNorm, slots, pass);   // (B, T, d)
        if (weights.Cross is { } cross)
        {
            mid = Settled(Point.ResidCross, mid.Plus(Cross(cross, mid, slots, pass)), cross.PostNorm, slots, pass);
        }

        (read, var mlpGate) = weights.MlpNorm.Of(mid, pass.Condition);
        var fed = FeedForward(slots.At(Point.MlpIn, read, pass), slots, pass);
        fed = Added(fed, weights.MlpWriting, mlpGate, Point.MlpOutPost, slots, pass);
        var sum = (spec.Parallel ? x.Plus(attended) : mid).Plus(fed);
        sum = spec.Norms == NormPlaces.PostNormOfSums ? slots.At(Point.ResidMlp, sum, pass) : sum;
        return slots.At(Point.ResidPost, weights.MlpPostNorm.Of(sum), pass);                               // (B, T, d)
    }

    /// <summary>A sum behind its norm; the point stands behind the norm too, or between the two.</summary>
    private Tensor Settled(Point point, Tensor sum, Norm? norm, Slots slots, Pass pass)
        => spec.Norms == NormPlaces.PostNormOfSums ? norm.Of(slots.At(point, sum, pass)) : slots.At(point, norm.Of(sum), pass);

    private Tensor Attend(Tensor x, Slots slots, Pass pass, KeyValueCache? cache, int layer)
    {
        var (b, heads, width, isLastAlone) = (x.shape[0], spec.Attention.Heads, spec.Attention.HeadWidth, pass.LastColumnAloneAt == layer);
        var prefix = spec.Attention.Keys is KeySource.Own ? default : PrefixOf(layer, b, slots, pass);     // (B, Hkv, Tp, hd)
        var isOfPrefix = spec.Attention.Keys == KeySource.Prefix;
        var (asking, keyed, valued, tokens) = isOfPrefix ? (x, x, x, pass.OfPrefix) : Read(x, slots, pass);
        asking = isLastAlone ? LastColumn(asking) : asking;
        var t = asking.shape[1];
        var (keys, values) = isOfPrefix ? Projected(prefix, layer, b, slots, pass) : (weights.Key.Apply(keyed), weights.Value.Apply(valued));
        var q = slots.At(Point.AttnQ, weights.Query.Apply(asking).view(b, t, heads, width), pass);         // (B, T, H, hd)
        var k = slots.At(Point.AttnK, keys.view(b, -1, spec.Attention.KeyValueHeads, width), tokens);     // (B, T, Hkv, hd)
        var v = slots.At(Point.AttnV, values.view(b, -1, spec.Attention.KeyValueHeads, width), tokens);  // (B, T, Hkv, hd)
        if (weights.QueryNorm is { } queryNorm && weights.KeyNorm is { } keyNorm)
        {
            q = slots.At(Point.AttnQNorm, queryNorm.Apply(q), pass);
            k = slots.At(Point.AttnKNorm, keyNorm.Apply(k), tokens);
        }

        if (pass.Rotation is { } rotation)
        {
            q = slots.At(Point.AttnQRot, Rotary.Turned(q, isLastAlone ? (LastColumn(rotation.Cos), LastColumn(rotation.Sin)) : rotation), pass);
            k = slots.At(Point.AttnKRot, isOfPrefix ? k : Rotary.Turned(k, rotation), tokens);             // a prefix's keys were turned where they were made
        }

        (q, k, v) = (q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2));                             // (B, H, T, hd)
        if (cache is not null)
        {
            (k, v) = cache.Append(layer, k, v);                                                            // (B, Hkv, Tk, hd)
        }

        if (spec.Attention.Keys == KeySource.PrefixThenOwn)
        {
            (k, v) = (cat([prefix.Keys, k], 2), cat([prefix.Values, v], 2));                               // (B, Hkv, Tp + Tk, hd)
        }

        var z = Weighted(q, k, v, spec.Attention, Point.AttnScores, Point.AttnPattern, slots, pass).transpose(1, 2);
        z = slots.At(Point.AttnZ, z, pass);                                                                // (B, T, H, hd)
        return slots.At(Point.AttnOut, weights.Output.Apply(z.reshape(b, t, heads * width)), pass);        // (B, T, d)
    }

    private static Tensor LastColumn(Tensor x) => x.narrow(1, x.shape[1] - 1, 1);

    /// <summary>Keys and values alone, where nobody reads what else the block computes.</summary>
    private void Keep(Tensor x, Pass pass, KeyValueCache cache, int layer)
    {
        var (_, keyed, valued, _) = Read(x, Slots.None, pass);
        var k = weights.Key.Apply(keyed).view(x.shape[0], -1, spec.Attention.KeyValueHeads, spec.Attention.HeadWidth);    // (B, T, Hkv, hd)
        var v = weights.Value.Apply(valued).view(x.shape[0], -1, spec.Attention.KeyValueHeads, spec.Attention.HeadWidth);
        k = weights.KeyNorm is { } norm && weights.QueryNorm is not null ? norm.Apply(k) : k;
        k = (pass.Rotation is { } rotation ? Rotary.Turned(k, rotation) : k).transpose(1, 2);
        LookForHidden(k, k, pass);
        cache.Append(layer, k, v.transpose(1, 2));
    }

    /// <summary>
    /// Keys and values of a prefix through the block's own projections: made once for all flow steps, unless what is read is edited or differentiated.
    /// </summary>
    private (Tensor Keys, Tensor Values) Projected((Tensor Keys, Tensor Values) prefix, int layer, long rows, Slots slots, Pass pass)
    {
        return slots.Edits(Point.AttnPrefixK) || slots.Edits(Point.AttnPrefixV) || pass.Plan.NeedsGradients
            ? Of(prefix.Keys, prefix.Values)
            : pass.Prefix!.Projected(layer, rows, Of);

        (Tensor, Tensor) Of(Tensor keys, Tensor values) => (weights.Key.Apply(Flat(keys)), weights.Value.Apply(Flat(values)));
    }

    /// <summary>What queries, keys and values read of the block's own tokens, and whose tokens keys and values are of.</summary>
    private (Tensor Asking, Tensor Keyed, Tensor Valued, Pass Tokens) Read(Tensor x, Slots slots, Pass pass)
    {
        if (!spec.Attention.AddsPositions)
        {
            return (x, x, x, pass);
        }

        var placed = x.Plus(pass.Added());
        return (slots.At(Point.AttnInQ, placed, pass), slots.At(Point.AttnInK, placed, pass), x, pass);
    }

    /// <summary>The keys and values of another stack's tokens (B,Hkv,Tp,hd), as this block reads them.</summary>
    private static (Tensor Keys, Tensor Values) PrefixOf(int layer, long rows, Slots slots, Pass pass)
    {
        var (keys, values) = pass.Prefix?.Layer(layer, rows) ?? throw NoPrefix(layer);
        return (Visited(Point.AttnPrefixK, keys), Visited(Point.AttnPrefixV, values));

        Tensor Visited(Point point, Tensor heads) => slots.Wants(point) ? slots.At(point, heads.transpose(1, 2), pass.OfPrefix).transpose(1, 2) : heads;
    }

    /// <summary>Attention to another stack's output.</summary>
    private Tensor Cross(CrossWeights cross, Tensor x, Slots slots, Pass pass)
    {
        var (b, heads, width) = (x.shape[0], spec.Cross!.Heads, spec.Cross.HeadWidth);
        var memory = pass.Memory ?? throw new VitrineException("attention: reads another stack's output; this pass was given none.");
        var values = slots.At(Point.CrossIn, memory.Output, memory.Pass);                                  // (B, Tm, d)
        var asking = slots.At(Point.CrossInQ, x.Plus(pass.Added()), pass);                                 // (B, T, d)
        var keyed = slots.At(Point.CrossInK, values.Plus(memory.Pass.Added()), memory.Pass);
        var q = slots.At(Point.CrossQ, cross.Query.Apply(asking).view(b, -1, heads, width), pass);         // (B, T, H, hd)
        var k = slots.At(Point.CrossK, cross.Key.Apply(keyed).view(b, -1, heads, width), memory.Pass);     // (B, Tm, H, hd)
        var v = slots.At(Point.CrossV, cross.Value.Apply(values).view(b, -1, heads, width), memory.Pass);
        var z = Weighted(
            q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), spec.Cross, Point.CrossScores, Point.CrossPattern, slots, pass).transpose(1, 2);
        z = slots.At(Point.CrossZ, z, pass);                                                               // (B, T, H, hd)
        return slots.At(Point.CrossOut, cross.Output.Apply(z.reshape(b, -1, heads * width)), pass);        // (B, T, d)
    }

    /// <summary>Heads side by side, as a projection reads them: (B,Tp,Hkv hd).</summary>
    private static Tensor Flat(Tensor heads) => heads.transpose(1, 2).flatten(2);

    private static VitrineException NoPrefix(int layer) => new($"block {layer}: reads the keys and values of a prefix; this run was given none.");

    /// <remarks>
    /// Scores and patterns are computed only when a plan reads or edits them, or where a soft cap leaves no other way. What is only read is computed beside
    /// the fused kernel, so that reading changes nothing.
    /// </remarks>
    private Tensor Weighted(Tensor q, Tensor k, Tensor v, AttentionSpec attention, Point scored, Point patterned, Slots slots, Pass pass)
    {
        var oneRow = q.shape[2] == 1 && !is_grad_enabled() && q.dtype == ScalarType.Float32 && q.device_type == DeviceType.CPU
            ? pass.FirstSeen(attention)
            : null;
        var isExplicit = (softCap is not null && oneRow is null) || slots.Edits(scored) || slots.Edits(patterned)
            || pass.Plan.ExplicitAttention || pass.Plan.NeedsGradients || pass.Run.AllowsNonFinite || !OnAnyDevice.HasFusedAttention(q);
        if (isExplicit || slots.Wants(scored) || slots.Wants(patterned))
        {
            var scores = (q * scoreScale.Value).matmul(ForEachHead(k).transpose(2, 3));                          // (B, H, Tq, Tk)
            scores = slots.At(scored, softCap is null ? scores : softCap.Apply(scores), pass);
            var pattern = slots.At(patterned, UnseenKeys.Pattern(scores, Mask(), slots.Edits(scored)), pass);
            if (isExplicit)
            {
                return pattern.matmul(ForEachHead(v));                                                     // (B, H, Tq, hd)
            }
        }

        LookForHidden(q, k, pass);
        if (oneRow is { } seen)
        {
            return AttendedByOne(q, k, v, seen);
        }

        q = besideFused.Value is { } factor ? q * factor : q;
        if (q.shape[2] == 1)
        {
            // One token: heads that share keys and values are so many queries of them, and nothing is copied.
            var grouped = q.reshape(q.shape[0], k.shape[1], -1, q.shape[3]);                               // (B, Hkv, H/Hkv, hd)
            return nn.functional.scaled_dot_product_attention(grouped, k, v, Mask()?.Added).reshape(q.shape);
        }

        (k, v) = (ForEachHead(k), ForEachHead(v));
        if (pass.Parts(attention) is { } parts)
        {
            var at = 0L;
            return cat([.. parts.Select(length =>
            {
                at += length;
                return nn.functional.scaled_dot_product_attention(
                    q.narrow(2, at - length, length), k.narrow(2, at - length, length), v.narrow(2, at - length, length));
            })], 2);
        }

        return pass.IsPlainCausal(attention)
            ? nn.functional.scaled_dot_product_attention(q, k, v, is_casual: true)
            : nn.functional.scaled_dot_product_attention(q, k, v, Mask()?.Added);

        UnseenKeys? Mask() => pass.Mask(q.dtype, attention) is { } mask && q.shape[2] < pass.Length ? mask.OfLastQuery() : pass.Mask(q.dtype, attention);
    }

    /// <summary>The same of one token of one row, over memory; an edit may have given each head its own keys.</summary>
    private unsafe Tensor AttendedByOne(Tensor q, Tensor k, Tensor v, int first)
    {
        var (attention, sizes, count) = (spec.Attention, (Heads: (int)q.shape[1], Shared: (int)k.shape[1], Width: (int)q.shape[3]), (int)k.shape[2] - first);
        (q, k, v) = (q.contiguous(), Rowed(k), Rowed(v));
        var z = empty([1, sizes.Heads, 1, sizes.Width], ScalarType.Float32);
        var scores = ArrayPool<float>.Shared.Rent(count);
        using var firstKey = k[0, 0, 0];
        using var firstValue = v[0, 0, 0];
        fixed (float* scratch = scores)
        {
            RowMath.Attend(
                RowMath.At(q), RowMath.At(firstKey) + ((long)first * sizes.Width), RowMath.At(firstValue) + ((long)first * sizes.Width),
                (k.stride(1), v.stride(1)), sizes, (0, sizes.Heads), count, (float)attention.Scale, (float?)attention.SoftCap, scratch, RowMath.At(z));
        }

        ArrayPool<float>.Shared.Return(scores);
        GC.KeepAlive(q);
        return z;

        static Tensor Rowed(Tensor x) => x.stride(3) == 1 && x.stride(2) == x.shape[3] ? x : x.contiguous();
    }

    /// <remarks>
    /// A query whose every score is NaN attends to nothing in libtorch's fused kernel for processors, and zeros go on as if they were an answer. That takes a
    /// query that is none, or keys of which none is a number; those of earlier passes were looked at there. Behind an explicit mask NaN stays NaN.
    /// </remarks>
    private static void LookForHidden(Tensor q, Tensor k, Pass pass)
    {
        if (pass.Run.Hidden is null && q.device_type == DeviceType.CPU
            && (NonFinite.First(q) ?? (k.shape[2] == pass.Length ? NonFinite.First(k) : null)) is { } found)
        {
            pass.Run.Hidden = new NonFiniteException(
                $"attention, step {pass.Step}: a query or key is {found.Name}, and what follows does not show it", row: (int)found.Index[0]);
        }
    }

    /// <remarks>An edit may have given each head its own before (the edges of a circuit).</remarks>
    private Tensor ForEachHead(Tensor shared) => shared.shape[1] == spec.Attention.Heads
        ? shared
        : shared.repeat_interleave(spec.Attention.Heads / spec.Attention.KeyValueHeads, dim: 1);

    /// <remarks>
    /// out = W_down n, where n = act(W_gate x) * (W_up x): neuron i writes its value vector, column i of W_down, with weight n_i (Geva et al. 2021).
    /// </remarks>
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

    /// <summary>What is added to the residual: through a norm, a LayerScale or a gate, or as it is.</summary>
    private static Tensor Added(Tensor x, Writing writing, Tensor? gate, Point point, Slots slots, Pass pass)
    {
        var added = writing.Added(x, gate);
        return ReferenceEquals(added, x) ? x : slots.At(point, added, pass);
    }

    /// <summary>The fused kernel scales by hd^-1/2; what a family scales otherwise goes into the queries.</summary>
    private static Scalar? FusedFactor(AttentionSpec attention)
    {
        var usual = Math.Pow(attention.HeadWidth, -0.5);
        return attention.Scale == usual ? null : attention.Scale / usual;
    }
}
