using Vitrine.Checkpoints;
using Vitrine.Inputs.Tokenizers;

namespace Vitrine.Policies.LeRobot;

/// <summary>Makes the steps of the two pipelines out of their files. What is not known is refused: it might change numbers.</summary>
/// <param name="config">Of the policy.</param>
/// <param name="folder">Where it lies; tokenizers are looked for in it.</param>
/// <param name="reading">How a tokenizer's files are read.</param>
internal sealed class ProcessorSteps(LeRobotConfig config, string folder, TokenizerOptions reading)
{
    /// <summary>Steps that move tensors and change no number.</summary>
    private static readonly string[] Moving = ["to_batch_processor", "device_processor"];

    private static readonly string[] KnownInputs =
    [
        "rename_observations_processor", "to_batch_processor", "device_processor", "normalizer_processor", "tokenizer_processor",
        "smolvla_new_line_processor", "pi0_new_line_processor", "pi05_prepare_state_tokenizer_processor_step",
        "pi0_fast_prepare_state_tokenizer_processor_step", "relative_actions_processor", "action_tokenizer_processor",
    ];

    private static readonly string[] KnownActions = ["unnormalizer_processor", "absolute_actions_processor", "device_processor"];

    private (IReadOnlyList<string> Excluded, IReadOnlyList<string>? Names) relative = ([], null);

    /// <summary>Names that cameras and states are given under instead of the policy's own.</summary>
    public Dictionary<string, string> Renamed { get; } = new(StringComparer.Ordinal);

    /// <summary>How pictures are normalised, by feature.</summary>
    public Dictionary<string, Normaliser> Pictures { get; } = new(StringComparer.Ordinal);

    /// <summary>What <c>action_tokenizer_processor</c> says; null where it stands in no pipeline.</summary>
    public ActionTokenizerSettings? ActionTokenizer { get; private set; }

    /// <summary>Words to ids; null where no step needs them.</summary>
    public Tokenizer? Tokenizer { get; private set; }

    /// <summary>The steps of <c>policy_preprocessor.json</c>.</summary>
    /// <exception cref="VitrineException">A step or one of its keys is unknown, or a statistic is missing.</exception>
    public IReadOnlyList<IInputStep> Inputs(string path) => [.. ProcessorFile.Read(path).Select(Input).OfType<IInputStep>()];

    /// <summary>The steps of <c>policy_postprocessor.json</c>.</summary>
    /// <exception cref="VitrineException">As <see cref="Inputs"/>.</exception>
    public IReadOnlyList<IActionStep> Actions(string path) => [.. ProcessorFile.Read(path).Select(Action).OfType<IActionStep>()];

    /// <summary>The tokenizer that a step names: a folder inside the policy's, one called <c>tokenizer</c> there, or a model of the local cache.</summary>
    /// <exception cref="VitrineException">There is none.</exception>
    public TokenizeStep Tokenize(string name, int most)
    {
        var inside = new[] { Path.Combine(folder, name), Path.Combine(folder, "tokenizer") }.FirstOrDefault(Directory.Exists);
        var found = inside is not null && !Path.IsPathRooted(name) ? inside : OfCache(name);
        Tokenizer = Tokenizer.Open(found, reading);
        config.Files.AddTokenizer(found);
        return new TokenizeStep(Tokenizer, most);
    }

    /// <summary>The step that puts the state into the network's units, and the normalisers of pictures, by given statistics.</summary>
    public IInputStep? Normalise(
        IReadOnlyList<PolicyFeature> features, IReadOnlyDictionary<FeatureKind, NormalisationMode> modes, FeatureStatistics statistics, double epsilon)
    {
        foreach (var camera in config.Cameras.Where(c => features.Any(f => f.Name == c.Name)))
        {
            Pictures[camera.Name] = Of(camera, modes, statistics, epsilon);
        }

        return config.State is { } state && features.Any(f => f.Name == state.Name) ? new NormaliseStep(Of(state, modes, statistics, epsilon)) : null;
    }

    /// <summary>The step back to the robot's units by given statistics.</summary>
    public IActionStep Unnormalise(IReadOnlyDictionary<FeatureKind, NormalisationMode> modes, FeatureStatistics statistics, double epsilon)
        => new UnnormaliseStep(Of(config.Action, modes, statistics, epsilon));

    private FeatureStatistics StatisticsOf(ProcessorEntry entry)
    {
        var statistics = entry.Statistics();
        config.Files.Add(statistics.Source, "statistics of the data set");
        return statistics;
    }

    private static Normaliser Of(
        PolicyFeature feature, IReadOnlyDictionary<FeatureKind, NormalisationMode> modes, FeatureStatistics statistics, double epsilon)
        => Normaliser.Of(feature, modes.GetValueOrDefault(feature.Kind, NormalisationMode.Identity), statistics, epsilon);

    private IInputStep? Input(ProcessorEntry entry)
    {
        var step = entry.Name switch
        {
            "rename_observations_processor" => Rename(entry.Config),
            "normalizer_processor" => Normalised(entry),
            "tokenizer_processor" => Tokenized(entry.Config),
            "smolvla_new_line_processor" or "pi0_new_line_processor" => new NewLineStep(),
            "pi05_prepare_state_tokenizer_processor_step" => StatePrompt(entry.Config, "Action: "),
            "pi0_fast_prepare_state_tokenizer_processor_step" => StatePrompt(entry.Config, ""),
            "relative_actions_processor" => Remember(entry.Config),
            "action_tokenizer_processor" => TokenizeActions(entry.Config),
            _ => Unchanged(entry, KnownInputs),
        };
        entry.Config.RefuseOthers();
        return step;
    }

    private IActionStep? Action(ProcessorEntry entry)
    {
        var step = entry.Name switch
        {
            "unnormalizer_processor" => Unnormalised(entry),
            "absolute_actions_processor" => entry.Config.Flag("enabled", false) ? new AddStateStep(relative.Excluded, relative.Names) : null,
            _ => (IActionStep?)Unchanged(entry, KnownActions),
        };
        entry.Config.RefuseOthers();
        return step;
    }

    private static IInputStep? Unchanged(ProcessorEntry entry, string[] known)
    {
        if (!known.Intersect(Moving).Contains(entry.Name))
        {
            throw new VitrineException(
                $"{entry.Config.Source}: this version does not know the step; it might change numbers, so the policy is refused. Known are "
                    + $"{string.Join(", ", known)}.");
        }

        _ = entry.Config.Text("device", "cpu");
        if (entry.Config.Has("float_dtype"))
        {
            entry.Config.MustBe("float_dtype", "float32");
        }

        return null;
    }

    private IInputStep? Rename(ConfigReader json)
    {
        if (json.Has("rename_map"))
        {
            var map = json.Object("rename_map");
            foreach (var entry in map.Root.EnumerateObject())
            {
                Renamed[entry.Name] = map.Text(entry.Name);
            }
        }

        return null;
    }

    private IInputStep? Normalised(ProcessorEntry entry)
    {
        var (features, modes, epsilon) = Described(entry.Config);
        if (entry.Config.Texts("normalize_observation_keys") is { } keys)
        {
            features = [.. features.Where(f => keys.Contains(f.Name))];
        }

        return Normalise(features, modes, StatisticsOf(entry), epsilon);
    }

    private IActionStep Unnormalised(ProcessorEntry entry)
    {
        var (_, modes, epsilon) = Described(entry.Config);
        return Unnormalise(modes, StatisticsOf(entry), epsilon);
    }

    /// <remarks>Sizes stand in config.json as well; two that differ are two policies.</remarks>
    private (IReadOnlyList<PolicyFeature> Features, IReadOnlyDictionary<FeatureKind, NormalisationMode> Modes, double Epsilon) Described(ConfigReader json)
    {
        var features = LeRobotConfig.Features(json, "features");
        foreach (var feature in features.Where(f => f.Kind != FeatureKind.Visual))
        {
            if (config.Inputs.Concat(config.Outputs).FirstOrDefault(f => f.Name == feature.Name) is { } own && own.Width != feature.Width)
            {
                throw new VitrineException(
                    $"{json.Source}: '{feature.Name}' has {feature.Width} numbers; {config.Json.Source} says that it has {own.Width}.");
            }
        }

        return (features, LeRobotConfig.Modes(json.Object("norm_map")), json.Number("eps", 1e-8));
    }

    private TokenizeStep Tokenized(ConfigReader json)
    {
        json.MustBe("task_key", "task");
        json.MustBe("padding_side", "right");
        _ = json.Text("padding", "max_length");
        _ = json.Flag("truncation", true);
        return Tokenize(json.Text("tokenizer_name"), json.Size("max_length", 512));
    }

    private static StatePromptStep StatePrompt(ConfigReader json, string ending)
    {
        json.MustBe("task_key", "task");
        json.MustBeOn("include_state_in_prompt");
        _ = json.Size("max_state_dim", 32);
        return new StatePromptStep(ending);
    }

    private RememberStateStep? Remember(ConfigReader json)
    {
        relative = (json.Texts("exclude_joints") ?? [], json.Texts("action_names"));
        return json.Flag("enabled", false) ? new RememberStateStep() : null;
    }

    private IInputStep? TokenizeActions(ConfigReader json)
    {
        _ = (json.Flag("trust_remote_code", true), json.Flag("allow_truncation", true), json.Size("max_action_tokens", 256));
        _ = json.Text("paligemma_tokenizer_name", "");
        ActionTokenizer = new ActionTokenizerSettings(json.Text("action_tokenizer_name"), json.Count("fast_skip_tokens", 128));
        return null;
    }

    private string OfCache(string name)
    {
        try
        {
            return ModelLocation.Resolve(name).Folder;
        }
        catch (VitrineException e)
        {
            throw new VitrineException(
                $"{folder}: its pipeline names the tokenizer '{name}', which is neither a folder here nor in the local cache; put its files into "
                    + $"{Path.Combine(folder, "tokenizer")}. ({e.Message})", e);
        }
    }
}

/// <summary>What a pipeline says of the tokens of actions.</summary>
/// <param name="Name">Of the FAST tokenizer: a folder inside the policy's, or a model of the hub.</param>
/// <param name="Skipped">Ids at the end of the vocabulary that stand in front of those of actions.</param>
internal sealed record ActionTokenizerSettings(string Name, int Skipped);
