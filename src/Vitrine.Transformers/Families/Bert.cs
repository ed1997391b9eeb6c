using Vitrine.Checkpoints;
using Vitrine.Transformers.Engine;

namespace Vitrine.Transformers.Families;

/// <summary>BERT: an encoder with norms behind its sums, segments, and a pooler on the first token (transformers, modeling_bert.py).</summary>
internal static class Bert
{
    internal static readonly string[] Inert = ["directionality", "pooler_fc_size", "pooler_num_attention_heads", "pooler_num_fc_layers", "pooler_size_per_head",
        "pooler_type"];

    public static TextConfig Read(ConfigReader json)
    {
        json.MustBeOff("is_decoder");
        json.MustBeOff("add_cross_attention");
        json.MustBe("position_embedding_type", "absolute");
        var spec = Encoder(json, json.Size("hidden_size", 768), json.Size("num_attention_heads", 12), json.Size("intermediate_size", 3072),
            json.Activation("hidden_act", "gelu"), json.Number("layer_norm_eps", 1e-12));
        var config = new TextConfig([.. Enumerable.Repeat(spec, json.Size("num_hidden_layers", 12))], json.Size("vocab_size", 30522))
        {
            Positions = json.Size("max_position_embeddings", 512),
            Segments = json.Size("type_vocab_size", 2),
        }.WithHead(json);
        json.RefuseUnread(Inert);
        return config;
    }

    /// <summary>A block of BERT or DistilBERT: everything has a bias, every token sees every other.</summary>
    public static BlockSpec Encoder(ConfigReader json, int width, int heads, int neurons, Activation activation, double epsilon) => width % heads != 0
        ? throw new VitrineException($"{json.Source}: {heads} heads do not divide width {width}.")
        : new BlockSpec(
            width,
            new NormSpec(NormKind.LayerNorm, epsilon),
            new AttentionSpec(heads, heads, width / heads, AttentionMask.Full, Rotary: null) { Bias = true, OutputBias = true },
            new MlpSpec(neurons, Gated: false, activation) { Bias = true },
            LayerScale: false)
        {
            Norms = NormPlaces.PostNorm,
        };

    /// <remarks>Files of the bare model lack the <c>bert.</c> in front.</remarks>
    public static (Decoder Decoder, ClassHead? Classes) Load(WeightReader weights, TextConfig config)
    {
        var (spec, width) = (config.Spec, config.Spec.Width);
        var prefix = weights.Has("embeddings.word_embeddings.weight") ? "" : "bert.";
        var embedding = weights.Words($"{prefix}embeddings.word_embeddings.weight", config.Vocabulary, width) with
        {
            StoredPositions = weights.Stored($"{prefix}embeddings.position_embeddings.weight", config.Positions, width),
            StoredSegments = weights.Stored($"{prefix}embeddings.token_type_embeddings.weight", config.Segments, width),
        };
        var entry = Norm(weights, spec, $"{prefix}embeddings.LayerNorm");
        Block[] blocks = [.. config.Blocks.Select((_, i) => new Block(spec, Weights(weights, $"{prefix}encoder.layer.{i}", spec)))];
        var classes = config.Classes is { } labels
            ? new PoolerHead(
                weights.Linear($"{prefix}pooler.dense", width, width, bias: true),
                Activation.Tanh,
                weights.Linear("classifier", labels.Names.Count, width, bias: true))
            { Labels = labels }
            : null;
        return (config.Assemble("language", blocks, embedding, entry, lastNorm: null, head: null), classes);
    }

    /// <remarks>A pooler without a class head, and the heads of pre-training, answer nothing that is asked here.</remarks>
    public static bool IsUnused(string name)
        => name.EndsWith("embeddings.position_ids", StringComparison.Ordinal) || name.StartsWith("cls.", StringComparison.Ordinal)
            || name is "pooler.dense.weight" or "pooler.dense.bias" or "bert.pooler.dense.weight" or "bert.pooler.dense.bias";

    private static BlockWeights Weights(WeightReader weights, string at, BlockSpec spec)
    {
        var width = spec.Width;
        return new BlockWeights
        {
            Query = weights.Linear($"{at}.attention.self.query", width, width, bias: true),
            Key = weights.Linear($"{at}.attention.self.key", width, width, bias: true),
            Value = weights.Linear($"{at}.attention.self.value", width, width, bias: true),
            Output = weights.Linear($"{at}.attention.output.dense", width, width, bias: true),
            AttentionPostNorm = Norm(weights, spec, $"{at}.attention.output.LayerNorm"),
            Up = weights.Linear($"{at}.intermediate.dense", spec.Mlp.Neurons, width, bias: true),
            Down = weights.Linear($"{at}.output.dense", width, spec.Mlp.Neurons, bias: true),
            MlpPostNorm = Norm(weights, spec, $"{at}.output.LayerNorm"),
        };
    }

    /// <remarks>The oldest files, converted from TensorFlow, say gamma and beta.</remarks>
    private static Norm Norm(WeightReader weights, BlockSpec spec, string at)
        => weights.Has($"{at}.gamma") ? weights.Norm(spec.Norm, $"{at}.gamma", $"{at}.beta", spec.Width) : weights.Norm(spec.Norm, at, spec.Width);
}
