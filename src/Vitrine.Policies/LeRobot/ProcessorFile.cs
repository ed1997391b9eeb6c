using System.Text.Json;
using Vitrine.Checkpoints;

namespace Vitrine.Policies.LeRobot;

/// <summary>One step of a pipeline file.</summary>
/// <param name="Name">As LeRobot registers it.</param>
/// <param name="Config">Its configuration; every key must be read.</param>
/// <param name="StateFile">Path of its tensors; null where it has none.</param>
internal sealed record ProcessorEntry(string Name, ConfigReader Config, string? StateFile)
{
    /// <summary>The statistics of its state file.</summary>
    /// <exception cref="VitrineException">It names none.</exception>
    public FeatureStatistics Statistics() => StateFile is null
        ? throw new VitrineException($"{Config.Source}: names no state_file, so there are no statistics to normalise by.")
        : FeatureStatistics.OfFile(StateFile);
}

/// <summary>Reads <c>policy_preprocessor.json</c> and <c>policy_postprocessor.json</c>.</summary>
internal static class ProcessorFile
{
    /// <summary>The steps of a pipeline.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="VitrineException">It is no pipeline, or names a file outside its folder.</exception>
    public static IReadOnlyList<ProcessorEntry> Read(string path)
    {
        var json = ConfigReader.Open(path);
        if (json.Find("steps") is not { ValueKind: JsonValueKind.Array } steps)
        {
            throw new VitrineException($"{path}: has no list of steps, so it is no pipeline of LeRobot.");
        }

        _ = json.Text("name", "");
        json.RefuseOthers();
        return [.. steps.EnumerateArray().Select((step, i) => Entry(new ConfigReader(step, $"{path}: step {i}"), path))];
    }

    private static ProcessorEntry Entry(ConfigReader json, string path)
    {
        var name = json.Has("registry_name")
            ? json.Text("registry_name")
            : throw new VitrineException(
                $"{json.Source}: is a step of the class '{json.Text("class", "")}', which LeRobot does not register; it is not computed.");
        var file = json.Has("state_file") ? json.Text("state_file") : null;
        if (file is not null && (file is "" or "." or ".." || file.IndexOfAny(['/', '\\', ':', '\0']) >= 0))
        {
            throw new VitrineException($"{json.Source}: the state_file '{file}' is no plain file name; it is refused.");
        }

        var config = json.Find("config") switch
        {
            null => JsonDocument.Parse("{}").RootElement,
            { ValueKind: JsonValueKind.Object } v => v,
            { } v => throw json.Wrong("config", v, "an object"),
        };
        json.RefuseOthers();
        var home = Path.GetDirectoryName(Path.GetFullPath(path))!;
        return new ProcessorEntry(
            name, new ConfigReader(config, $"{json.Source} ({name})", refusesNull: true), file is null ? null : Path.Combine(home, file));
    }
}
