using Vitrine.Checkpoints;
using Vitrine.Inputs.Tokenizers;
using static TorchSharp.torch;

namespace Vitrine.Transformers;

/// <summary>How a model is opened.</summary>
public record ModelOptions
{
    /// <remarks>These options may be the first thing that a program touches, and they name a device of libtorch.</remarks>
    static ModelOptions() => NativeCompute.Prepare();

    private readonly Device? device;

    /// <summary>As models are opened where nothing is said.</summary>
    public static ModelOptions Default { get; } = new();

    /// <summary>What to compute in; float64 exists to tell a bug from rounding.</summary>
    public ScalarType Dtype { get; init; } = ScalarType.Float32;

    /// <summary>
    /// Whether 16-bit matrices stay as their file has them: openvla-7b then runs within 24 GB of memory, instead of 31 for the widened weights alone.
    /// </summary>
    public WeightStorage Storage { get; init; } = WeightStorage.Auto;

    /// <summary>Where to compute, as the libtorch at hand has it: <c>cpu</c>, <c>cuda:0</c>. On <c>meta</c> there are shapes and no numbers.</summary>
    public Device Device
    {
        get => Outline ? META : device ?? CPU;
        init => device = value;
    }

    /// <summary>
    /// Whether the model is opened to be described alone: its files are checked and no weight is there, as on <c>meta</c>; a text model without a tower then
    /// does not load libtorch. It cannot run.
    /// </summary>
    public bool Outline { get; init; }

    /// <summary>How the tokenizer's files are read.</summary>
    public TokenizerOptions Tokenizer { get; init; } = TokenizerOptions.Default;

    /// <summary>
    /// Whether answers that are no numbers (NaN, infinity) are given instead of refused with the first point that was not finite, to look at what came of it.
    /// Attention is then written out, as by <see cref="RunPlan.ExplicitAttention"/>: the fused kernel makes zeros of some.
    /// </summary>
    public bool AllowNonFinite { get; init; }

    /// <summary>Whether a LoRA adapter in the model's folder is merged into its weights, as peft does; otherwise the base model is opened alone.</summary>
    public bool Adapter { get; init; } = true;

    /// <summary>
    /// Whether generations follow the rules of generation_config.json (penalties, forbidden and forced tokens) where a caller names none, as transformers does.
    /// </summary>
    public bool GenerationConfig { get; init; } = true;

    /// <summary>Hears in one line each what was decided where a folder can be read in two ways; null where nobody listens.</summary>
    public Action<string>? Told { get; init; }

    /// <summary>Which tensors have initial numbers in the place of those of the file, for a control that has learnt nothing; none when null.</summary>
    /// <remarks>Matrices are normal with variance 1 over their inputs, what has one axis is 0, and 1 in a norm. A name always gives the same numbers.
    /// They stand in the file's precision.</remarks>
    internal Func<string, bool>? Untrained { get; init; }

    /// <summary>
    /// Filled with the weights by their names in the checkpoint, as leaves in memory of their own that gradients reach and a training may write; null where
    /// nobody trains. They stay the model's.
    /// </summary>
    internal IDictionary<string, TorchSharp.torch.Tensor>? Leaves { get; init; }

    /// <summary>Hears the share of the checkpoint's tensors that were read while the model opens; null where nobody listens.</summary>
    public IProgress<double>? Progress { get; init; }

    /// <summary>Stops the opening between two tensors.</summary>
    public CancellationToken Cancellation { get; init; }

    /// <summary>Name of the configuration in the model's folder.</summary>
    public string ConfigFile { get; init; } = "config.json";
}
