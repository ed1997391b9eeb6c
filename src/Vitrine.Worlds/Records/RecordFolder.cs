using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Vitrine.Transformers;

namespace Vitrine.Worlds.Records;

/// <summary>Where the parts of a record lie. Names out of a record never leave its folder.</summary>
internal static class RecordFolder
{
    public const string Header = "record.json", Table = "steps.parquet", Growing = "steps.jsonl", Activations = "activations.safetensors", Lock = "record.lock";
    private const string Pictures = "pictures", Plans = "plans", Kept = "activations";
    private const int LongestName = 80;

    /// <summary>A camera's picture of a step.</summary>
    public static string Picture(string folder, string camera, int step) => Path.Combine(PicturesOf(folder, camera), $"{Number(step)}.png");

    public static string PicturesOf(string folder, string camera) => Path.Combine(folder, Pictures, Safe(camera));

    /// <summary>The film of a camera.</summary>
    public static string Film(string folder, string camera, bool isOnly, string type)
        => Path.Combine(folder, isOnly ? $"episode.{type}" : $"episode.{Safe(camera)}.{type}");

    /// <summary>Activations of a step, until the record is closed.</summary>
    public static string Step(string folder, int step) => Path.Combine(folder, Kept, $"{Number(step)}.safetensors");

    public static string StepFolder(string folder) => Path.Combine(folder, Kept);

    public static string Plan(string folder, string name) => name.Length == 64 && name.All(char.IsAsciiHexDigitLower)
        ? Path.Combine(folder, Plans, $"{name}.json")
        : throw new VitrineException($"{folder}: a step names the plan '{name}'; expected a hash of 64 hexadecimal digits.");

    /// <summary>A plan's name: the hash of its JSON.</summary>
    public static string NameOf(RunPlan plan) => Hash(plan.ToJson());

    /// <summary>A name of a tensor in a record.</summary>
    public static string Tensor(int step, string address) => string.Create(CultureInfo.InvariantCulture, $"{step}/{address}");

    private static string Number(int step) => step.ToString("D6", CultureInfo.InvariantCulture);

    /// <summary>A name as a file's: letters that mean something in paths are written as their codes; a long name is cut, and told apart by its hash.</summary>
    public static string Safe(string name)
    {
        var safe = Uri.EscapeDataString(name).Replace(".", "%2E", StringComparison.Ordinal).Replace("*", "%2A", StringComparison.Ordinal);
        return safe.Length <= LongestName ? safe : $"{safe[..LongestName]}~{Hash(name)[..8]}";
    }

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
