using Vitrine.Inputs.Pictures;
using Vitrine.Policies.Flow;
using Vitrine.Policies.LeRobot;
using Vitrine.Transformers;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Families;

namespace Vitrine.Policies.Pi;

/// <summary>What pi0 and pi0.5 have in common: PaliGemma reads, a smaller Gemma of as many layers denoises, and every block of it sees the prefix.</summary>
public abstract class PiPolicy : FlowPolicy
{
    private protected PiPolicy(ModelSource source, WeightReader weights, PiFolder folder, FlowParts parts)
        : base(source, weights, folder.Files, folder.Flow, parts) => PictureRecipe = folder.Recipe;

    private protected override PictureRecipe PictureRecipe { get; }

    /// <summary>Takes the weights, and refuses what is left over.</summary>
    /// <param name="source">The folder.</param>
    /// <param name="options">How it is opened.</param>
    /// <param name="read">Reads the folder, for which older ones need the weights.</param>
    /// <param name="parts">The family's own.</param>
    /// <param name="made">The policy of all of it.</param>
    private protected static T Load<T>(
        ModelSource source, ModelOptions options, Func<WeightReader, PiFolder> read, Func<PiWeights, PiFolder, FlowParts> parts,
        Func<WeightReader, PiFolder, FlowParts, T> made)
    {
        var weights = source.Weights(options);
        try
        {
            var folder = read(weights);
            var own = new PiWeights(weights);
            var all = parts(own, folder);
            if (all.Expert.Shape.Layers != all.Language.Shape.Layers || all.Expert.Shape.HeadWidth != all.Language.Shape.HeadWidth)
            {
                throw new VitrineException(
                    $"{weights.Source}: the expert has {all.Expert.Shape.Layers} layers of heads {all.Expert.Shape.HeadWidth} wide, the language stack "
                        + $"{all.Language.Shape.Layers} of {all.Language.Shape.HeadWidth}; the one reads the other's keys and values.");
            }

            weights.RefuseOthers(name => LeRobotFolder.IsStatistic(name) || PiWeights.IsUnused(name));
            return made(weights, folder, all);
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    /// <summary>The parts, with the layers that bring in the flow time under the family's names.</summary>
    private protected static FlowParts PartsOf(
        PiWeights own, ModelOptions options, PiFolder folder, Decoder expert, string timeIn, string timeOut, int timeWidth)
    {
        var (width, flow, plain) = (expert.Shape.Width, folder.Flow, own.Plain);
        var vision = own.Vision(options, folder.Recipe.Height, folder.Recipe.Width);
        var language = own.Language(AttentionMask.Full);
        return new FlowParts(
            vision, own.Connector(language.Shape.Width, vision.Shape.Width), language, expert,
            plain.Linear("action_in_proj", width, flow.ActionWidth, bias: true),
            plain.Linear("action_out_proj", flow.ActionWidth, width, bias: true),
            plain.Linear(timeIn, width, timeWidth, bias: true),
            plain.Linear(timeOut, width, width, bias: true));
    }
}
