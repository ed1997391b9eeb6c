using Vitrine.Transformers.Engine;

namespace Vitrine.Transformers.Families;

/// <summary>Tensor names of a block in CLIP's towers, and of SigLIP's, which spells them alike.</summary>
internal static class ClipLayout
{
    public static BlockWeights Weights(WeightReader weights, string at, BlockSpec spec)
    {
        var (width, neurons) = (spec.Width, spec.Mlp.Neurons);
        return new BlockWeights
        {
            AttentionNorm = weights.Norm(spec.Norm, $"{at}.layer_norm1", width),
            MlpNorm = weights.Norm(spec.Norm, $"{at}.layer_norm2", width),
            Query = weights.Linear($"{at}.self_attn.q_proj", width, width, bias: true),
            Key = weights.Linear($"{at}.self_attn.k_proj", width, width, bias: true),
            Value = weights.Linear($"{at}.self_attn.v_proj", width, width, bias: true),
            Output = weights.Linear($"{at}.self_attn.out_proj", width, width, bias: true),
            Up = weights.Linear($"{at}.mlp.fc1", neurons, width, bias: true),
            Down = weights.Linear($"{at}.mlp.fc2", width, neurons, bias: true),
        };
    }
}
