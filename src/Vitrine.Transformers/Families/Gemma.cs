using Vitrine.Checkpoints;
using Vitrine.Transformers.Engine;

namespace Vitrine.Transformers.Families;

/// <summary>
/// Gemma: Llama with norms that hold w - 1, embeddings scaled by sqrt(d), heads whose width is not d / H, a GELU gate and a tied head (transformers,
/// modeling_gemma.py).
/// </summary>
internal static class Gemma
{
    private static readonly DecoderDefaults Defaults = new(3072, 24576, 28, 16, 16, 256, 256000, Tied: true);

    public static TextConfig Read(ConfigReader json)
    {
        var config = Common(json, Defaults);
        json.RefuseUnread();
        return config;
    }

    /// <summary>What Gemma and Gemma 2 have in common.</summary>
    /// <remarks>The scale meets the embeddings in their own precision (sqrt(3072) is 55.5 in bfloat16); the head reads the table unscaled.</remarks>
    public static TextConfig Common(ConfigReader json, DecoderDefaults defaults)
    {
        json.MustBeOff("use_bidirectional_attention");
        var bias = json.Flag("attention_bias", false);
        var config = LlamaConfig.Read(json, defaults, NormKind.RmsFromOne, Gate(json)).Attending((a, _) => a with { Bias = bias, OutputBias = bias });
        return config with { EmbeddingScale = Math.Sqrt(config.Spec.Width), PadToken = config.Classes is null ? null : json.Optional("pad_token_id", 0) };
    }

    /// <remarks>
    /// Early files say hidden_act "gelu" although the tanh form was trained and is what transformers 5 runs; hidden_activation, where it is set, is meant.
    /// </remarks>
    private static Activation Gate(ConfigReader json)
    {
        var spelled = json.Activation("hidden_act", "gelu_pytorch_tanh");
        if (json.Has("hidden_activation"))
        {
            return json.Activation("hidden_activation", "gelu_pytorch_tanh");
        }

        return spelled is Activation.Gelu or Activation.GeluTanh
            ? Activation.GeluTanh
            : throw new VitrineException(
                $"{json.Source}: hidden_act is '{json.Text("hidden_act")}'; Gemma computes gelu_pytorch_tanh unless hidden_activation says otherwise.");
    }
}
