using Vitrine.Transformers.Engine;

namespace Vitrine.Transformers.Families;

/// <summary>Tensor names of Llama and of the families that spell theirs alike.</summary>
internal static class LlamaLayout
{
    /// <remarks>Files saved from the bare model lack the <c>model.</c> in front.</remarks>
    public static (Decoder Decoder, ClassHead? Classes) Load(WeightReader weights, TextConfig config)
        => Load(weights, weights.Has("embed_tokens.weight") ? "" : "model.", "lm_head", config);

    /// <param name="weights">The checkpoint.</param>
    /// <param name="prefix">What stands before <c>embed_tokens.</c></param>
    /// <param name="unembedding">Name of the head.</param>
    /// <param name="config">What is there.</param>
    /// <param name="others">Points that a larger model adds.</param>
    public static (Decoder Decoder, ClassHead? Classes) Load(
        WeightReader weights, string prefix, string unembedding, TextConfig config, params Points.Point[] others)
    {
        var width = config.Spec.Width;
        var words = weights.Words($"{prefix}embed_tokens.weight", config.Vocabulary, width);
        Block[] blocks = [.. config.Blocks.Select((spec, i) => new Block(spec, Weights(weights, $"{prefix}layers.{i}", spec)))];
        var norm = weights.Norm(config.Spec.Norm, $"{prefix}norm", width);
        var (head, classes) = config.DecoderHead(weights, unembedding, words);
        var embedding = words with { Scale = config.EmbeddingScale == 1 ? null : weights.Constant(config.EmbeddingScale) };
        return (config.Assemble("language", blocks, embedding, entryNorm: null, norm, head, others), classes);
    }

    /// <summary>Buffers that some files carry and nobody reads.</summary>
    public static bool IsUnused(string name) => name.EndsWith(".rotary_emb.inv_freq", StringComparison.Ordinal);

    /// <remarks>
    /// post_attention_layernorm stands before the feed-forward, as the norm of what attention left behind; only where norms stand around a sub-layer (Gemma 2)
    /// it is what its name says, and the one before the feed-forward is pre_feedforward_layernorm (transformers, modeling_gemma2.py).
    /// </remarks>
    private static BlockWeights Weights(WeightReader weights, string at, BlockSpec spec)
    {
        var (width, attention, mlp) = (spec.Width, spec.Attention, spec.Mlp);
        var (queries, keys) = (attention.Heads * attention.HeadWidth, attention.KeyValueHeads * attention.HeadWidth);
        var around = spec.Norms == NormPlaces.SandwichNorm;
        return new BlockWeights
        {
            AttentionNorm = weights.Norm(spec.Norm, $"{at}.input_layernorm", width),
            AttentionOutputNorm = around ? weights.Norm(spec.Norm, $"{at}.post_attention_layernorm", width) : null,
            MlpNorm = weights.Norm(spec.Norm, around ? $"{at}.pre_feedforward_layernorm" : $"{at}.post_attention_layernorm", width),
            MlpOutputNorm = around ? weights.Norm(spec.Norm, $"{at}.post_feedforward_layernorm", width) : null,
            Query = weights.Linear($"{at}.self_attn.q_proj", queries, width, attention.Bias),
            Key = weights.Linear($"{at}.self_attn.k_proj", keys, width, attention.Bias),
            Value = weights.Linear($"{at}.self_attn.v_proj", keys, width, attention.Bias),
            QueryNorm = attention.QueryKeyNorm is { } q ? weights.Norm(q, $"{at}.self_attn.q_norm", attention.HeadWidth) : null,
            KeyNorm = attention.QueryKeyNorm is { } k ? weights.Norm(k, $"{at}.self_attn.k_norm", attention.HeadWidth) : null,
            Output = weights.Linear($"{at}.self_attn.o_proj", width, queries, attention.OutputBias),
            Gate = weights.Linear($"{at}.mlp.gate_proj", mlp.Neurons, width, mlp.Bias),
            Up = weights.Linear($"{at}.mlp.up_proj", mlp.Neurons, width, mlp.Bias),
            Down = weights.Linear($"{at}.mlp.down_proj", width, mlp.Neurons, mlp.Bias),
        };
    }
}
