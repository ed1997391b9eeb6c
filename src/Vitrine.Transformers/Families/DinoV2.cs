using Vitrine.Checkpoints;
using Vitrine.Transformers.Engine;

namespace Vitrine.Transformers.Families;

/// <summary>DINOv2, with and without registers: ViT with LayerScale (transformers, modeling_dinov2.py, modeling_dinov2_with_registers.py).</summary>
internal static class DinoV2
{
    /// <remarks>mask_token acts in pre-training only; layerscale_value is an initial value; the out_* keys choose what a backbone class returns.</remarks>
    internal static readonly string[] Inert =
    [
        "layerscale_value", "use_mask_token", "apply_layernorm", "reshape_hidden_states", "out_features", "out_indices", "_out_features", "_out_indices",
        "stage_names",
    ];

    /// <remarks>The two resample their positions differently: with registers antialiased, without not.</remarks>
    public static Func<WeightReader, VisionParts> Read(ConfigReader json, bool withRegisters)
    {
        json.MustBeOff("use_swiglu_ffn");
        var ratio = json.Number("mlp_ratio", 4);
        var (registers, resampling) = withRegisters
            ? (json.Count("num_register_tokens", 4), PositionResampling.BicubicAntialiased)
            : (0, PositionResampling.Bicubic);
        var tower = TowerConfig.Read(
            json,
            (size, patch) => new TowerSpec(size, patch, ClassToken: true, registers, PositionOnClassToken: true, resampling, TowerFeatures.Normed),
            withRegisters ? 16 : 14, "gelu", 1e-6, width => (int)(width * ratio));
        tower = tower with { Block = tower.Block with { LayerScale = true } };
        json.RefuseUnread(Inert);
        return weights => Load(weights, tower);
    }

    public static bool IsUnused(string name) => name == "embeddings.mask_token";

    private static VisionParts Load(WeightReader weights, TowerConfig tower)
    {
        var spec = tower.Block;
        Block[] blocks = [.. Enumerable.Range(0, tower.Depth).Select(i => new Block(spec, Weights(weights, $"encoder.layer.{i}", spec)))];
        var norm = weights.Norm(spec.Norm, "layernorm", spec.Width);
        return new VisionParts(tower.Assemble("vision", blocks, tower.Embedding(weights, ""), entryNorm: null, norm));
    }

    private static BlockWeights Weights(WeightReader weights, string at, BlockSpec spec)
    {
        var (width, bias) = (spec.Width, spec.Attention.Bias);
        return new BlockWeights
        {
            AttentionNorm = weights.Norm(spec.Norm, $"{at}.norm1", width),
            MlpNorm = weights.Norm(spec.Norm, $"{at}.norm2", width),
            Query = weights.Linear($"{at}.attention.attention.query", width, width, bias),
            Key = weights.Linear($"{at}.attention.attention.key", width, width, bias),
            Value = weights.Linear($"{at}.attention.attention.value", width, width, bias),
            Output = weights.Linear($"{at}.attention.output.dense", width, width, bias: true),
            Up = weights.Linear($"{at}.mlp.fc1", spec.Mlp.Neurons, width, bias: true),
            Down = weights.Linear($"{at}.mlp.fc2", width, spec.Mlp.Neurons, bias: true),
            AttentionScale = weights.Take($"{at}.layer_scale1.lambda1", width),
            MlpScale = weights.Take($"{at}.layer_scale2.lambda1", width),
        };
    }
}
