using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Caches;

/// <summary>The residual stream taken apart.</summary>
public sealed partial class ActivationCache
{
    /// <summary>The residual stream as it grows: <c>0_pre</c>, <c>0_mid</c>, <c>1_pre</c> ... <c>final_post</c>.</summary>
    /// <param name="layer">Up to the input of this block; null to the end.</param>
    /// <param name="mid">Whether the stream between attention and feed-forward is shown too, where there is one.</param>
    /// <returns>Owned by the caller.</returns>
    public ComponentStack Accumulated(int? layer = null, bool mid = true)
    {
        using var scope = NewDisposeScope();
        var parts = new List<(string, Tensor)>();
        for (var l = 0; l <= Until(layer); l++)
        {
            if (l == Shape.Layers)
            {
                parts.Add(("final_post", At(l - 1, Point.ResidPost)));
                break;
            }

            parts.Add(($"{l}_pre", At(l, Point.ResidPre)));
            if (mid && l < Until(layer) && Shape.Points.Contains(Point.ResidMid))
            {
                parts.Add(($"{l}_mid", At(l, Point.ResidMid)));
            }
        }

        return Upon(parts);
    }

    /// <summary>
    /// What was written into the residual: <c>embed</c>, <c>pos_embed</c>, then each block's <c>0_attn_out</c> and <c>0_mlp_out</c>, and <c>0_deepstack</c>
    /// where a model adds its pictures' features behind a block. They sum to it.
    /// </summary>
    /// <param name="layer">Up to the input of this block; null to the end.</param>
    /// <returns>Owned by the caller.</returns>
    public ComponentStack Decompose(int? layer = null)
    {
        using var scope = NewDisposeScope();
        var parts = Embeddings().ToList();
        for (var l = 0; l < Until(layer); l++)
        {
            parts.Add(($"{l}_attn_out", Arrived(l, Point.AttnOutPost, Point.AttnOut)));
            parts.Add(($"{l}_mlp_out", Arrived(l, Point.MlpOutPost, Point.MlpOut)));
            parts.AddRange(BehindBlock(l));
        }

        return Upon(parts);
    }

    /// <summary>What each head wrote: <c>L0H0</c> ...: z W_O of the head, without the output bias.</summary>
    /// <param name="layer">Heads of the blocks before this one; null for all.</param>
    /// <param name="remainder">Whether what is left of the residual follows as <c>remainder</c>, so that the parts sum to it.</param>
    /// <returns>Owned by the caller; L x H parts, so cut the cache first (<see cref="AtPosition"/>).</returns>
    public ComponentStack Heads(int? layer = null, bool remainder = false)
    {
        using var scope = NewDisposeScope();
        var (labels, parts) = HeadParts(0, Until(layer));
        if (remainder)
        {
            labels.Add("remainder");
            parts.Add((Before(layer) - cat([.. parts], 0).sum(0L)).unsqueeze(0));
        }

        return new ComponentStack(labels, cat([.. parts], 0).DetachFromDisposeScope());
    }

    /// <summary>What each head of one block wrote, as <see cref="Heads"/>.</summary>
    /// <returns>Owned by the caller; H parts.</returns>
    internal ComponentStack HeadsOf(int layer)
    {
        using var scope = NewDisposeScope();
        var (labels, parts) = HeadParts(Within(layer), layer + 1);
        return new ComponentStack(labels, parts[0].DetachFromDisposeScope());
    }

    /// <summary>What each neuron of a block wrote: <c>L1N0</c> ...: its activation times its value vector, without the output bias.</summary>
    /// <returns>Owned by the caller; F parts, so cut the cache first (<see cref="AtPosition"/>).</returns>
    public ComponentStack Neurons(int layer)
    {
        using var scope = NewDisposeScope();
        return new ComponentStack(NeuronLabels(Within(layer)), NeuronParts(layer).DetachFromDisposeScope());
    }

    /// <summary>
    /// Everything: heads, feed-forwards (or each of their neurons), <c>embed</c>, <c>pos_embed</c>, and <c>bias</c>, the sum of the output biases that belong
    /// to no part. They sum to the residual.
    /// </summary>
    /// <param name="layer">Up to the input of this block; null to the end.</param>
    /// <param name="neurons">Whether feed-forwards are taken apart too.</param>
    /// <returns>Owned by the caller; cut the cache first (<see cref="AtPosition"/>).</returns>
    public ComponentStack Full(int? layer = null, bool neurons = false)
    {
        using var scope = NewDisposeScope();
        var (labels, parts) = HeadParts(0, Until(layer));
        for (var l = 0; l < Until(layer); l++)
        {
            labels.AddRange(neurons ? NeuronLabels(l) : [$"{l}_mlp_out"]);
            parts.Add(neurons ? NeuronParts(l) : Arrived(l, Point.MlpOutPost, Point.MlpOut).unsqueeze(0));
        }

        foreach (var (label, value) in Embeddings().Concat(Enumerable.Range(0, Until(layer)).SelectMany(BehindBlock)))
        {
            labels.Add(label);
            parts.Add(value.unsqueeze(0));
        }

        labels.Add("bias");
        parts.Add(Biases(Until(layer), neurons).unsqueeze(0));
        return new ComponentStack(labels, cat([.. parts], 0).DetachFromDisposeScope());
    }

    private (List<string> Labels, List<Tensor> Parts) HeadParts(int from, int until)
    {
        var (labels, parts) = (new List<string>(), new List<Tensor>());
        for (var l = from; l < until; l++)
        {
            using var inner = NewDisposeScope();
            var block = stack.At(l);
            var output = block.Weights.Output.Weight.Widened().reshape(Shape.Width, Shape.Heads, Shape.HeadWidth);   // (d, H, hd)
            var written = einsum("bthc,dhc->hbtd", At(l, Point.AttnZ), output);                            // (H, B, T, d)
            parts.Add(block.Weights.AttentionWriting.Share(written, At(l, Point.AttnOut), block.Weights.AttentionNorm?.GateUnder(Condition))
                .MoveToOuterDisposeScope());
            labels.AddRange(Enumerable.Range(0, Shape.Heads).Select(h => $"L{l}H{h}"));
        }

        return (labels, parts);
    }

    private List<string> NeuronLabels(int layer) => [.. Enumerable.Range(0, Shape.Neurons).Select(n => $"L{layer}N{n}")];

    private Tensor NeuronParts(int layer)
    {
        using var inner = NewDisposeScope();
        var block = stack.At(layer);
        var vectors = block.Weights.Down.Weight.Widened().t().reshape(Shape.Neurons, 1, 1, Shape.Width);
        var written = At(layer, Point.MlpNeurons).permute(2, 0, 1).unsqueeze(-1) * vectors;                // (F, B, T, d)
        return block.Weights.MlpWriting.Share(written, At(layer, Point.MlpOut), block.Weights.MlpNorm?.GateUnder(Condition)).MoveToOuterDisposeScope();
    }

    private Tensor Biases(int until, bool ofFeedForwards)
    {
        var sum = zeros_like(inputs[Words].Widened());
        for (var l = 0; l < until; l++)
        {
            using var inner = NewDisposeScope();
            var block = stack.At(l);
            sum = sum.Plus(Bias(block.Weights.Output.Bias, block.Weights.AttentionWriting, block.Weights.AttentionNorm, l, Point.AttnOut));
            sum = (ofFeedForwards ? sum.Plus(Bias(block.Weights.Down.Bias, block.Weights.MlpWriting, block.Weights.MlpNorm, l, Point.MlpOut)) : sum)
                .MoveToOuterDisposeScope();
        }

        return sum;
    }

    private Tensor Bias(Tensor? bias, Writing writing, Norm? gating, int layer, Point whole)
    {
        var like = inputs[Words].Widened();
        var arriving = bias is null ? zeros_like(like) : writing.Share(bias.expand_as(like), At(layer, whole), gating?.GateUnder(Condition));
        return writing.OutputNorm?.Bias is { } shift ? arriving.Plus(shift.Widened()) : arriving;
    }

    private IEnumerable<(string Label, Tensor Value)> Embeddings()
    {
        yield return ("embed", inputs[Words].Widened());
        if (inputs.TryGetValue(Places, out var places))
        {
            yield return ("pos_embed", places.Widened());
        }
    }

    /// <summary>What a model adds behind a block beside what the block writes.</summary>
    private IEnumerable<(string Label, Tensor Value)> BehindBlock(int layer)
        => activations.TryGetValue(new Address(Shape.Name, null, PictureSide.DeepStack(layer, Shape.Width)), out var added)
            ? [($"{layer}_deepstack", added)]
            : [];

    private Tensor Arrived(int layer, Point behind, Point plain) => At(layer, Shape.Points.Contains(behind) ? behind : plain);

    /// <summary>The residual in front of a block; behind the last one when null.</summary>
    private Tensor Before(int? layer) => Until(layer) == Shape.Layers ? At(Shape.Layers - 1, Point.ResidPost) : At(Until(layer), Point.ResidPre);

    private int Until(int? layer) => layer is null || layer == Shape.Layers ? Shape.Layers : Within(layer.Value);

    private int Within(int layer) => layer >= 0 && layer < Shape.Layers
        ? layer
        : throw new VitrineException($"layer {layer}: stack '{Shape.Name}' has {Shape.Layers} layers, counted from 0.");

    private static ComponentStack Upon(List<(string Label, Tensor Value)> parts)
        => new([.. parts.Select(p => p.Label)], stack([.. parts.Select(p => p.Value)]).MoveToOuterDisposeScope());
}
