using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;

namespace Vitrine.Transformers.Families;

/// <summary>Llama: RMSNorm, rotary positions, grouped queries, gated feed-forward (transformers, modeling_llama.py).</summary>
internal static class Llama
{
    /// <summary>Keys of config.json that change no number of a forward pass.</summary>
    private static readonly HashSet<string> Inert =
    [
        "architectures", "model_type", "max_position_embeddings", "bos_token_id", "eos_token_id", "pad_token_id", "torch_dtype", "dtype", "transformers_version",
        "use_cache", "initializer_range", "attention_dropout", "pretraining_tp", "_name_or_path", "return_dict", "output_attentions", "output_hidden_states",
        "chunk_size_feed_forward", "is_encoder_decoder", "id2label", "label2id", "problem_type", "_commit_hash", "_attn_implementation_autoset",
    ];

    /// <param name="Spec">Of every block.</param>
    /// <param name="Layers">How many.</param>
    /// <param name="Vocabulary">V.</param>
    /// <param name="Tied">Whether the embedding is the unembedding too.</param>
    internal sealed record Config(BlockSpec Spec, int Layers, int Vocabulary, bool Tied);

    /// <remarks>Missing keys take the class defaults of LlamaConfig, not the values of a famous model: OpenVLA's text_config relies on that.</remarks>
    public static Config Read(ConfigReader json)
    {
        var width = json.Size("hidden_size", 4096);
        var heads = json.Size("num_attention_heads", 32);
        var kvHeads = json.Size("num_key_value_heads", heads);
        if (heads % kvHeads != 0)
        {
            throw new VitrineException($"{json.Source}: {heads} heads cannot share {kvHeads} key/value heads.");
        }

        foreach (var key in (string[])["attention_bias", "mlp_bias"])
        {
            json.MustBeOff(key);
        }

        var spec = new BlockSpec(
            width,
            new NormSpec(NormKind.Rms, json.Number("rms_norm_eps", 1e-6)),
            new AttentionSpec(heads, kvHeads, json.Size("head_dim", width / heads), Causal: true, new RotarySpec(Theta(json))),
            new MlpSpec(json.Size("intermediate_size", 11008), Gated: true, json.Activation("hidden_act", "silu")),
            LayerScale: false);
        var config = new Config(spec, json.Size("num_hidden_layers", 32), json.Size("vocab_size", 32000), json.Flag("tie_word_embeddings", false));
        json.RefuseOthers(Inert);
        return config;
    }

    /// <remarks>transformers 4 writes rope_theta and rope_scaling, transformers 5 both inside rope_parameters.</remarks>
    private static double Theta(ConfigReader json)
    {
        if (json.Has("rope_scaling"))
        {
            throw new VitrineException($"{json.Source}: rope_scaling is set; this version computes plain rotary positions only.");
        }

        if (!json.Has("rope_parameters"))
        {
            return json.Number("rope_theta", 10000);
        }

        var rope = json.Object("rope_parameters");
        var kind = rope.Text("rope_type", "default");
        var theta = rope.Number("rope_theta", json.Number("rope_theta", 10000));
        rope.RefuseOthers(new HashSet<string>());
        return kind == "default" ? theta : throw new VitrineException($"{rope.Source}: rope_type is '{kind}'; this version computes 'default' only.");
    }

    /// <param name="weights">The checkpoint.</param>
    /// <param name="prefix">What stands before <c>model.</c>: empty, or <c>language_model.</c> inside a larger model.</param>
    /// <param name="config">Sizes.</param>
    public static TextStack Load(WeightReader weights, string prefix, Config config)
    {
        var (spec, width) = (config.Spec, config.Spec.Width);
        var (heads, kvHeads, headWidth) = (spec.Attention.Heads, spec.Attention.KeyValueHeads, spec.Attention.HeadWidth);
        var embedding = weights.Take($"{prefix}model.embed_tokens.weight", config.Vocabulary, width);
        var blocks = new List<Block>();
        for (var i = 0; i < config.Layers; i++)
        {
            var at = $"{prefix}model.layers.{i}";
            blocks.Add(new Block(spec, new BlockWeights
            {
                AttentionNorm = weights.Norm(spec.Norm, $"{at}.input_layernorm", width),
                MlpNorm = weights.Norm(spec.Norm, $"{at}.post_attention_layernorm", width),
                Query = weights.Linear($"{at}.self_attn.q_proj", heads * headWidth, width, bias: false),
                Key = weights.Linear($"{at}.self_attn.k_proj", kvHeads * headWidth, width, bias: false),
                Value = weights.Linear($"{at}.self_attn.v_proj", kvHeads * headWidth, width, bias: false),
                Output = weights.Linear($"{at}.self_attn.o_proj", width, heads * headWidth, bias: false),
                Gate = weights.Linear($"{at}.mlp.gate_proj", spec.Mlp.Neurons, width, bias: false),
                Up = weights.Linear($"{at}.mlp.up_proj", spec.Mlp.Neurons, width, bias: false),
                Down = weights.Linear($"{at}.mlp.down_proj", width, spec.Mlp.Neurons, bias: false),
            }));
        }

        var norm = weights.Norm(spec.Norm, $"{prefix}model.norm", width);
        var head = config.Tied && !weights.Has($"{prefix}lm_head.weight") ? new Linear(embedding, null) : weights.Linear($"{prefix}lm_head", config.Vocabulary, width, bias: false);
        var shape = new StackShape("language", config.Layers, width, heads, kvHeads, headWidth, spec.Mlp.Neurons, config.Vocabulary,
            spec.PointsInBlock().Concat([Point.Embed, Point.FinalNorm, Point.Logits]).ToHashSet());
        return new TextStack(new Stack(shape, spec, blocks, norm, head), embedding);
    }

    /// <summary>Buffers that some files carry and nobody reads.</summary>
    public static bool IsUnused(string name) => name.EndsWith(".rotary_emb.inv_freq", StringComparison.Ordinal);
}
