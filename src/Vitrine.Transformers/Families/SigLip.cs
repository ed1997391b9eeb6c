using Vitrine.Checkpoints;
using Vitrine.Transformers.Engine;

namespace Vitrine.Transformers.Families;

/// <summary>SigLIP's image tower: no class token, tanh GELU, with or without an attention-pool head (transformers, modeling_siglip.py).</summary>
internal static class SigLip
{
    internal static readonly string[] Inert = ["projector_hidden_act"];

    /// <summary>What the configuration says.</summary>
    /// <param name="Tower">Sizes.</param>
    /// <param name="Head">Whether an attention pool stands behind the final norm.</param>
    internal sealed record Config(TowerConfig Tower, bool Head);

    public static Config Read(ConfigReader json)
    {
        var tower = TowerConfig.Read(
            json, (size, patch)
                => new TowerSpec(size, patch, ClassToken: false, 0, PositionOnClassToken: false, PositionResampling.Bicubic,
                    TowerFeatures.Normed), 16, "gelu_pytorch_tanh", 1e-6);
        var config = new Config(tower, json.Flag("vision_use_head", true));
        json.RefuseUnread([.. Inert, "projection_dim"]);
        return config;
    }

    /// <summary>The tower alone, or the one inside a model of both towers.</summary>
    /// <remarks>Hub files have <c>vision_model.</c> in front; transformers 5.23 writes the names bare.</remarks>
    public static Func<WeightReader, VisionParts> ReadAlone(ConfigReader json)
    {
        var isWhole = json.Text("model_type") == "siglip";
        var config = Read(isWhole ? json.Object("vision_config") : json);
        if (isWhole)
        {
            json.RefuseUnread("text_config"); // of the tower of texts, which is not computed
        }

        return weights => new VisionParts(Load(weights, weights.Has("vision_model.post_layernorm.weight") ? "vision_model." : "", config, "vision"));
    }

    /// <summary>Tensors of the text tower that belongs to it.</summary>
    public static bool IsUnused(string name)
        => name.StartsWith("text_model.", StringComparison.Ordinal) || name is "logit_scale" or "logit_bias"
            || name.EndsWith("embeddings.position_ids", StringComparison.Ordinal);

    /// <param name="weights">The checkpoint.</param>
    /// <param name="prefix">What stands before <c>embeddings.</c>, with its dot.</param>
    /// <param name="config">Sizes.</param>
    /// <param name="name">First part of the tower's addresses.</param>
    public static Tower Load(WeightReader weights, string prefix, Config config, string name)
    {
        var (tower, spec, width) = (config.Tower, config.Tower.Block, config.Tower.Block.Width);
        Block[] blocks = [.. Enumerable.Range(0, tower.Depth).Select(i => new Block(spec, ClipLayout.Weights(weights, $"{prefix}encoder.layers.{i}", spec)))];
        var embedding = new PatchEmbedding(
            tower.Spec,
            weights.Take($"{prefix}embeddings.patch_embedding.weight", width, 3, tower.Spec.PatchSize, tower.Spec.PatchSize),
            weights.Take($"{prefix}embeddings.patch_embedding.bias", width),
            weights.View(weights.Take($"{prefix}embeddings.position_embedding.weight", tower.Spec.Positions, width), 1, tower.Spec.Positions, width),
            ClassToken: null,
            Registers: null);
        var norm = weights.Norm(spec.Norm, $"{prefix}post_layernorm", width);
        return tower.Assemble(name, blocks, embedding, entryNorm: null, norm, config.Head ? Pool(weights, $"{prefix}head", spec) : null);
    }

    /// <remarks>torch's MultiheadAttention: q, k and v one above the other in in_proj.</remarks>
    private static AttentionPool Pool(WeightReader weights, string at, BlockSpec spec)
    {
        var width = spec.Width;
        var (query, key, value) = weights.ThreeLinears($"{at}.attention.in_proj_weight", $"{at}.attention.in_proj_bias", width, width);
        return new AttentionPool(
            spec, weights.Take($"{at}.probe", 1, 1, width), query, key, value,
            weights.Linear($"{at}.attention.out_proj", width, width, bias: true),
            weights.Norm(spec.Norm, $"{at}.layernorm", width),
            weights.Linear($"{at}.mlp.fc1", spec.Mlp.Neurons, width, bias: true),
            weights.Linear($"{at}.mlp.fc2", width, spec.Mlp.Neurons, bias: true));
    }
}
