using Vitrine.Checkpoints;
using Vitrine.Inputs.Tokenizers;
using static TorchSharp.torch;

namespace Vitrine.Transformers;

/// <summary>How a model is opened.</summary>
public record ModelOptions
{
    /// <summary>As models are opened where nothing is said.</summary>
    public static ModelOptions Default { get; } = new();

    /// <summary>What to compute in; float64 exists to tell a bug from rounding.</summary>
    public ScalarType Dtype { get; init; } = ScalarType.Float32;

    /// <summary>
    /// Whether 16-bit matrices stay as their file has them: openvla-7b then runs within 24 GB of memory, instead of 31 for the widened weights alone.
    /// </summary>
    public WeightStorage Storage { get; init; } = WeightStorage.Auto;

    /// <summary>Where to compute, as the libtorch at hand has it: <c>cpu</c>, <c>cuda:0</c>. On <c>meta</c> there are shapes and no numbers.</summary>
    public Device Device { get; init; } = CPU;

    /// <summary>
    /// Whether answers that are no numbers (NaN, infinity) are given instead of refused with the first point that was not finite, to look at what came of it.
    /// Attention is then written out, as by <see cref="RunPlan.ExplicitAttention"/>: the fused kernel makes zeros of some.
    /// </summary>
    public bool AllowNonFinite { get; init; }

    /// <summary>How the tokenizer's files are read.</summary>
    public TokenizerOptions Tokenizer { get; init; } = TokenizerOptions.Default;

    /// <summary>Name of the configuration in the model's folder.</summary>
    public string ConfigFile { get; init; } = "config.json";
}
