using Vitrine.Checkpoints;
using Vitrine.Transformers.Engine;

namespace Vitrine.Transformers.Families;

/// <summary>Llama: RMSNorm, rotary positions, grouped queries, gated feed-forward (transformers, modeling_llama.py).</summary>
internal static class Llama
{
    private static readonly DecoderDefaults Defaults = new(4096, 11008, 32, 32, null, null, 32000, Tied: false);

    /// <remarks>pretraining_tp slices matrices without changing the result; is_llama_config and rope_interleaved stand in SmolLM2's files.</remarks>
    internal static readonly string[] Inert = ["pretraining_tp", "is_llama_config"];

    public static TextConfig Read(ConfigReader json)
    {
        json.MustBeOff("rope_interleaved");
        var (bias, mlpBias) = (json.Flag("attention_bias", false), json.Flag("mlp_bias", false));
        var config = LlamaConfig.Read(json, Defaults, NormKind.Rms, json.Activation("hidden_act", "silu"))
            .Attending((a, _) => a with { Bias = bias, OutputBias = bias });
        config = config with { Blocks = [.. config.Blocks.Select(b => b with { Mlp = b.Mlp with { Bias = mlpBias } })] };
        json.RefuseUnread(Inert);
        return config;
    }
}
