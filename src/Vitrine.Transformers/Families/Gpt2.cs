using Vitrine.Checkpoints;
using Vitrine.Transformers.Engine;

namespace Vitrine.Transformers.Families;

/// <summary>GPT-2: LayerNorm, learned positions, projections stored transposed, a tied head (transformers, modeling_gpt2.py).</summary>
internal static class Gpt2
{
    internal static readonly string[] Inert =
    [
        "n_ctx", "summary_activation", "summary_first_dropout", "summary_proj_to_labels", "summary_type", "summary_use_proj",
        "reorder_and_upcast_attn", // rounds otherwise in half precision only
    ];

    public static TextConfig Read(ConfigReader json)
    {
        json.MustBeOff("add_cross_attention");
        json.MustBeOff("scale_attn_by_inverse_layer_idx");
        json.MustBeOn("scale_attn_weights");
        var (width, heads) = (json.Size("n_embd", 768), json.Size("n_head", 12));
        if (width % heads != 0)
        {
            throw new VitrineException($"{json.Source}: {heads} heads do not divide width {width}.");
        }

        var spec = new BlockSpec(
            width,
            new NormSpec(NormKind.LayerNorm, json.Number("layer_norm_epsilon", 1e-5)),
            new AttentionSpec(heads, heads, width / heads, AttentionMask.Causal, Rotary: null) { Bias = true, OutputBias = true },
            new MlpSpec(json.Has("n_inner") ? json.Size("n_inner") : 4 * width, Gated: false, json.Activation("activation_function", "gelu_new"))
            {
                Bias = true,
            },
            LayerScale: false);
        var config = new TextConfig([.. Enumerable.Repeat(spec, json.Size("n_layer", 12))], json.Size("vocab_size", 50257))
        {
            Tied = json.Flag("tie_word_embeddings", true),
            Positions = json.Size("n_positions", 1024),
        }.WithHead(json);
        json.RefuseUnread(Inert);
        return config;
    }

    /// <remarks>The hub's own file has no prefix; files saved from a class with a head have <c>transformer.</c></remarks>
    public static (Decoder Decoder, ClassHead? Classes) Load(WeightReader weights, TextConfig config)
    {
        var (spec, width) = (config.Spec, config.Spec.Width);
        var prefix = weights.Has("transformer.wte.weight") ? "transformer." : "";
        var words = weights.Words($"{prefix}wte.weight", config.Vocabulary, width);
        var positions = weights.Stored($"{prefix}wpe.weight", config.Positions, width);
        Block[] blocks = [.. config.Blocks.Select((_, i) => new Block(spec, Weights(weights, $"{prefix}h.{i}", spec)))];
        var norm = weights.Norm(spec.Norm, $"{prefix}ln_f", width);
        var (head, classes) = config.DecoderHead(weights, "lm_head", words);
        return (config.Assemble("language", blocks, words with { StoredPositions = positions }, entryNorm: null, norm, head), classes);
    }

    /// <remarks>attn.bias is the causal mask of old files, no bias.</remarks>
    public static bool IsUnused(string name)
        => name.EndsWith(".attn.bias", StringComparison.Ordinal) || name.EndsWith(".attn.masked_bias", StringComparison.Ordinal);

    /// <remarks>Conv1D stores [in, out]: q, k and v stand side by side on the output axis, and value vectors are rows of c_proj.</remarks>
    private static BlockWeights Weights(WeightReader weights, string at, BlockSpec spec)
    {
        var width = spec.Width;
        var (query, key, value) = weights.ThreeTransposedLinears($"{at}.attn.c_attn", width, width);
        return new BlockWeights
        {
            AttentionNorm = weights.Norm(spec.Norm, $"{at}.ln_1", width),
            MlpNorm = weights.Norm(spec.Norm, $"{at}.ln_2", width),
            Query = query,
            Key = key,
            Value = value,
            Output = weights.TransposedLinear($"{at}.attn.c_proj", width, width),
            Up = weights.TransposedLinear($"{at}.mlp.c_fc", spec.Mlp.Neurons, width),
            Down = weights.TransposedLinear($"{at}.mlp.c_proj", width, spec.Mlp.Neurons),
        };
    }
}
