using Vitrine.Inputs.Pictures;
using Vitrine.Policies.Flow;
using Vitrine.Policies.LeRobot;
using Vitrine.Transformers;

namespace Vitrine.Policies.Pi;

/// <summary>Keys of config.json that pi0, pi0.5 and pi0-FAST share.</summary>
/// <param name="Files">What all LeRobot policies say.</param>
/// <param name="Recipe">From a camera's picture to pixels.</param>
/// <param name="PromptLength">Tokens of a prompt at most, in folders without pipelines.</param>
internal sealed record PiConfig(LeRobotConfig Files, PictureRecipe Recipe, int PromptLength)
{
    private static readonly string[] Variants = ["gemma_2b", "gemma_300m", "dummy"];

    /// <summary>The tokenizer of folders without pipelines.</summary>
    public const string Tokenizer = "google/paligemma-3b-pt-224";

    /// <param name="source">The folder.</param>
    /// <param name="statistics">Class default of how states and actions are normalised.</param>
    /// <param name="promptLength">Class default of tokenizer_max_length.</param>
    public static PiConfig Read(ModelSource source, NormalisationMode statistics, int promptLength)
    {
        var json = source.Config;
        var files = LeRobotConfig.Read(json, chunk: 50, new Dictionary<FeatureKind, NormalisationMode>
        {
            [FeatureKind.Visual] = NormalisationMode.Identity,
            [FeatureKind.State] = statistics,
            [FeatureKind.Action] = statistics,
        });
        foreach (var key in (string[])["paligemma_variant", "action_expert_variant"])
        {
            if (json.Has(key) && !Variants.Contains(json.Text(key)))
            {
                throw new VitrineException($"{json.Source}: {key} is '{json.Text(key)}'; this version computes {string.Join(", ", Variants)}.");
            }
        }

        // The pipelines hold what relative actions need; an older folder has none.
        if (json.Flag("use_relative_actions", false) && !File.Exists(Path.Combine(source.Location.Folder, LeRobotFolder.Before)))
        {
            throw new VitrineException($"{json.Source}: use_relative_actions is true; without {LeRobotFolder.Before} no file says how.");
        }

        _ = json.Texts("action_feature_names");
        var (height, width) = FlowConfig.Pair(json, "image_resolution", 224);
        return new PiConfig(files, Fitted(width, height), json.Size("tokenizer_max_length", promptLength));
    }

    /// <summary>Refuses every key that no one read.</summary>
    public void RefuseOthers(params IEnumerable<string>[] inert) => Files.RefuseOthers([LeRobotKeys.InertPi, .. inert]);

    private static PictureRecipe Fitted(int width, int height) => new([new InterpolateWithPad(width, height, Centred: true)], 3, height, width);
}
