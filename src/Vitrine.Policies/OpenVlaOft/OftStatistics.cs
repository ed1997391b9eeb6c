using Vitrine.Checkpoints;
using Vitrine.Policies.Actions;

namespace Vitrine.Policies.OpenVlaOft;

/// <summary>How one data set's actions and states were normalised.</summary>
/// <param name="Key">Name of the data set.</param>
/// <param name="Action">Of the actions.</param>
/// <param name="State">Of the states; null where the file has none.</param>
internal sealed record OftStatistics(string Key, OftBounds Action, OftBounds? State)
{
    /// <summary>Reads <c>dataset_statistics.json</c>, which replaces <c>norm_stats</c> of config.json where it exists.</summary>
    /// <param name="folder">Of the policy.</param>
    /// <param name="config">Its config.json.</param>
    /// <param name="betweenExtremes">Between min and max, not between q01 and q99.</param>
    /// <exception cref="VitrineException">There is neither, or an entry is broken; it is named.</exception>
    public static IReadOnlyDictionary<string, OftStatistics> Open(string folder, ConfigReader config, bool betweenExtremes)
    {
        var file = Path.Combine(folder, ActionStatistics.FileName);
        var all = File.Exists(file) ? ConfigReader.Open(file)
            : config.Has("norm_stats") ? config.Object("norm_stats")
            : throw new VitrineException($"{folder}: neither dataset_statistics.json nor norm_stats in config.json; actions cannot be un-normalised.");
        return all.Root.EnumerateObject().ToDictionary(p => p.Name, p =>
        {
            var entry = all.Object(p.Name);
            entry.RefuseOthers([.. ActionStatistics.Keys.Where(k => !k.Key.Contains('.', StringComparison.Ordinal))]);
            var state = entry.Has("proprio") ? OftBounds.Read(entry.Object("proprio"), betweenExtremes) : null;
            return new OftStatistics(p.Name, OftBounds.Read(entry.Object("action"), betweenExtremes), state);
        });
    }
}
