using Vitrine.Policies.Flow;
using Vitrine.Policies.LeRobot;
using Vitrine.Policies.Pi;
using Vitrine.Transformers;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Families;
using static TorchSharp.torch;

namespace Vitrine.Policies.Pi0;

/// <summary>
/// pi0: the expert reads the state as a token of its own in front of the chunk, and the flow time beside every row of it (Black et al. 2024).
/// </summary>
/// <remarks>The state sees the prefix and itself, the chunk's rows see all. Source: lerobot, modeling_pi0.py; openpi, pi0_pytorch.py.</remarks>
public sealed class Pi0Policy : PiPolicy
{
    private Pi0Policy(ModelSource source, WeightReader weights, PiFolder folder, FlowParts parts)
        : base(source, weights, folder, parts)
    {
    }

    private protected override int ExpertStateTokens => 1;

    internal static Pi0Policy Load(ModelSource source, ModelOptions options) => Load(
        source, options, weights => Described(source, options, weights),
        (own, folder) =>
        {
            var expert = own.Expert(NormKind.RmsFromOne, AttentionMask.Blockwise);
            var width = expert.Shape.Width;
            return PartsOf(own, options, folder, expert, "action_time_mlp_in", "action_time_mlp_out", 2 * width) with
            {
                State = own.Plain.Linear("state_proj", width, folder.Flow.StateWidth, bias: true),
            };
        },
        (weights, folder, parts) => new Pi0Policy(source, weights, folder, parts));

    private protected override (Tensor Embedded, Tensor? Condition) Suffix(Pass tokens, Tensor chunk, Tensor time, Tensor? state)
    {
        var rows = Parts.ActionIn.Apply(chunk);                                                            // (B, H, d)
        var timed = cat([rows, time.unsqueeze(1).expand(rows.shape[0], rows.shape[1], -1)], -1);
        var moving = Parts.TimeOut.Apply(nn.functional.silu(Parts.TimeIn.Apply(timed)));
        return (cat([Parts.State!.Apply(state!).unsqueeze(1), moving], 1), null);                          // (B, 1 + H, d)
    }

    private static PiFolder Described(ModelSource source, ModelOptions options, WeightReader weights)
    {
        if (OpenPiFolder.Is(source.Config))
        {
            return OpenPiFolder.Open(
                source, options, new PiWeights(weights).PictureSide, isQuantile: false, stateInPrompt: false, promptLength: 48);
        }

        var config = PiConfig.Read(source, NormalisationMode.MeanStd, promptLength: 48);
        var flow = FlowConfig.Read(config.Files, "num_inference_steps");
        config.RefuseOthers();
        var files = LeRobotFolder.Open(
            source, config.Files, weights, options,
            (steps, normalise) => [new NewLineStep(), steps.Tokenize(PiConfig.Tokenizer, config.PromptLength), normalise()]);
        return new PiFolder(files, flow, config.Recipe);
    }
}
