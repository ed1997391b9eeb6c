using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Vitrine.Checkpoints;

namespace Vitrine.Cli.Demo;

/// <summary>What was measured as it is kept, so that a demo that was interrupted goes on behind it.</summary>
/// <param name="Key">Of what it was measured: policy, arms and size.</param>
/// <param name="Result">What was measured.</param>
internal sealed record KeptFile<T>(string Key, T Result);

/// <summary>Keeps what was measured.</summary>
internal static class KeptFile
{
    /// <summary>What a file keeps, if it is of the same; else it is measured and kept.</summary>
    /// <param name="path">The file.</param>
    /// <param name="asked">Says all that it depends on.</param>
    /// <param name="measure">Measures it.</param>
    public static T Measured<T>(string path, string asked, Func<T> measure)
    {
        var key = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(asked)));
        if (File.Exists(path) && Read<T>(path) is { } kept && kept.Key == key)
        {
            return kept.Result;
        }

        var made = measure();
        AtomicFile.WriteAllText(path, Output.ToJson(new KeptFile<T>(key, made)));
        return made;
    }

    /// <remarks>What cannot be read is measured again.</remarks>
    private static KeptFile<T>? Read<T>(string path)
    {
        try
        {
            return Output.FromJson<KeptFile<T>>(File.ReadAllText(path));
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
