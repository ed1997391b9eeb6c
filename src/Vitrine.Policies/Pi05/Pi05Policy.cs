using Vitrine.Policies.Flow;
using Vitrine.Policies.LeRobot;
using Vitrine.Policies.Pi;
using Vitrine.Transformers;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Families;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Policies.Pi05;

/// <summary>pi0.5: the state stands in the prompt, and the flow time scales, shifts and gates the expert's norms (Black et al. 2025).</summary>
/// <remarks>Source: lerobot, modeling_pi05.py and pi_gemma.py; openpi, pi0_pytorch.py.</remarks>
public sealed class Pi05Policy : PiPolicy
{
    private readonly Point condition;

    private Pi05Policy(ModelSource source, WeightReader weights, PiFolder folder, FlowParts parts)
        : base(source, weights, folder, parts) => condition = Condition(parts.Expert.Shape.Width);

    internal static Pi05Policy Load(ModelSource source, ModelOptions options) => Load(
        source, options, weights => Described(source, options, weights),
        (own, folder) =>
        {
            var width = (int)own.Plain.Shape("action_in_proj.weight")[0];
            var expert = own.Expert(NormKind.AdaptiveRms, AttentionMask.Full, Condition(width));
            return PartsOf(own, options, folder, expert, "time_mlp_in", "time_mlp_out", width);
        },
        (weights, folder, parts) => new Pi05Policy(source, weights, folder, parts));

    private protected override (Tensor Embedded, Tensor? Condition) Suffix(Pass tokens, Tensor chunk, Tensor time, Tensor? state)
    {
        var waves = Condition(time)!.expand(chunk.shape[0], -1);
        return (Parts.ActionIn.Apply(chunk), tokens.At(Expert.Shape.Name, condition, waves));              // (B, H, d), (B, d)
    }

    private protected override Tensor Condition(Tensor time) => nn.functional.silu(Parts.TimeOut.Apply(nn.functional.silu(Parts.TimeIn.Apply(time))));

    private static PiFolder Described(ModelSource source, ModelOptions options, WeightReader weights)
    {
        if (OpenPiFolder.Is(source.Config))
        {
            return OpenPiFolder.Open(
                source, options, new PiWeights(weights).PictureSide, isQuantile: true, (options as PiOptions)?.StateInPrompt ?? true, promptLength: 200);
        }

        var config = PiConfig.Read(source, NormalisationMode.Quantiles, promptLength: 200);
        source.Config.MustBeOff("use_visual_memory");
        source.Config.MustBeOff("use_proprioceptive_memory");
        var flow = FlowConfig.Read(config.Files, "num_inference_steps", hasState: false);
        config.RefuseOthers(LeRobotKeys.InertPi05);
        return new PiFolder(LeRobotFolder.Open(source, config.Files, weights, options, older: null), flow, config.Recipe);
    }

    private static Point Condition(int width) => new("cond", width);
}
