using Vitrine.Checkpoints;
using Vitrine.Transformers.Engine;

namespace Vitrine.Transformers.Families;

/// <summary>ViT: class token, learned positions, a final norm, a pooler or a class head (transformers, modeling_vit.py).</summary>
internal static class Vit
{
    internal static readonly string[] Inert = ["encoder_stride"];

    public static Func<WeightReader, VisionParts> Read(ConfigReader json)
    {
        json.MustBe("pooler_act", "tanh");
        var tower = TowerConfig.Read(json,
            (size, patch)
                => new TowerSpec(size, patch, ClassToken: true, 0, PositionOnClassToken: true, PositionResampling.Bicubic,
                    TowerFeatures.Normed), 16, "gelu", 1e-12);
        if (json.Has("pooler_output_size") && json.Size("pooler_output_size") != tower.Block.Width)
        {
            throw new VitrineException($"{json.Source}: pooler_output_size is not the width {tower.Block.Width}; this version computes only that.");
        }

        var labels = json.Texts("architectures") is [var architecture, ..] && architecture.EndsWith("ForImageClassification", StringComparison.Ordinal)
            ? Labels.Read(json)
            : null;
        json.RefuseUnread(Inert);
        return weights => Load(weights, tower, labels);
    }

    /// <remarks>
    /// A file with a class head has <c>vit.</c> in front of the names and no pooler; a bare one may lack the pooler (add_pooling_layer false).
    /// </remarks>
    private static VisionParts Load(WeightReader weights, TowerConfig tower, Labels? labels)
    {
        var (spec, width) = (tower.Block, tower.Block.Width);
        var prefix = weights.Has("vit.embeddings.cls_token") ? "vit." : "";
        Block[] blocks = [.. Enumerable.Range(0, tower.Depth).Select(i => new Block(spec, Weights(weights, $"{prefix}encoder.layer.{i}", spec)))];
        var pooler = labels is null && weights.Has($"{prefix}pooler.dense.weight") ? weights.Linear($"{prefix}pooler.dense", width, width, bias: true) : null;
        var norm = weights.Norm(spec.Norm, $"{prefix}layernorm", width);
        var vision = tower.Assemble("vision", blocks, tower.Embedding(weights, prefix), entryNorm: null, norm, pooler: pooler);
        return new VisionParts(vision) { Labels = labels, Head = labels is null ? null : weights.Linear("classifier", labels.Names.Count, width, bias: true) };
    }

    private static BlockWeights Weights(WeightReader weights, string at, BlockSpec spec)
    {
        var (width, bias) = (spec.Width, spec.Attention.Bias);
        return new BlockWeights
        {
            AttentionNorm = weights.Norm(spec.Norm, $"{at}.layernorm_before", width),
            MlpNorm = weights.Norm(spec.Norm, $"{at}.layernorm_after", width),
            Query = weights.Linear($"{at}.attention.attention.query", width, width, bias),
            Key = weights.Linear($"{at}.attention.attention.key", width, width, bias),
            Value = weights.Linear($"{at}.attention.attention.value", width, width, bias),
            Output = weights.Linear($"{at}.attention.output.dense", width, width, bias: true),
            Up = weights.Linear($"{at}.intermediate.dense", spec.Mlp.Neurons, width, bias: true),
            Down = weights.Linear($"{at}.output.dense", width, spec.Mlp.Neurons, bias: true),
        };
    }
}
