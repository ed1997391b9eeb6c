using TorchSharp;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Engine;

/// <summary>An attention-pool head: one learned query attends to all tokens, then a feed-forward (timm, attention_pool.py; Zhai et al. 2022).</summary>
internal sealed record AttentionPool(BlockSpec Spec, Tensor Latent, Linear Query, Linear Key, Linear Value, Linear Output, Norm Norm, Linear Up, Linear Down)
{
    private readonly Scalar scoreScale = Spec.Attention.Scale;

    /// <summary>Its points, outside of blocks.</summary>
    public static IReadOnlyList<Point> Points { get; } = [Point.HeadAttnScores, Point.HeadAttnPattern, Point.HeadAttnOut, Point.HeadMlpNeurons];

    /// <param name="x">(B,T,d), behind the final norm.</param>
    /// <returns>(B,d).</returns>
    public Tensor Forward(Tensor x, Pass pass, string stack)
    {
        var slots = pass.Plan.Of(stack);
        var (b, t, heads, width) = (x.shape[0], x.shape[1], Spec.Attention.Heads, Spec.Attention.HeadWidth);
        var q = Query.Apply(Latent).view(1, 1, heads, width).transpose(1, 2).expand(b, -1, -1, -1);       // (B, H, 1, hd)
        var k = Key.Apply(x).view(b, t, heads, width).transpose(1, 2);                                    // (B, H, T, hd)
        var v = Value.Apply(x).view(b, t, heads, width).transpose(1, 2);
        var scores = slots.At(Point.HeadAttnScores, (q * scoreScale).matmul(k.transpose(2, 3)), pass);   // (B, H, 1, T)
        var weights = UnseenKeys.Pattern(scores, mask: null, slots.Edits(Point.HeadAttnScores));
        var pattern = slots.At(Point.HeadAttnPattern, weights, pass);
        var attended = Output.Apply(pattern.matmul(v).transpose(1, 2).reshape(b, 1, heads * width));
        var pooled = slots.At(Point.HeadAttnOut, attended, pass);                                          // (B, 1, d)
        var neurons = slots.At(Point.HeadMlpNeurons, Spec.Mlp.Activation.Apply(Up.Apply(Norm.Apply(pooled))), pass);   // (B, 1, F)
        return pooled.Plus(Down.Apply(neurons)).select(1, 0);
    }
}
