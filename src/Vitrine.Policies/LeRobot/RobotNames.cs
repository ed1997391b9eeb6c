using System.Text.Json;
using Vitrine.Checkpoints;

namespace Vitrine.Policies.LeRobot;

/// <summary>What the data set that a policy was trained on calls itself and its numbers.</summary>
/// <param name="DataSet">Its name, as <c>train_config.json</c> has it; null where it is not said.</param>
/// <param name="Action">What the numbers of an action are; counted where it is not said.</param>
/// <param name="State">What the numbers of the state are; none where it is not said.</param>
/// <remarks>
/// A policy's own config.json names no joint. LeRobot writes them into the data set's <c>meta/info.json</c> and, for policies whose actions are relative to the
/// state, into <c>action_feature_names</c>; a copy of the first may lie beside the policy.
/// </remarks>
internal sealed record RobotNames(string? DataSet, IReadOnlyList<string> Action, IReadOnlyList<string> State)
{
    private const string TrainFile = "train_config.json", InfoFile = "info.json", InfoFolder = "meta";

    public static RobotNames Read(string folder, LeRobotConfig config)
    {
        var (info, train) = (Path.Combine(folder, InfoFolder, InfoFile), Path.Combine(folder, TrainFile));
        var features = File.Exists(info) && ConfigReader.Open(info) is var json && json.Has("features") ? json.Object("features") : null;
        foreach (var (file, what) in new[] { (info, "names of the robot's joints"), (train, "name of the data set") }.Where(f => File.Exists(f.Item1)))
        {
            config.Files.Add(file, what);
        }

        var (own, width) = (config.Json.Texts("action_feature_names"), config.Action.Width);
        return new RobotNames(
            DataSetOf(train),
            Checked(own ?? Names(features, PolicyFeature.Action), width, own is null ? info : config.Json.Source)
                ?? [.. Enumerable.Range(0, width).Select(d => $"{d}")],
            config.State is { } state ? Checked(Names(features, state.Name), state.Width, info) ?? [] : []);
    }

    private static string? DataSetOf(string file)
        => File.Exists(file) && ConfigReader.Open(file) is var json && json.Has("dataset") && json.Object("dataset") is var data && data.Has("repo_id")
            ? data.Text("repo_id")
            : null;

    private static IReadOnlyList<string>? Checked(IReadOnlyList<string>? names, int width, string source)
        => names is null || names.Count == width ? names : throw new VitrineException($"{source}: {names.Count} names for {width} numbers.");

    /// <remarks>A list of names, or an object that holds one (<c>{"motors": [...]}</c>).</remarks>
    private static IReadOnlyList<string>? Names(ConfigReader? features, string feature)
    {
        if (features is null || !features.Has(feature) || features.Object(feature).Find("names") is not { } names)
        {
            return null;
        }

        var list = names.ValueKind == JsonValueKind.Object ? names.EnumerateObject().Select(p => p.Value).FirstOrDefault() : names;
        return list.ValueKind == JsonValueKind.Array && list.EnumerateArray().All(n => n.ValueKind == JsonValueKind.String)
            ? [.. list.EnumerateArray().Select(n => n.GetString()!)]
            : null;
    }
}
