using Vitrine.Checkpoints;
using Vitrine.Transformers.Engine;

namespace Vitrine.Transformers.Families;

/// <summary>
/// Class defaults of a Llama-like configuration: a missing key takes these, not the values of a famous model (OpenVLA's text_config relies on that).
/// </summary>
/// <param name="Width">hidden_size.</param>
/// <param name="Neurons">intermediate_size.</param>
/// <param name="Layers">num_hidden_layers.</param>
/// <param name="Heads">num_attention_heads.</param>
/// <param name="KeyValueHeads">num_key_value_heads; null for as many as heads.</param>
/// <param name="HeadWidth">head_dim; null for width / heads.</param>
/// <param name="Vocabulary">vocab_size.</param>
/// <param name="Tied">tie_word_embeddings.</param>
internal sealed record DecoderDefaults(int Width, int Neurons, int Layers, int Heads, int? KeyValueHeads, int? HeadWidth, int Vocabulary, bool Tied)
{
    /// <summary>rms_norm_eps.</summary>
    public double Epsilon { get; init; } = 1e-6;

    /// <summary>Base of the rotary wavelengths.</summary>
    public double Theta { get; init; } = 10000;

    /// <summary>How frequencies are shared where positions have three axes; null where they have one.</summary>
    public RotaryAxes? Axes { get; init; }
}

/// <summary>Reads what the Llama-like families spell alike.</summary>
internal static class LlamaConfig
{
    /// <param name="json">config.json.</param>
    /// <param name="defaults">Of the family's configuration class.</param>
    /// <param name="norm">How the family's norms scale.</param>
    /// <param name="activation">Of the gate.</param>
    /// <param name="rotary">Where the family reads its own; that of the file when null.</param>
    public static TextConfig Read(ConfigReader json, DecoderDefaults defaults, NormKind norm, Activation activation, RotarySpec? rotary = null)
    {
        var width = json.Size("hidden_size", defaults.Width);
        var heads = json.Size("num_attention_heads", defaults.Heads);
        var kvHeads = json.Optional("num_key_value_heads", defaults.KeyValueHeads) ?? heads;
        var headWidth = json.Optional("head_dim", defaults.HeadWidth) ?? width / heads;
        if (kvHeads == 0 || heads % kvHeads != 0 || headWidth == 0)
        {
            throw new VitrineException($"{json.Source}: {heads} heads of width {headWidth} cannot share {kvHeads} key/value heads.");
        }

        var spec = new BlockSpec(
            width,
            new NormSpec(norm, json.Number("rms_norm_eps", defaults.Epsilon)),
            new AttentionSpec(
                heads, kvHeads, headWidth, AttentionMask.Causal,
                rotary ?? Rope.Read(json, headWidth, theta: defaults.Theta, axes: defaults.Axes)),
            new MlpSpec(json.Size("intermediate_size", defaults.Neurons), Gated: true, activation),
            LayerScale: false);
        return new TextConfig([.. Enumerable.Repeat(spec, json.Size("num_hidden_layers", defaults.Layers))], json.Size("vocab_size", defaults.Vocabulary))
        {
            Tied = json.Flag("tie_word_embeddings", defaults.Tied),
        }.WithHead(json);
    }

    /// <summary>The same with other attention in every block.</summary>
    public static TextConfig Attending(this TextConfig config, Func<AttentionSpec, int, AttentionSpec> change)
        => config with { Blocks = [.. config.Blocks.Select((b, layer) => b with { Attention = change(b.Attention, layer) })] };

    /// <summary>Which blocks look through the window: <c>layer_types</c> where it stands, else the family's rule.</summary>
    public static TextConfig Windowed(this TextConfig config, ConfigReader json, int? window, Func<int, bool> otherwise)
    {
        var types = json.Texts("layer_types");
        if (types is not null && (types.Count != config.Layers || types.Any(t => t is not ("full_attention" or "sliding_attention"))))
        {
            throw new VitrineException(
                $"{json.Source}: layer_types is {string.Join(", ", types)}; expected {config.Layers} times full_attention or sliding_attention.");
        }

        if (window is null or 0)
        {
            return types?.Contains("sliding_attention") == true
                ? throw new VitrineException($"{json.Source}: layer_types names sliding_attention, but sliding_window is not set.")
                : config;
        }

        return config.Attending((a, layer) => (types is null ? otherwise(layer) : types[layer] == "sliding_attention") ? a with { Window = window } : a);
    }
}
