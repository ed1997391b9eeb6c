namespace Vitrine.Checkpoints;

/// <summary>Writes down what the keys of one file do, row by row.</summary>
/// <param name="file">Name of the file.</param>
/// <param name="since">Version of Vitrine that reads them.</param>
public sealed class CompanionTable(string file, string since = CompanionTable.Unreleased)
{
    /// <summary>The heading of CHANGELOG.md for what no version has yet.</summary>
    public const string Unreleased = "Unreleased";

    /// <summary>A key whose value acts as in the reference.</summary>
    /// <param name="key">The key.</param>
    /// <param name="effect">What it changes.</param>
    public IEnumerable<CompanionKey> Applied(string key, string effect) => [Of(key, KeyTreatment.Applied, effect)];

    /// <summary>A key whose value would change a number, and is refused.</summary>
    /// <param name="key">The key.</param>
    /// <param name="why">What is not computed; it stands in the error.</param>
    public IEnumerable<CompanionKey> Refused(string key, string why) => [Of(key, KeyTreatment.Refused, why)];

    /// <summary>Keys that change nothing for one reason.</summary>
    /// <param name="why">The reason.</param>
    /// <param name="keys">The keys.</param>
    public IEnumerable<CompanionKey> Bookkeeping(string why, params IEnumerable<string> keys) => keys.Select(k => Of(k, KeyTreatment.Bookkeeping, why));

    private CompanionKey Of(string key, KeyTreatment treatment, string effect) => new(file, key, treatment, effect, since);
}
