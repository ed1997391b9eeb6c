using Vitrine.Checkpoints;
using Vitrine.Transformers.Engine;

namespace Vitrine.Transformers.Families;

/// <summary>Qwen 3: Llama whose queries and keys are normed head by head before the rotation (transformers, modeling_qwen3.py).</summary>
internal static class Qwen3
{
    private static readonly DecoderDefaults Defaults = new(4096, 22016, 32, 32, 32, 128, 151936, Tied: false);

    public static TextConfig Read(ConfigReader json)
    {
        var bias = json.Flag("attention_bias", false);
        var config = LlamaConfig.Read(json, Defaults, NormKind.Rms, json.Activation("hidden_act", "silu"));
        config = Qwen2.Windowed(config.Attending((a, _) => a with { Bias = bias, OutputBias = bias, QueryKeyNorm = config.Spec.Norm }), json);
        json.RefuseUnread();
        return config;
    }
}
