using Vitrine.Transformers.Families;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Engine;

/// <summary>An attention-pool head: one learned query attends to all tokens, then a feed-forward (timm, attention_pool.py; Zhai et al. 2022).</summary>
internal sealed record AttentionPool(BlockSpec Spec, Tensor Latent, Linear Query, Linear Key, Linear Value, Linear Output, Norm Norm, Linear Up, Linear Down)
{
    public static AttentionPool Load(WeightReader weights, string prefix, BlockSpec spec)
    {
        var (width, neurons) = (spec.Width, spec.Mlp.Neurons);
        var (key, value) = weights.TwoLinears($"{prefix}.kv", width, width);
        return new AttentionPool(
            spec,
            weights.Take($"{prefix}.latent", 1, 1, width),
            weights.Linear($"{prefix}.q", width, width, bias: true),
            key,
            value,
            weights.Linear($"{prefix}.proj", width, width, bias: true),
            weights.Norm(spec.Norm, $"{prefix}.norm", width),
            weights.Linear($"{prefix}.mlp.fc1", neurons, width, bias: true),
            weights.Linear($"{prefix}.mlp.fc2", width, neurons, bias: true));
    }

    /// <param name="x">(B,T,d), behind the final norm.</param>
    /// <returns>(B,d).</returns>
    public Tensor Forward(Tensor x, Pass pass, string stack)
    {
        var slots = pass.Plan.Of(stack);
        var (b, t, heads, width) = (x.shape[0], x.shape[1], Spec.Attention.Heads, Spec.Attention.HeadWidth);
        var q = Query.Apply(Latent).view(1, 1, heads, width).transpose(1, 2).expand(b, -1, -1, -1);       // (B, H, 1, hd)
        var k = Key.Apply(x).view(b, t, heads, width).transpose(1, 2);                                    // (B, H, T, hd)
        var v = Value.Apply(x).view(b, t, heads, width).transpose(1, 2);
        var scores = slots.At(Point.HeadAttnScores, (q * Math.Pow(width, -0.5)).matmul(k.transpose(2, 3)), pass);   // (B, H, 1, T)
        var pattern = slots.At(Point.HeadAttnPattern, scores.softmax(-1), pass);
        var pooled = Output.Apply(pattern.matmul(v).transpose(1, 2).reshape(b, 1, heads * width));        // (B, 1, d)
        return (pooled + Down.Apply(Spec.Mlp.Activation.Apply(Up.Apply(Norm.Apply(pooled))))).select(1, 0);
    }
}
