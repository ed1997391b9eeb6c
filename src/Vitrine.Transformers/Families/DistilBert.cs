using Vitrine.Checkpoints;
using Vitrine.Transformers.Engine;

namespace Vitrine.Transformers.Families;

/// <summary>DistilBERT: BERT without segments, under names of its own (transformers, modeling_distilbert.py).</summary>
internal static class DistilBert
{
    /// <remarks>The sinusoids of sinusoidal_pos_embds are stored in the file like learned positions; tie_weights_ concerns the head of pre-training.</remarks>
    internal static readonly string[] Inert = ["sinusoidal_pos_embds", "tie_weights_"];

    /// <remarks>The epsilon is written into the code, 1e-12.</remarks>
    public static TextConfig Read(ConfigReader json)
    {
        var spec = Bert.Encoder(
            json, json.Size("dim", 768), json.Size("n_heads", 12), json.Size("hidden_dim", 3072), json.Activation("activation", "gelu"), 1e-12);
        var config = new TextConfig([.. Enumerable.Repeat(spec, json.Size("n_layers", 6))], json.Size("vocab_size", 30522))
        {
            Positions = json.Size("max_position_embeddings", 512),
        }.WithHead(json);
        json.RefuseUnread(Inert);
        return config;
    }

    /// <remarks>Files of the bare model lack the <c>distilbert.</c> in front. The head's pre_classifier is BERT's pooler, with ReLU.</remarks>
    public static (Decoder Decoder, ClassHead? Classes) Load(WeightReader weights, TextConfig config)
    {
        var (spec, width) = (config.Spec, config.Spec.Width);
        var prefix = weights.Has("embeddings.word_embeddings.weight") ? "" : "distilbert.";
        var embedding = weights.Words($"{prefix}embeddings.word_embeddings.weight", config.Vocabulary, width) with
        {
            StoredPositions = weights.Stored($"{prefix}embeddings.position_embeddings.weight", config.Positions, width),
        };
        var entry = weights.Norm(spec.Norm, $"{prefix}embeddings.LayerNorm", width);
        Block[] blocks = [.. config.Blocks.Select((_, i) => new Block(spec, Weights(weights, $"{prefix}transformer.layer.{i}", spec)))];
        var classes = config.Classes is { } labels
            ? new PoolerHead(
                weights.Linear("pre_classifier", width, width, bias: true),
                Activation.Relu,
                weights.Linear("classifier", labels.Names.Count, width, bias: true))
            { Labels = labels }
            : null;
        return (config.Assemble("language", blocks, embedding, entry, lastNorm: null, head: null), classes);
    }

    /// <remarks>Heads of pre-training.</remarks>
    public static bool IsUnused(string name)
        => name.StartsWith("vocab_", StringComparison.Ordinal) || name.EndsWith("embeddings.position_ids", StringComparison.Ordinal);

    private static BlockWeights Weights(WeightReader weights, string at, BlockSpec spec)
    {
        var width = spec.Width;
        return new BlockWeights
        {
            Query = weights.Linear($"{at}.attention.q_lin", width, width, bias: true),
            Key = weights.Linear($"{at}.attention.k_lin", width, width, bias: true),
            Value = weights.Linear($"{at}.attention.v_lin", width, width, bias: true),
            Output = weights.Linear($"{at}.attention.out_lin", width, width, bias: true),
            AttentionPostNorm = weights.Norm(spec.Norm, $"{at}.sa_layer_norm", width),
            Up = weights.Linear($"{at}.ffn.lin1", spec.Mlp.Neurons, width, bias: true),
            Down = weights.Linear($"{at}.ffn.lin2", width, spec.Mlp.Neurons, bias: true),
            MlpPostNorm = weights.Norm(spec.Norm, $"{at}.output_layer_norm", width),
        };
    }
}
