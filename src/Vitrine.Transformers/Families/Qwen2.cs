using Vitrine.Checkpoints;
using Vitrine.Transformers.Engine;

namespace Vitrine.Transformers.Families;

/// <summary>Qwen 2 and 2.5: Llama with biases on q, k and v, not on the output (transformers, modeling_qwen2.py).</summary>
internal static class Qwen2
{
    private static readonly DecoderDefaults Defaults = new(4096, 22016, 32, 32, 32, null, 151936, Tied: false);

    public static TextConfig Read(ConfigReader json)
    {
        json.MustBeOff("use_mrope");
        var config = Windowed(
            LlamaConfig.Read(json, Defaults, NormKind.Rms, json.Activation("hidden_act", "silu")).Attending((a, _) => a with { Bias = true }), json);
        json.RefuseUnread();
        return config;
    }

    /// <remarks>
    /// sliding_window means nothing unless use_sliding_window is on; then blocks from max_window_layers on look through it (transformers,
    /// configuration_qwen2.py).
    /// </remarks>
    public static TextConfig Windowed(TextConfig config, ConfigReader json)
    {
        var (window, first) = (json.Optional("sliding_window", 4096), json.Optional("max_window_layers", 28));
        if (!json.Flag("use_sliding_window", false))
        {
            return config.Windowed(json, window: null, _ => false);
        }

        return first is { } from
            ? config.Windowed(json, window, layer => layer >= from)
            : throw json.Wrong("max_window_layers", json.Root.GetProperty("max_window_layers"), "the first layer that looks through the window");
    }
}
