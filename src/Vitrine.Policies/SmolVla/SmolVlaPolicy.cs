using Vitrine.Inputs.Pictures;
using Vitrine.Policies.Flow;
using Vitrine.Policies.LeRobot;
using Vitrine.Transformers;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Families;
using static TorchSharp.torch;

namespace Vitrine.Policies.SmolVla;

/// <summary>SmolVLA: SmolVLM's first layers read pictures, words and the state; an expert half as wide denoises a chunk (Shukor et al. 2025).</summary>
/// <remarks>
/// Every other block of the expert sees the prefix and the chunk's rows up to its own; the blocks between see the prefix alone. Source: lerobot,
/// modeling_smolvla.py and smolvlm_with_expert.py.
/// </remarks>
public sealed class SmolVlaPolicy : FlowPolicy
{
    private const string Prefix = "model.";

    private readonly Tensor pictureScale;

    private SmolVlaPolicy(ModelSource source, WeightReader weights, LeRobotFolder folder, SmolVlaConfig config, FlowParts parts)
        : base(source, weights, folder, config.Flow, parts)
    {
        pictureScale = weights.Constant(Math.Sqrt(config.Text.Spec.Width)).Value;
        var (width, height) = config.PictureSize;
        PictureRecipe = new PictureRecipe([new InterpolateWithPad(width, height, Centred: false)], 3, height, width);
    }

    private protected override PictureRecipe PictureRecipe { get; }

    private protected override Tensor? PictureScale => pictureScale;

    private protected override bool StateBehindWords => true;

    internal static SmolVlaPolicy Load(ModelSource source, ModelOptions options)
    {
        var config = SmolVlaConfig.Read(source.Config, source.Location.Folder);
        var weights = source.Weights(options);
        try
        {
            var folder = LeRobotFolder.Open(
                source, config.Files, weights, options,
                (steps, normalise) => [new NewLineStep(), steps.Tokenize(config.Tokenizer, config.PromptLength), normalise()]);
            var parts = PartsOf(weights.Under(Prefix), config);
            weights.RefuseOthers(name => LeRobotFolder.IsStatistic(name) || SmolVlm.IsUnused(name));
            return new SmolVlaPolicy(source, weights, folder, config, parts);
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    private protected override (Tensor Embedded, Tensor? Condition) Suffix(Pass tokens, Tensor chunk, Tensor time, Tensor? state)
    {
        var rows = Parts.ActionIn.Apply(chunk);                                                            // (B, H, d)
        var timed = cat([rows, time.unsqueeze(1).expand(rows.shape[0], rows.shape[1], -1)], -1);
        return (Parts.TimeOut.Apply(nn.functional.silu(Parts.TimeIn.Apply(timed))), null);
    }

    private static FlowParts PartsOf(WeightReader weights, SmolVlaConfig config)
    {
        const string Model = "vlm_with_expert.vlm.";
        var (width, wide, flow) = (config.Expert[0].Width, config.Text.Spec.Width, config.Flow);
        var vision = SigLip.Load(weights, $"{Model}model.vision_model.", new SigLip.Config(config.Tower, Head: false), "vision");
        var square = (long)config.Tower.Block.Width * config.Side * config.Side;
        return new FlowParts(
            vision,
            new ShuffleConnector(config.Side, weights.Linear($"{Model}model.connector.modality_projection.proj", wide, square, bias: false)),
            LanguagePart.Load(weights.Under(Model), config.Text),
            LlamaLayout.LoadExpert(weights, "vlm_with_expert.lm_expert.", "expert", config.Expert, "language"),
            weights.Linear("action_in_proj", width, flow.ActionWidth, bias: true),
            weights.Linear("action_out_proj", flow.ActionWidth, width, bias: true),
            weights.Linear("action_time_mlp_in", width, 2 * width, bias: true),
            weights.Linear("action_time_mlp_out", width, width, bias: true))
        {
            State = weights.Linear("state_proj", wide, flow.StateWidth, bias: true),
        };
    }
}
