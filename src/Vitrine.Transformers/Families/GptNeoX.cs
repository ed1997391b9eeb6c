using Vitrine.Checkpoints;
using Vitrine.Transformers.Engine;

namespace Vitrine.Transformers.Families;

/// <summary>GPT-NeoX and Pythia: attention and feed-forward side by side, rotation on a part of each head (transformers, modeling_gpt_neox.py).</summary>
internal static class GptNeoX
{
    /// <remarks>transformers 4 writes rotary_pct and rotary_emb_base; 5 folds both into rope_parameters.</remarks>
    public static TextConfig Read(ConfigReader json)
    {
        json.MustBeOff("is_decoder");
        var (width, heads) = (json.Size("hidden_size", 6144), json.Size("num_attention_heads", 64));
        if (width % heads != 0)
        {
            throw new VitrineException($"{json.Source}: {heads} heads do not divide width {width}.");
        }

        var bias = json.Flag("attention_bias", true);
        var (@base, part) = (json.Number("rotary_emb_base", 10000), json.Number("rotary_pct", 0.25));
        MustAgree(json, "rope_theta", @base, "rotary_emb_base");
        MustAgree(json, "partial_rotary_factor", part, "rotary_pct");
        var rotary = Rope.Read(json, width / heads, "rotary_emb_base", partial: part);
        var spec = new BlockSpec(
            width,
            new NormSpec(NormKind.LayerNorm, json.Number("layer_norm_eps", 1e-5)),
            new AttentionSpec(heads, heads, width / heads, AttentionMask.Causal, rotary) { Bias = bias, OutputBias = bias },
            new MlpSpec(json.Size("intermediate_size", 24576), Gated: false, json.Activation("hidden_act", "gelu")) { Bias = true },
            LayerScale: false)
        {
            Parallel = json.Flag("use_parallel_residual", true),
        };
        var config = new TextConfig([.. Enumerable.Repeat(spec, json.Size("num_hidden_layers", 44))], json.Size("vocab_size", 50432))
        {
            Tied = json.Flag("tie_word_embeddings", false),
        }.WithHead(json);
        json.RefuseUnread();
        return config;
    }

    /// <remarks>transformers 4.48 wrote both under the names of other families too, and read its own.</remarks>
    private static void MustAgree(ConfigReader json, string key, double own, string ownKey)
    {
        if (json.Has(key) && json.Number(key) is var other && other != own)
        {
            throw new VitrineException(FormattableString.Invariant($"{json.Source}: {key} is {other}, {ownKey} {own}; expected one number."));
        }
    }

    /// <remarks>Files say <c>embed_out</c>; the class renames it to lm_head in memory only.</remarks>
    public static (Decoder Decoder, ClassHead? Classes) Load(WeightReader weights, TextConfig config)
    {
        var (spec, width) = (config.Spec, config.Spec.Width);
        var prefix = weights.Has("embed_in.weight") ? "" : "gpt_neox.";
        var words = weights.Words($"{prefix}embed_in.weight", config.Vocabulary, width);
        Block[] blocks = [.. config.Blocks.Select((_, i) => new Block(spec, Weights(weights, $"{prefix}layers.{i}", spec)))];
        var norm = weights.Norm(spec.Norm, $"{prefix}final_layer_norm", width);
        var (head, classes) = config.DecoderHead(weights, "embed_out", words);
        return (config.Assemble("language", blocks, words, entryNorm: null, norm, head), classes);
    }

    /// <remarks>attention.bias is the causal mask of old files, no bias.</remarks>
    public static bool IsUnused(string name)
        => name.EndsWith(".attention.bias", StringComparison.Ordinal) || name.EndsWith(".attention.masked_bias", StringComparison.Ordinal)
            || LlamaLayout.IsUnused(name);

    /// <remarks>query_key_value is interleaved: rows are (head, part, coordinate), not three blocks of width d.</remarks>
    private static BlockWeights Weights(WeightReader weights, string at, BlockSpec spec)
    {
        var (width, attention) = (spec.Width, spec.Attention);
        var (query, key, value) = weights.ThreeInterleavedLinears(
            $"{at}.attention.query_key_value", attention.Heads, attention.HeadWidth, width, attention.Bias);
        return new BlockWeights
        {
            AttentionNorm = weights.Norm(spec.Norm, $"{at}.input_layernorm", width),
            MlpNorm = weights.Norm(spec.Norm, $"{at}.post_attention_layernorm", width),
            Query = query,
            Key = key,
            Value = value,
            Output = weights.Linear($"{at}.attention.dense", width, width, attention.OutputBias),
            Up = weights.Linear($"{at}.mlp.dense_h_to_4h", spec.Mlp.Neurons, width, bias: true),
            Down = weights.Linear($"{at}.mlp.dense_4h_to_h", width, spec.Mlp.Neurons, bias: true),
        };
    }
}
