using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Points;

namespace Vitrine.Transformers.Families;

/// <summary>Tensor names of Llama and of the families that spell theirs alike.</summary>
internal static class LlamaLayout
{
    /// <summary>A stack of such blocks that reads no words and speaks no language: an action expert.</summary>
    /// <param name="weights">The checkpoint.</param>
    /// <param name="prefix">What stands before <c>layers.</c>, with its dot.</param>
    /// <param name="name">First part of its addresses.</param>
    /// <param name="specs">Of its blocks.</param>
    /// <param name="reads">The stack whose keys and values it reads.</param>
    /// <param name="others">Points that the model adds in front of the stack.</param>
    public static Decoder LoadExpert(
        WeightReader weights, string prefix, string name, IReadOnlyList<BlockSpec> specs, string reads, params Point[] others)
    {
        var (spec, attention) = (specs[0], specs[0].Attention);
        Block[] blocks = [.. specs.Select((s, i) => new Block(s, Weights(weights, $"{prefix}layers.{i}", s)))];
        HashSet<Point> points = [.. specs.SelectMany(s => s.PointsInBlock()), Point.Embed, Point.FinalNorm, .. others];
        var shape = new StackShape(
            name, specs.Count, spec.Width, attention.Heads, attention.KeyValueHeads, attention.HeadWidth, spec.Mlp.Neurons, 0, points)
        {
            Reads = [reads],
        };
        return new Decoder(shape, blocks, embedding: null) { LastNorm = weights.Norm(spec.Norm, $"{prefix}norm", spec.Width) };
    }

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
        var words = weights.Words(Table(weights, prefix, unembedding, config), config.Vocabulary, width);
        Block[] blocks = [.. config.Blocks.Select((spec, i) => new Block(spec, Weights(weights, $"{prefix}layers.{i}", spec)))];
        var norm = weights.Norm(config.Spec.Norm, $"{prefix}norm", width);
        var (head, classes) = config.DecoderHead(weights, unembedding, words);
        var embedding = words with { StoredScale = config.EmbeddingScale == 1 ? null : weights.Constant(config.EmbeddingScale) };
        return (config.Assemble("language", blocks, embedding, entryNorm: null, norm, head, others), classes);
    }

    /// <remarks>A table that is the unembedding too is saved under one of the two names: most often this one, by pi0's writers the other.</remarks>
    private static string Table(WeightReader weights, string prefix, string unembedding, TextConfig config)
        => config.Tied && !weights.Has($"{prefix}embed_tokens.weight") && weights.Has($"{unembedding}.weight")
            ? $"{unembedding}.weight"
            : $"{prefix}embed_tokens.weight";

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
        var read = attention.Keys == KeySource.Prefix ? keys : width;                                      // another stack's keys and values, or the own stream
        var around = spec.Norms == NormPlaces.SandwichNorm;
        return new BlockWeights
        {
            AttentionNorm = weights.Norm(spec.Norm, $"{at}.input_layernorm", width),
            AttentionOutputNorm = around ? weights.Norm(spec.Norm, $"{at}.post_attention_layernorm", width) : null,
            MlpNorm = weights.Norm(spec.Norm, around ? $"{at}.pre_feedforward_layernorm" : $"{at}.post_attention_layernorm", width),
            MlpOutputNorm = around ? weights.Norm(spec.Norm, $"{at}.post_feedforward_layernorm", width) : null,
            Query = weights.Linear($"{at}.self_attn.q_proj", queries, width, attention.Bias),
            Key = weights.Linear($"{at}.self_attn.k_proj", keys, read, attention.Bias),
            Value = weights.Linear($"{at}.self_attn.v_proj", keys, read, attention.Bias),
            QueryNorm = attention.QueryKeyNorm is { } q ? weights.Norm(q, $"{at}.self_attn.q_norm", attention.HeadWidth) : null,
            KeyNorm = attention.QueryKeyNorm is { } k ? weights.Norm(k, $"{at}.self_attn.k_norm", attention.HeadWidth) : null,
            Output = weights.Linear($"{at}.self_attn.o_proj", width, queries, attention.OutputBias),
            Gate = weights.Linear($"{at}.mlp.gate_proj", mlp.Neurons, width, mlp.Bias),
            Up = weights.Linear($"{at}.mlp.up_proj", mlp.Neurons, width, mlp.Bias),
            Down = weights.Linear($"{at}.mlp.down_proj", width, mlp.Neurons, mlp.Bias),
        };
    }
}
