using Vitrine.Checkpoints;
using Vitrine.Transformers.Engine;

namespace Vitrine.Transformers.Families;

/// <summary>Mistral: Llama whose every block looks through a window (transformers, modeling_mistral.py).</summary>
internal static class Mistral
{
    private static readonly DecoderDefaults Defaults = new(4096, 14336, 32, 32, 8, null, 32000, Tied: false);

    /// <remarks>A missing sliding_window is 4096, the class default; null is no window (Mistral 0.2 and later).</remarks>
    public static TextConfig Read(ConfigReader json)
    {
        var config = LlamaConfig.Read(json, Defaults, NormKind.Rms, json.Activation("hidden_act", "silu"))
            .Windowed(json, json.Optional("sliding_window", 4096), _ => true);
        if (config.Blocks.Any(b => b.Attention.Window is null) && json.Optional("sliding_window", 4096) is > 0)
        {
            throw new VitrineException($"{json.Source}: layer_types names full_attention; Mistral's class looks through sliding_window on every layer.");
        }

        json.RefuseUnread();
        return config;
    }
}
