using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using TorchSharp;
using Vitrine.Checkpoints;
using static TorchSharp.torch;

namespace Vitrine.Benchmarks;

/// <summary>The same model written down with TorchSharp alone: no points, no plan, no scopes beyond the tensors' own.</summary>
internal sealed class PlainLlama : IDisposable
{
    private readonly Dictionary<string, Tensor> weights = [];
    private readonly Scalar epsilon = LlamaCheckpoint.Epsilon, one = 1;

    public PlainLlama(string folder)
    {
        using var checkpoint = Checkpoint.Open(folder);
        foreach (var name in checkpoint.Names)
        {
            weights[name] = checkpoint.Read(name).DetachFromDisposeScope();
        }
    }

    /// <param name="ids">(1,T).</param>
    /// <param name="before">Changes the residual (1,T,d) in front of a block; null for nothing.</param>
    /// <returns>(1,T,V), owned by the caller.</returns>
    public Tensor Forward(Tensor ids, Func<int, Tensor, Tensor>? before = null)
    {
        using var scope = NewDisposeScope();
        var x = Through(weights["model.embed_tokens.weight"].index_select(0, ids.flatten()).view(1, ids.shape[1], -1), 0, before);
        return Unembedded(x).MoveToOuterDisposeScope();
    }

    /// <summary>Blocks from one on over a residual (B,T,d); owned by the caller.</summary>
    public Tensor Through(Tensor residual, int first, Func<int, Tensor, Tensor>? before = null)
    {
        const int Heads = LlamaCheckpoint.Heads, KeyValueHeads = LlamaCheckpoint.KeyValueHeads, HeadWidth = LlamaCheckpoint.HeadWidth;
        using var scope = NewDisposeScope();
        var (b, t) = (residual.shape[0], residual.shape[1]);
        var frequencies = tensor(Enumerable.Range(0, HeadWidth / 2).Select(i => 1 / MathF.Pow((float)LlamaCheckpoint.Theta, 2 * i / (float)HeadWidth))
            .ToArray());
        var angles = arange(t, float32).unsqueeze(-1) * frequencies;
        var turns = cat([angles, angles], -1).view(1, t, 1, HeadWidth);
        var (cos, sin) = (turns.cos(), turns.sin());
        var x = residual.alias();
        for (var layer = first; layer < LlamaCheckpoint.Layers; layer++)
        {
            using var inner = NewDisposeScope();
            var at = $"model.layers.{layer}";
            x = before is null ? x : before(layer, x);
            var a = Norm(x, $"{at}.input_layernorm");
            var q = Turned(Linear(a, $"{at}.self_attn.q_proj").view(b, t, Heads, HeadWidth), cos, sin).transpose(1, 2);
            var k = Turned(Linear(a, $"{at}.self_attn.k_proj").view(b, t, KeyValueHeads, HeadWidth), cos, sin).transpose(1, 2);
            var v = Linear(a, $"{at}.self_attn.v_proj").view(b, t, KeyValueHeads, HeadWidth).transpose(1, 2);
            (k, v) = (k.repeat_interleave(Heads / KeyValueHeads, dim: 1), v.repeat_interleave(Heads / KeyValueHeads, dim: 1));
            var z = nn.functional.scaled_dot_product_attention(q, k, v, is_casual: true).transpose(1, 2).reshape(b, t, Heads * HeadWidth);
            var mid = x.add(Linear(z, $"{at}.self_attn.o_proj"), one);
            var c = Norm(mid, $"{at}.post_attention_layernorm");
            var neurons = nn.functional.silu(Linear(c, $"{at}.mlp.gate_proj")) * Linear(c, $"{at}.mlp.up_proj");
            x = mid.add(Linear(neurons, $"{at}.mlp.down_proj"), one).MoveToOuterDisposeScope();
        }

        return x.MoveToOuterDisposeScope();
    }

    /// <summary>Logits of residuals behind the last block; owned by the current scope.</summary>
    public Tensor Unembedded(Tensor residual) => nn.functional.linear(Norm(residual, "model.norm"), weights["model.embed_tokens.weight"]);

    /// <summary>The matrix products of the same pass and nothing else.</summary>
    public void Products(long tokens)
    {
        using var scope = NewDisposeScope();
        var (narrow, wide) = (ones(1, tokens, LlamaCheckpoint.Width), ones(1, tokens, LlamaCheckpoint.Neurons));
        foreach (var weight in weights.Values.Where(w => w.dim() == 2))
        {
            nn.functional.linear(weight.shape[1] == LlamaCheckpoint.Neurons ? wide : narrow, weight).Dispose();
        }
    }

    /// <summary>Every number of the matrices, added up in registers: what reading them takes at least on one thread.</summary>
    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.AggressiveOptimization)]
    public float ReadMatrices()
    {
        var total = 0f;
        foreach (var weight in weights.Values.Where(w => w.dim() == 2))
        {
            var numbers = MemoryMarshal.Cast<byte, Vector512<float>>(weight.bytes);
            var (a, b, c, d) = (Vector512<float>.Zero, Vector512<float>.Zero, Vector512<float>.Zero, Vector512<float>.Zero);
            for (var i = 0; i + 4 <= numbers.Length; i += 4)
            {
                a += numbers[i];
                b += numbers[i + 1];
                c += numbers[i + 2];
                d += numbers[i + 3];
            }

            total += Vector512.Sum(a + b + (c + d));
        }

        return total;
    }

    /// <summary>Bytes of all matrices: what one decoded token must read.</summary>
    public long MatrixBytes => weights.Values.Where(w => w.dim() == 2).Sum(w => w.numel() * 4);

    public void Dispose()
    {
        foreach (var weight in weights.Values)
        {
            weight.Dispose();
        }
    }

    private Tensor Linear(Tensor x, string name) => nn.functional.linear(x, weights[$"{name}.weight"]);

    private Tensor Norm(Tensor x, string name) => x * x.square().mean([-1], keepdim: true).add_(epsilon).rsqrt_() * weights[$"{name}.weight"];

    private Tensor Turned(Tensor x, Tensor cos, Tensor sin)
    {
        var halves = x.chunk(2, -1);
        return (x * cos).add(cat([halves[1].neg(), halves[0]], -1) * sin, one);
    }
}
