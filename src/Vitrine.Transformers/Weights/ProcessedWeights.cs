using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Weights;

/// <summary>A view over a stack's weights that folds a layer when it is asked for; the weights themselves stay as they are.</summary>
internal sealed class ProcessedWeights : IDisposable
{
    private readonly Stack raw;
    private readonly Folding folding;
    private readonly bool keep;
    private readonly Block?[] kept;
    private readonly List<Tensor> owned = [];
    private readonly Lock gate = new();
    private Linear? keptHead;

    /// <param name="raw">Whose weights.</param>
    /// <param name="folding">Checked against the stack.</param>
    /// <param name="keep">Whether what was folded once stays in memory.</param>
    public ProcessedWeights(Stack raw, Folding folding, bool keep)
    {
        (this.raw, this.folding, this.keep) = (raw, folding, keep);
        (kept, LastNorm) = (new Block?[raw.Shape.Layers], raw.LastNorm);
        if (folding.Norms && raw.LastNorm is { } norm)
        {
            LastNorm = Bare(norm);
            owned.Add(LastNorm.Gain.DetachFromDisposeScope());
        }
    }

    public Folding Folding => folding;

    /// <summary>The last norm without what went into the unembedding.</summary>
    public Norm? LastNorm { get; }

    /// <summary>One block; what is computed for it belongs to the caller's dispose scope, or stays where layers are kept.</summary>
    public Block Layer(int layer)
    {
        if (!keep)
        {
            return new Block(raw.Blocks[layer].Spec, Folded(raw.Blocks[layer]));
        }

        lock (gate)
        {
            return kept[layer] ??= new Block(raw.Blocks[layer].Spec, Kept(() => Folded(raw.Blocks[layer])));
        }
    }

    /// <summary>The unembedding; owned as <see cref="Layer"/> says.</summary>
    public Linear Head()
    {
        if (!keep)
        {
            return FoldedHead();
        }

        lock (gate)
        {
            return keptHead ??= Kept(FoldedHead);
        }
    }

    /// <summary>Rows of a table that is written into the residual.</summary>
    public static Tensor Centred(Tensor rows)
    {
        var wide = rows.Widened();
        return (wide - wide.mean([-1], keepdim: true)).RoundedAs(rows);
    }

    public void Dispose() => owned.ForEach(t => t.Dispose());

    private BlockWeights Folded(Block block)
    {
        var w = block.Weights;
        var value = Finished(w.Value, l => Read(l, w.AttentionNorm));
        var shift = folding.ValueBiases ? value.Bias : null;
        return new BlockWeights
        {
            AttentionNorm = Bared(w.AttentionNorm),
            AttentionOutputNorm = w.AttentionOutputNorm,
            AttentionPostNorm = w.AttentionPostNorm,
            MlpNorm = Bared(w.MlpNorm),
            MlpOutputNorm = w.MlpOutputNorm,
            MlpPostNorm = w.MlpPostNorm,
            Query = Finished(w.Query, l => Read(l, w.AttentionNorm)),
            Key = Finished(w.Key, l => Read(l, w.AttentionNorm)),
            Value = shift is null ? value : value with { Bias = null },
            QueryNorm = w.QueryNorm,
            KeyNorm = w.KeyNorm,
            Output = Finished(w.Output, l => shift is null ? Written(l) : Shifted(Written(l), shift, block.Spec.Attention)),
            Gate = w.Gate is { } gate ? Finished(gate, l => Read(l, w.MlpNorm)) : null,
            Up = Finished(w.Up, l => Read(l, w.MlpNorm)),
            Down = Finished(w.Down, Written),
            AttentionScale = w.AttentionScale,
            MlpScale = w.MlpScale,
        };
    }

    private Linear FoldedHead()
        => Finished(raw.Head!, head => folding.CentreUnembedding ? CentredOverOutputs(Read(head, raw.LastNorm)) : Read(head, raw.LastNorm));

    /// <remarks>W (g n + b) + c = (W g) n + (W b + c); n has mean 0 behind a LayerNorm, so W may lose its mean too.</remarks>
    private Linear Read(Linear linear, Norm? norm)
    {
        if (!folding.Norms || norm is null)
        {
            return linear;
        }

        var raw = linear.Weight;                                                                           // (out, d)
        var weight = norm.Centred(raw * norm.Gain.Widened());
        return new Linear(weight, norm.Bias is { } shift ? Plus(raw.mv(shift.Widened()), linear.Bias) : linear.Bias);
    }

    private Linear Written(Linear linear) => folding.CentreWriting ? CentredOverOutputs(linear) : linear;

    /// <summary>The weights of a pattern sum to 1, so every head writes its value bias whole.</summary>
    private static Linear Shifted(Linear output, Tensor valueBias, AttentionSpec attention)
    {
        var shared = valueBias.Widened().view(attention.KeyValueHeads, attention.HeadWidth);
        var each = shared.repeat_interleave(attention.Heads / attention.KeyValueHeads, dim: 0).flatten();
        return output with { Bias = Plus(output.Weight.mv(each), output.Bias) };                           // (d)
    }

    private static Linear CentredOverOutputs(Linear linear)
    {
        var weight = linear.Weight;
        return new Linear(weight - weight.mean([0], keepdim: true), linear.Bias is { } bias ? bias - bias.mean() : null);
    }

    private static Tensor Plus(Tensor a, Tensor? b) => b is null ? a : a.Plus(b);

    /// <summary>A folded projection without what was computed on the way to it.</summary>
    private Linear Finished(Linear linear, Func<Linear, Linear> fold)
    {
        using var scope = NewDisposeScope();
        var folded = linear.Dtype.IsNarrow() ? Narrow(linear, fold) : fold(linear);
        if (!ReferenceEquals(folded.Stored, linear.Stored))
        {
            Made(folded.Stored);
        }

        if (folded.Bias is not null && !ReferenceEquals(folded.Bias, linear.Bias))
        {
            Made(folded.Bias);
        }

        return folded;
    }

    /// <summary>Folds 16-bit weights in float32, so that sums over rows are rounded once.</summary>
    private static Linear Narrow(Linear linear, Func<Linear, Linear> fold)
    {
        var wide = linear.Widened();
        var folded = fold(wide);
        return ReferenceEquals(folded, wide)
            ? linear
            : new Linear(
                ReferenceEquals(folded.Stored, wide.Stored) ? linear.Stored : folded.Stored.to(linear.Dtype),
                ReferenceEquals(folded.Bias, wide.Bias) ? linear.Bias : folded.Bias?.to(linear.Dtype),
                linear.Dtype,
                ReferenceEquals(folded.Stored, wide.Stored) ? linear.Blocks : null);
    }

    private Norm? Bared(Norm? norm)
    {
        if (norm is null || !folding.Norms)
        {
            return norm;
        }

        using var scope = NewDisposeScope();
        var bare = Bare(norm);
        Made(bare.Gain);
        return bare;
    }

    private static Norm Bare(Norm norm) => new(norm.Spec, ones_like(norm.Gain), null);

    /// <summary>A finished tensor goes to the caller's scope, or stays with the view where layers are kept.</summary>
    private void Made(Tensor tensor)
    {
        if (keep)
        {
            owned.Add(tensor.DetachFromDisposeScope());
        }
        else
        {
            tensor.MoveToOuterDisposeScope();
        }
    }

    /// <summary>What stays is computed outside of the caller's graph.</summary>
    private static T Kept<T>(Func<T> compute)
    {
        using var outside = no_grad();
        return compute();
    }
}
