using System.Security.Cryptography;

namespace Vitrine.Certification;

/// <summary>Finds weights that a fixture names by their hash because they are too big to lie in it.</summary>
internal static class ReferenceWeights
{
    /// <summary>Folders in which such material may lie: above the fixture, in <c>VITRINE_SHARED</c>, in <c>../shared</c>.</summary>
    public static IEnumerable<string> Roots(Fixture fixture)
    {
        ArgumentNullException.ThrowIfNull(fixture);
        return new[]
        {
            Path.Combine(fixture.Folder, "..", "..", ".."),
            Environment.GetEnvironmentVariable("VITRINE_SHARED"),
            Path.Combine(fixture.Folder, "..", "..", "..", "..", "..", "shared"),
            Path.Combine("..", "shared"),
        }.OfType<string>().Where(r => r.Length > 0);
    }

    /// <summary>The file below <c>models/</c> of one of the roots whose SHA-256 meta.json gives; null where it is absent.</summary>
    /// <param name="fixture">Names the hash.</param>
    /// <param name="key">Of the hash in meta.json.</param>
    /// <param name="pattern">Of the file's name, e.g. <c>*.gguf</c>.</param>
    public static string? Find(Fixture fixture, string key, string pattern)
    {
        ArgumentNullException.ThrowIfNull(fixture);
        var expected = fixture.Meta.GetProperty(key).GetString();
        return Roots(fixture).Select(r => Path.Combine(r, "models")).Where(Directory.Exists)
            .SelectMany(m => Directory.EnumerateFiles(m, pattern, SearchOption.AllDirectories))
            .Select(Path.GetFullPath).Distinct().FirstOrDefault(f => Hash(f) == expected);
    }

    /// <summary>The same, refused with the hash that is looked for.</summary>
    /// <exception cref="VitrineException">There is no such file.</exception>
    public static string Needed(Fixture fixture, string key, string pattern) => Find(fixture, key, pattern) ?? throw new VitrineException(
        $"{fixture.Folder}: its weights are absent; expected a {pattern} with SHA-256 {fixture.Meta.GetProperty(key).GetString()} below models/ in "
            + "VITRINE_SHARED or ../shared.");

    private static string Hash(string path)
    {
        using var file = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(file));
    }
}
