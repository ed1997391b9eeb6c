using System.Text.Json;
using Vitrine.Checkpoints;

namespace Vitrine.Policies.LeRobot;

/// <summary>What every LeRobot policy's config.json says: features in their order, normalisation, the chunk.</summary>
/// <remarks>There are no sizes of the network in it; a family knows them, or reads them off the shapes of the weights.</remarks>
internal sealed class LeRobotConfig
{
    private LeRobotConfig(ConfigReader json, IReadOnlyList<PolicyFeature> inputs, IReadOnlyList<PolicyFeature> outputs)
        => (Json, Inputs, Outputs) = (json, inputs, outputs);

    /// <summary>The file, for what a family reads itself.</summary>
    public ConfigReader Json { get; }

    /// <summary>What is read besides.</summary>
    public PolicyFiles Files { get; } = new();

    /// <summary>In the order of the file, which is that of the cameras.</summary>
    public IReadOnlyList<PolicyFeature> Inputs { get; }

    /// <summary>The actions.</summary>
    public IReadOnlyList<PolicyFeature> Outputs { get; }

    /// <summary>The cameras, in order; those that LeRobot fills with nothing (<c>empty_camera_0</c>) are left out.</summary>
    public IReadOnlyList<PolicyFeature> Cameras
        => [.. Inputs.Where(f => f.Kind == FeatureKind.Visual && !f.ShortName.StartsWith("empty_camera_", StringComparison.Ordinal))];

    /// <summary>What the robot measures; null where the policy reads none.</summary>
    public PolicyFeature? State => Inputs.FirstOrDefault(f => f.Name == PolicyFeature.State);

    /// <summary>What the robot does.</summary>
    public PolicyFeature Action => Outputs.FirstOrDefault(f => f.Name == PolicyFeature.Action)
        ?? throw new VitrineException($"{Json.Source}: output_features has no '{PolicyFeature.Action}'.");

    /// <summary>H, control steps of a chunk.</summary>
    public required int Chunk { get; init; }

    /// <summary>How many of them are carried out before the policy acts again.</summary>
    public required int ActionSteps { get; init; }

    /// <summary>How features are normalised, by kind; those that are not there stay as they are.</summary>
    public required IReadOnlyDictionary<FeatureKind, NormalisationMode> Normalisation { get; init; }

    /// <summary>Reads what all families spell alike.</summary>
    /// <param name="json">config.json.</param>
    /// <param name="chunk">Class default of chunk_size and n_action_steps.</param>
    /// <param name="defaults">Class default of normalization_mapping.</param>
    /// <exception cref="VitrineException">A key is missing, or says something that is not computed.</exception>
    public static LeRobotConfig Read(ConfigReader json, int chunk, IReadOnlyDictionary<FeatureKind, NormalisationMode> defaults)
    {
        if (json.Size("n_obs_steps", 1) is var seen && seen != 1)
        {
            throw new VitrineException($"{json.Source}: n_obs_steps is {seen}; this version computes policies of one observation.");
        }

        json.MustBeOff("use_peft");
        if (json.Has("rtc_config") && json.Object("rtc_config").Flag("enabled", true))
        {
            throw new VitrineException($"{json.Source}: rtc_config is enabled; real-time chunking is not computed by this version.");
        }

        var (size, steps) = (json.Size("chunk_size", chunk), json.Size("n_action_steps", chunk));
        if (steps > size)
        {
            throw new VitrineException($"{json.Source}: n_action_steps is {steps}; a chunk has {size}.");
        }

        var config = new LeRobotConfig(json, Features(json, "input_features"), Features(json, "output_features"))
        {
            Chunk = size,
            ActionSteps = steps,
            Normalisation = json.Has("normalization_mapping") ? Modes(json.Object("normalization_mapping")) : defaults,
        };
        return config.Inputs.FirstOrDefault(f => f.Kind == FeatureKind.Environment) is { } environment
            ? throw new VitrineException($"{json.Source}: input_features has '{environment.Name}'; states of a simulator are not read by this version.")
            : config;
    }

    /// <summary>Of files that spell nothing of it.</summary>
    /// <param name="json">What there is.</param>
    /// <param name="inputs">Features that it reads.</param>
    /// <param name="outputs">Features that it gives.</param>
    /// <param name="chunk">Control steps of a chunk, all of which are carried out.</param>
    public static LeRobotConfig Of(ConfigReader json, IReadOnlyList<PolicyFeature> inputs, IReadOnlyList<PolicyFeature> outputs, int chunk)
        => new(json, inputs, outputs) { Chunk = chunk, ActionSteps = chunk, Normalisation = new Dictionary<FeatureKind, NormalisationMode>() };

    /// <summary>Refuses every key that no one read.</summary>
    /// <param name="inert">Further keys that change no number.</param>
    public void RefuseOthers(params IEnumerable<string>[] inert)
        => Json.RefuseOthers([LeRobotKeys.Inert, .. inert, Json.Root.EnumerateObject().Select(p => p.Name).Where(LeRobotKeys.IsOfTraining)]);

    /// <summary>A mapping of kinds to modes, as config.json and processors spell it.</summary>
    public static IReadOnlyDictionary<FeatureKind, NormalisationMode> Modes(ConfigReader json)
    {
        var modes = new Dictionary<FeatureKind, NormalisationMode>();
        foreach (var entry in json.Root.EnumerateObject())
        {
            if (entry.Name is not ("LANGUAGE" or "REWARD"))
            {
                modes[Kind(entry.Name, json.Source)] = NormalisationModes.Parse(json.Text(entry.Name), $"{json.Source}: {entry.Name}");
            }
        }

        return modes;
    }

    /// <summary>Features as config.json and processors spell them; words are no feature of their own.</summary>
    public static IReadOnlyList<PolicyFeature> Features(ConfigReader json, string key)
        => [.. json.Object(key).Root.EnumerateObject().Where(p => !IsWords(p.Value))
            .Select(p => Feature(p.Name, new ConfigReader(p.Value, $"{json.Source}: {key}: {p.Name}")))];

    private static bool IsWords(JsonElement feature)
        => feature.ValueKind == JsonValueKind.Object && feature.TryGetProperty("type", out var type) && type.ValueKind == JsonValueKind.String
            && type.GetString() == "LANGUAGE";

    private static PolicyFeature Feature(string name, ConfigReader json)
    {
        var kind = Kind(json.Text("type"), json.Source);
        int[] shape = json.Find("shape") is { ValueKind: JsonValueKind.Array } sizes
            && sizes.EnumerateArray().All(s => s.ValueKind == JsonValueKind.Number && s.TryGetInt32(out var n) && n > 0)
            ? [.. sizes.EnumerateArray().Select(s => s.GetInt32())]
            : [];
        json.RefuseOthers();
        return shape.Length == (kind == FeatureKind.Visual ? 3 : 1)
            ? new PolicyFeature(name, kind, shape)
            : throw new VitrineException($"{json.Source}: shape is [{string.Join(", ", shape)}]; expected "
                + $"{(kind == FeatureKind.Visual ? "channels, rows and columns" : "one width")}.");
    }

    private static FeatureKind Kind(string name, string source) => name switch
    {
        "VISUAL" => FeatureKind.Visual,
        "STATE" => FeatureKind.State,
        "ACTION" => FeatureKind.Action,
        "ENV" => FeatureKind.Environment,
        _ => throw new VitrineException($"{source}: '{name}' is no kind of feature; known are VISUAL, STATE, ACTION, ENV, LANGUAGE."),
    };
}
