using TorchSharp;
using Vitrine.Transformers;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Pictures;

/// <summary>
/// Attention patterns of a picture, computed again layer by layer from queries and keys: all of them at once would be layers x heads x tokens^2 numbers.
/// </summary>
internal static class Patterns
{
    /// <summary>What a run must capture.</summary>
    public static string[] Needs(StackShape shape) => [$"{shape.Name}.*.{Query(shape).Name}", $"{shape.Name}.*.{Key(shape).Name}"];

    /// <summary>The pattern of a layer in row 0.</summary>
    /// <param name="run">It captured <see cref="Needs"/> and edited no score.</param>
    /// <param name="stack">Whose run.</param>
    /// <param name="layer">From 0.</param>
    /// <param name="queries">Tokens that look; all when null.</param>
    /// <returns>(H, queries, T); owned by the caller.</returns>
    public static Tensor Of(Run run, Stack stack, int layer, IReadOnlyList<int>? queries = null)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var shape = stack.Shape;
        var q = run[$"{shape.Name}.{layer}.{Query(shape).Name}"][0].detach().Widened();                  // (T, H, hd)
        var k = run[$"{shape.Name}.{layer}.{Key(shape).Name}"][0].detach().Widened();                    // (T, Hkv, hd)
        if (queries is not null)
        {
            q = q.index_select(0, tensor([.. queries.Select(i => (long)i)], device: q.device));
        }

        if (shape.Heads != shape.KeyValueHeads)
        {
            k = k.repeat_interleave(shape.Heads / shape.KeyValueHeads, dim: 1);
        }

        Scalar scale = stack.Blocks[layer].Spec.Attention.Scale;
        var pattern = (q * scale).transpose(0, 1).matmul(k.permute(1, 2, 0)).softmax(-1);
        GC.KeepAlive(scale);
        return pattern.MoveToOuterDisposeScope();
    }

    private static Point Query(StackShape shape)
        => shape.Points.Contains(Point.AttnQRot) ? Point.AttnQRot : shape.Points.Contains(Point.AttnQNorm) ? Point.AttnQNorm : Point.AttnQ;

    private static Point Key(StackShape shape)
        => shape.Points.Contains(Point.AttnKRot) ? Point.AttnKRot : shape.Points.Contains(Point.AttnKNorm) ? Point.AttnKNorm : Point.AttnK;
}
