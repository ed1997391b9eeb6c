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
    public static Tensor Centred(Tensor rows) => rows - rows.mean([-1], keepdim: true);

    public void Dispose() => owned.ForEach(t => t.Dispose());

    private BlockWeights Folded(Block block)
    {
        var w = block.Weights;
        var attention = block.Spec.Attention;
        var value = Read(w.Value, w.AttentionNorm);
        var output = Written(w.Output);
        if (folding.ValueBiases && value.Bias is { } shift)
        {
            var each = shift.view(attention.KeyValueHeads, attention.HeadWidth).repeat_interleave(attention.Heads / attention.KeyValueHeads, dim: 0).flatten();
            output = output with { Bias = Made(output.Weight.mv(each).PlusOrNone(output.Bias)) };           // (d)
            value = value with { Bias = null };
        }

        return new BlockWeights
        {
            AttentionNorm = Bared(w.AttentionNorm),
            AfterAttention = w.AfterAttention,
            BehindAttention = w.BehindAttention,
            MlpNorm = Bared(w.MlpNorm),
            AfterMlp = w.AfterMlp,
            BehindMlp = w.BehindMlp,
            Query = Read(w.Query, w.AttentionNorm),
            Key = Read(w.Key, w.AttentionNorm),
            Value = value,
            QueryNorm = w.QueryNorm,
            KeyNorm = w.KeyNorm,
            Output = output,
            Gate = w.Gate is { } gateway ? Read(gateway, w.MlpNorm) : null,
            Up = Read(w.Up, w.MlpNorm),
            Down = Written(w.Down),
            AttentionScale = w.AttentionScale,
            MlpScale = w.MlpScale,
        };
    }

    private Linear FoldedHead()
    {
        var head = Read(raw.Head!, raw.LastNorm);                                                          // (V, d)
        return folding.CentreUnembedding
            ? new Linear(Made(head.Weight - head.Weight.mean([0], keepdim: true)), head.Bias is { } bias ? Made(bias - bias.mean()) : null)
            : head;
    }

    /// <remarks>W (g n + b) + c = (W g) n + (W b + c); n has mean 0 behind a LayerNorm, so W may lose its mean too.</remarks>
    private Linear Read(Linear linear, Norm? norm)
    {
        if (!folding.Norms || norm is null)
        {
            return linear;
        }

        var weight = linear.Weight * norm.Gain;                                                            // (out, d)
        var bias = norm.Bias is { } shift ? Made(linear.Weight.mv(shift).PlusOrNone(linear.Bias)) : linear.Bias;
        return new Linear(Made(norm.Spec.Kind == NormKind.LayerNorm ? Centred(weight) : weight), bias);
    }

    private Linear Written(Linear linear) => folding.CentreWriting
        ? new Linear(Made(linear.Weight - linear.Weight.mean([0], keepdim: true)), linear.Bias is { } bias ? Made(bias - bias.mean()) : null)
        : linear;

    private Norm? Bared(Norm? norm)
    {
        if (norm is null || !folding.Norms)
        {
            return norm;
        }

        var bare = Bare(norm);
        Made(bare.Gain);
        return bare;
    }

    private static Norm Bare(Norm norm) => new(norm.Spec, ones_like(norm.Gain), null);

    /// <summary>A finished tensor: where layers are kept, the view owns it.</summary>
    private Tensor Made(Tensor tensor)
    {
        if (keep)
        {
            owned.Add(tensor.DetachFromDisposeScope());
        }

        return tensor;
    }

    /// <summary>Computes outside the caller's scope and graph what stays.</summary>
    private static T Kept<T>(Func<T> compute)
    {
        using var outside = no_grad();
        using var scope = NewDisposeScope();
        return compute();
    }
}

file static class Biases
{
    public static Tensor PlusOrNone(this Tensor a, Tensor? b) => b is null ? a : a.Plus(b);
}
