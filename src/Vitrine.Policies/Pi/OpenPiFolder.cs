using Vitrine.Checkpoints;
using Vitrine.Inputs.Pictures;
using Vitrine.Inputs.Tokenizers;
using Vitrine.Policies.Flow;
using Vitrine.Policies.LeRobot;
using Vitrine.Transformers;

namespace Vitrine.Policies.Pi;

/// <summary>A folder that openpi's converter wrote: sizes in config.json, statistics in <c>assets/ID/norm_stats.json</c>, nothing else.</summary>
/// <remarks>
/// There are three cameras of fixed names, and transforms that a training configuration adds for its robot (actions relative to the state) stand in no file.
/// Sources: openpi, examples/convert_jax_model_to_pytorch.py, transforms.py, policies/*.py.
/// </remarks>
internal static class OpenPiFolder
{
    private const string Tokens = "tokenizer", Assets = "assets", Statistics = "norm_stats.json";

    private static readonly string[] Cameras = ["base_0_rgb", "left_wrist_0_rgb", "right_wrist_0_rgb"];

    /// <summary>Whether a configuration is of that kind: it names no type.</summary>
    public static bool Is(ConfigReader config)
        => !config.Root.TryGetProperty("type", out _) && !config.Root.TryGetProperty("model_type", out _)
            && config.Root.TryGetProperty("action_expert_variant", out _);

    /// <summary>Whether the weights of such a folder have a tensor, by which pi0 and pi0.5 are told apart.</summary>
    public static bool Has(ModelLocation location, string tensor)
    {
        using var checkpoint = Checkpoint.Open(location.Weights);
        return checkpoint.Names.Any(n => n == tensor || n.EndsWith($".{tensor}", StringComparison.Ordinal));
    }

    /// <param name="source">The folder.</param>
    /// <param name="options">How it is opened.</param>
    /// <param name="side">Pixels on a side of the pictures that the weights' image tower sees.</param>
    /// <param name="isQuantile">Whether states and actions lie between quantiles, and not in deviations from a mean.</param>
    /// <param name="stateInPrompt">Whether the state is said in the prompt.</param>
    /// <param name="promptLength">Tokens of a prompt at most.</param>
    /// <exception cref="VitrineException">A file is missing or broken, or a key is unknown.</exception>
    public static PiFolder Open(ModelSource source, ModelOptions options, int side, bool isQuantile, bool stateInPrompt, int promptLength)
    {
        var (json, folder) = (source.Config, source.Location.Folder);
        var (width, horizon) = (json.Size("action_dim", 32), json.Size("action_horizon", 50));
        _ = (json.Text("paligemma_variant", ""), json.Text("action_expert_variant", ""), json.Text("precision", ""));
        json.RefuseOthers();
        var (robot, file) = StatisticsOf(folder);
        var read = ConfigReader.Open(file);
        var statistics = read.Object("norm_stats");
        var (state, action) = (OpenPiStep.Read(statistics, "state", isQuantile), OpenPiStep.Read(statistics, "actions", isQuantile));
        read.RefuseOthers();
        statistics.RefuseOthers();
        var numbers = Math.Min(action.Width, width);
        var config = LeRobotConfig.Of(
            json,
            [
                .. Cameras.Select(c => new PolicyFeature(PolicyFeature.OfCamera(c), FeatureKind.Visual, [3, side, side])),
                new PolicyFeature(PolicyFeature.State, FeatureKind.State, [Math.Min(state.Width, width)]),
            ],
            [new PolicyFeature(PolicyFeature.Action, FeatureKind.Action, [numbers])], horizon);
        var home = TokenizerOf(folder);
        config.Files.Add(file, "statistics of the data set");
        config.Files.AddTokenizer(home);
        var words = new TokenizeStep(Tokenizer.Open(home, options.Tokenizer), promptLength);
        IReadOnlyList<IInputStep> steps = stateInPrompt && isQuantile
            ? [state, new StatePromptStep("Action: "), words]
            : [new InstructionStep(), words, state];
        return new PiFolder(
            LeRobotFolder.Of(config, folder, robot, words.Tokenizer, steps, [action]), new FlowSettings(10, width, width, 4e-3, 4),
            new PictureRecipe([new ResizeWithPad(side, side), new Normalise([0.5f, 0.5f, 0.5f], [0.5f, 0.5f, 0.5f])], 3, side, side));
    }

    /// <summary>The only robot of a folder, with its statistics.</summary>
    private static (string Robot, string File) StatisticsOf(string folder)
    {
        var assets = Path.Combine(folder, Assets);
        var files = Directory.Exists(assets) ? Directory.GetFiles(assets, Statistics, SearchOption.AllDirectories).Order(StringComparer.Ordinal).ToArray() : [];
        return files.Length switch
        {
            1 => (RobotOf(files[0]), files[0]),
            0 => throw new VitrineException(
                $"{folder}: has no {Assets}/ROBOT/{Statistics}, by which states and actions are normalised; copy it from the openpi checkpoint."),
            _ => throw new VitrineException(
                $"{folder}: has statistics of {files.Length} robots ({string.Join(", ", files.Select(RobotOf))}); keep the one that the policy drives in "
                    + $"{Assets}."),
        };

        string RobotOf(string file) => Path.GetRelativePath(assets, Path.GetDirectoryName(file)!).Replace('\\', '/');
    }

    private static string TokenizerOf(string folder)
    {
        var inside = Path.Combine(folder, Tokens);
        if (Directory.Exists(inside))
        {
            return inside;
        }

        try
        {
            return ModelLocation.Resolve(PiConfig.Tokenizer).Folder;
        }
        catch (VitrineException e)
        {
            throw new VitrineException(
                $"{folder}: has no folder {Tokens} with PaliGemma's tokenizer, and '{PiConfig.Tokenizer}' is not in the local cache. ({e.Message})", e);
        }
    }

    /// <summary>An instruction as openpi cleans it, ended by a new line.</summary>
    private sealed class InstructionStep : IInputStep
    {
        public void Apply(PolicyInput input) => input.Task = input.Task.Trim().Replace('_', ' ').Replace('\n', ' ') + "\n";
    }
}
