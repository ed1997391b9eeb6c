using TorchSharp;
using TorchSharp.Modules;
using Vitrine.Checkpoints;
using static TorchSharp.torch;

namespace Vitrine.Benchmarks;

/// <summary>GPT-2 written down with TorchSharp alone: no points, no plan, no scopes beyond the tensors' own.</summary>
internal sealed class PlainGpt2 : IDisposable
{
    private readonly Dictionary<string, Tensor> weights = [];
    private readonly Scalar one = 1;

    public PlainGpt2(string folder)
    {
        using var checkpoint = Checkpoint.Open(folder);
        foreach (var name in checkpoint.Names)
        {
            weights[name] = checkpoint.Read(name).DetachFromDisposeScope();
        }
    }

    /// <param name="ids">(B,T).</param>
    /// <param name="embedded">(B,T,d) with gradients; read from the ids when null.</param>
    /// <returns>Logits of the last token (B,V), owned by the caller.</returns>
    public Tensor Forward(Tensor ids, Tensor? embedded = null)
    {
        using var scope = NewDisposeScope();
        var (b, t) = (ids.shape[0], ids.shape[1]);
        var x = embedded ?? Embedded(ids);
        for (var layer = 0; layer < Gpt2Checkpoint.Layers; layer++)
        {
            using var inner = NewDisposeScope();
            var at = $"h.{layer}";
            var heads = Linear(Norm(x, $"{at}.ln_1"), $"{at}.attn.c_attn").view(b, t, 3, Gpt2Checkpoint.Heads, Gpt2Checkpoint.HeadWidth).permute(2, 0, 3, 1, 4);
            var z = nn.functional.scaled_dot_product_attention(heads[0], heads[1], heads[2], is_casual: true).transpose(1, 2).reshape(b, t, -1);
            var mid = x.add(Linear(z, $"{at}.attn.c_proj"), one);
            var neurons = nn.functional.gelu(Linear(Norm(mid, $"{at}.ln_2"), $"{at}.mlp.c_fc"), GELU.Approximate.tanh);
            x = mid.add(Linear(neurons, $"{at}.mlp.c_proj"), one).MoveToOuterDisposeScope();
        }

        return nn.functional.linear(Norm(x.select(1, t - 1), "ln_f"), weights["wte.weight"]).MoveToOuterDisposeScope();
    }

    /// <summary>(B,T,d), owned by the caller.</summary>
    public Tensor Embedded(Tensor ids)
    {
        using var scope = NewDisposeScope();
        var words = weights["wte.weight"].index_select(0, ids.flatten()).view(ids.shape[0], ids.shape[1], -1);
        return words.add(weights["wpe.weight"].narrow(0, 0, ids.shape[1]), one).MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        foreach (var weight in weights.Values)
        {
            weight.Dispose();
        }
    }

    private Tensor Linear(Tensor x, string name)
        => addmm(weights[$"{name}.bias"], x.reshape(-1, x.shape[^1]), weights[$"{name}.weight"], 1, 1).view([.. x.shape[..^1], -1]);

    private Tensor Norm(Tensor x, string name)
        => nn.functional.layer_norm(x, [Gpt2Checkpoint.Width], weights[$"{name}.weight"], weights[$"{name}.bias"], Gpt2Checkpoint.Epsilon);
}
