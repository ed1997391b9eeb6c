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
    private const string FileName = "dataset_statistics.json";

    /// <summary>What each key does.</summary>
    public static IReadOnlyList<CompanionKey> Keys { get; } = Table(new CompanionTable(FileName));

    /// <summary>Dimensions of the action.</summary>
    public int Dimensions => Q01.Count;

    /// <summary>The file, and the data set in it.</summary>
    public string Source { get; init; } = Key;

    /// <summary>The robot's units: (a + 1) (q99 - q01) / 2 + q01, or a itself where the mask is not set.</summary>
    /// <exception cref="VitrineException">A quantile that is needed is no number.</exception>
    public double Unnormalise(int dimension, double action)
        => Mask[dimension] ? (0.5 * (action + 1) * (Finite(Q99, "q99", dimension) - Finite(Q01, "q01", dimension))) + Q01[dimension] : action;

    /// <summary>Reads <c>dataset_statistics.json</c>, which replaces <c>norm_stats</c> of config.json where it exists.</summary>
    /// <param name="folder">Of the policy.</param>
    /// <param name="config">Its config.json.</param>
    /// <returns>By data set.</returns>
    /// <remarks>Python's NaN is read; it is refused where it would be used.</remarks>
    /// <exception cref="VitrineException">There is neither, or an entry is broken; file and key are named.</exception>
    public static IReadOnlyDictionary<string, ActionStatistics> Open(string folder, ConfigReader config)
    {
        ArgumentNullException.ThrowIfNull(config);
        var file = Path.Combine(folder, FileName);
        var all = File.Exists(file) ? ConfigReader.Open(file)
            : config.Has("norm_stats") ? config.Object("norm_stats")
            : throw new VitrineException($"{folder}: neither {FileName} nor norm_stats in config.json; actions cannot be un-normalised.");
        var read = all.Root.EnumerateObject().ToDictionary(p => p.Name, p => Read(p.Name, all.Object(p.Name)));
        return read.Count > 0 ? read : throw new VitrineException($"{all.Source}: names no data set; actions cannot be un-normalised.");
    }

    private static ActionStatistics Read(string name, ConfigReader entry)
    {
        var action = entry.Object("action");
        var (q01, q99) = (Numbers(action, "q01"), Numbers(action, "q99"));
        var mask = action.Spells("mask") ? Flags(action, "mask") : [.. q01.Select(_ => true)];
        action.RefuseOthers(Inside("action."));
        entry.RefuseOthers([.. Keys.Where(k => !k.Key.Contains('.', StringComparison.Ordinal))]);
        return q01.Length > 0 && q01.Length == q99.Length && q01.Length == mask.Length
            ? new ActionStatistics(name, q01, q99, mask) { Source = entry.Source }
            : throw new VitrineException(
                $"{action.Source}: q01, q99 and mask have {q01.Length}, {q99.Length} and {mask.Length} entries; expected one for each dimension.");
    }

    private static IReadOnlyList<CompanionKey> Table(CompanionTable k) =>
    [
        .. k.Applied("action", "of each data set: how its actions were normalised"),
        .. k.Applied("action.q01", "what -1 means, by dimension"),
        .. k.Applied("action.q99", "what 1 means, by dimension"),
        .. k.Applied("action.mask", "dimensions that are un-normalised; true and false, or 1 and 0 as numpy reads them; all where the key is missing"),
        .. k.Bookkeeping("actions are un-normalised by quantiles", "action.mean", "action.std", "action.min", "action.max"),
        .. k.Bookkeeping("the robot's own state is not read", "proprio", "state"),
        .. k.Bookkeeping("how much there was to learn from", "num_transitions", "num_trajectories"),
    ];

    private static IReadOnlyList<CompanionKey> Inside(string prefix)
        => [.. Keys.Where(k => k.Key.StartsWith(prefix, StringComparison.Ordinal)).Select(k => k with { Key = k.Key[prefix.Length..] })];

    private static double[] Numbers(ConfigReader json, string key)
        => json.Find(key) is { ValueKind: JsonValueKind.Array } list && list.EnumerateArray().All(v => PythonJson.Number(v) is not null)
            ? [.. list.EnumerateArray().Select(v => PythonJson.Number(v)!.Value)]
            : throw json.Wrong(key, json.Find(key) ?? default, "a list of numbers");

    /// <remarks>numpy.where takes any number but 0 for true; written are true and false, or 1 and 0.</remarks>
    private static bool[] Flags(ConfigReader json, string key)
    {
        return json.Find(key) is { ValueKind: JsonValueKind.Array } list && list.EnumerateArray().All(v => Flag(v) is not null)
            ? [.. list.EnumerateArray().Select(v => Flag(v)!.Value)]
            : throw json.Wrong(key, json.Find(key) ?? default, "a list of true and false, or of 1 and 0");

        static bool? Flag(JsonElement value) => value.ValueKind switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            JsonValueKind.Number when value.GetDouble() is 0 or 1 => value.GetDouble() == 1,
            _ => null,
        };
    }

    private double Finite(IReadOnlyList<double> quantiles, string key, int dimension)
        => double.IsFinite(quantiles[dimension])
            ? quantiles[dimension]
            : throw new VitrineException(FormattableString.Invariant($"{Source}: action.{key}[{dimension}] is {quantiles[dimension]}; the action cannot be ")
                + "un-normalised with it.");
}
