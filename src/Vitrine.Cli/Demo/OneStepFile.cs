using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Vitrine.Checkpoints;
using Vitrine.Worlds.Decisions;
using Vitrine.Worlds.Studies;

namespace Vitrine.Cli.Demo;

/// <summary>A one-step table as it is kept, so that a demo that was interrupted goes on behind it.</summary>
/// <param name="Key">Of what it was measured: policy, arms and size.</param>
/// <param name="Result">The table.</param>
internal sealed record OneStepFile(string Key, OneStepResult Result)
{
    /// <summary>The table that is kept in a folder, if it is of the same policy, arms and size; else it is measured and kept.</summary>
    public static OneStepResult Kept(string folder, Study study, DemoSize size, Func<OneStepResult> measure)
    {
        var path = Path.Combine(folder, $"onestep-{study.Name}.json");
        var asked = $"{Output.ToJson(study.Policy)}{Output.ToJson(size with { Layouts = 0, Steps = 0, Workers = 0 })}"
            + string.Concat(study.Arms.Select(a => a.Fingerprint()));
        var key = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(asked)));
        if (File.Exists(path) && Read(path) is { } kept && kept.Key == key)
        {
            return kept.Result;
        }

        var made = measure();
        AtomicFile.WriteAllText(path, Output.ToJson(new OneStepFile(key, made)));
        return made;
    }

    /// <remarks>What cannot be read is measured again.</remarks>
    private static OneStepFile? Read(string path)
    {
        try
        {
            return Output.FromJson<OneStepFile>(File.ReadAllText(path));
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
