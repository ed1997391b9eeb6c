using System.Text.Json;
using Vitrine.Checkpoints;

namespace Vitrine.Policies.Actions;

/// <summary>How one data set's actions were normalised: q01 and q99 became -1 and 1 where the mask is set.</summary>
/// <param name="Key">Name of the data set.</param>
/// <param name="Q01">1 % quantile of each dimension, as whoever made the data set computed it; it is read, not computed here.</param>
/// <param name="Q99">99 % quantile, likewise.</param>
/// <param name="Mask">False where the policy's own value is used as it is (the gripper).</param>
public sealed record ActionStatistics(string Key, IReadOnlyList<double> Q01, IReadOnlyList<double> Q99, IReadOnlyList<bool> Mask)
{
    /// <summary>Dimensions of the action.</summary>
    public int Dimensions => Q01.Count;

    /// <summary>The robot's units: (a + 1) (q99 - q01) / 2 + q01, or a itself where the mask is not set.</summary>
    public double Unnormalise(int dimension, double action)
        => Mask[dimension] ? (0.5 * (action + 1) * (Q99[dimension] - Q01[dimension])) + Q01[dimension] : action;

    /// <summary>Reads <c>dataset_statistics.json</c>, which replaces <c>norm_stats</c> of config.json where it exists.</summary>
    /// <param name="folder">Of the policy.</param>
    /// <param name="config">Its config.json.</param>
    /// <returns>By data set.</returns>
    /// <exception cref="VitrineException">There is neither, or an entry is broken; it is named.</exception>
    public static IReadOnlyDictionary<string, ActionStatistics> Open(string folder, ConfigReader config)
    {
        ArgumentNullException.ThrowIfNull(config);
        var file = Path.Combine(folder, "dataset_statistics.json");
        var (source, all) = File.Exists(file)
            ? (file, Root(file))
            : (config.Source,
                config.Find("norm_stats")
                    ?? throw new VitrineException(
                        $"{folder}: neither dataset_statistics.json nor norm_stats in config.json; actions cannot be un-normalised."));
        return all.EnumerateObject().ToDictionary(p => p.Name, p => Read($"{source}: {p.Name}", p.Name, p.Value));
    }

    private static JsonElement Root(string file)
    {
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(file));
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? document.RootElement.Clone()
                : throw new VitrineException($"{file}: expected an object of data sets.");
        }
        catch (JsonException e)
        {
            throw new VitrineException($"{file}: is not JSON ({e.Message}).", e);
        }
    }

    private static ActionStatistics Read(string source, string key, JsonElement entry)
    {
        var action = entry.ValueKind == JsonValueKind.Object && entry.TryGetProperty("action", out var a) && a.ValueKind == JsonValueKind.Object
            ? a
            : throw new VitrineException($"{source}: has no 'action'.");
        var q01 = Numbers("q01");
        var q99 = Numbers("q99");
        bool[] mask = action.TryGetProperty("mask", out var m) && m.ValueKind == JsonValueKind.Array
            ? [.. m.EnumerateArray().Select(v => v.ValueKind == JsonValueKind.True)]
            : [.. q01.Select(_ => true)];
        return q01.Length > 0 && q01.Length == q99.Length && q01.Length == mask.Length
            ? new ActionStatistics(key, q01, q99, mask)
            : throw new VitrineException(
                $"{source}: q01, q99 and mask have {q01.Length}, {q99.Length} and {mask.Length} entries; expected one for each dimension.");

        double[] Numbers(string name)
            => action.TryGetProperty(name, out var array) && array.ValueKind == JsonValueKind.Array
                && array.EnumerateArray().All(v => v.ValueKind == JsonValueKind.Number)
            ? [.. array.EnumerateArray().Select(v => v.GetDouble())]
            : throw new VitrineException($"{source}: 'action.{name}' is missing or no list of numbers.");
    }
}
