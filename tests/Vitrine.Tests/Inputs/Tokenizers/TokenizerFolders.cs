using System.Text.Json;
using Vitrine.Inputs.Tokenizers;

namespace Vitrine.Tests.Inputs.Tokenizers;

/// <summary>
/// Folders with a tokenizer and its goldens: those of the fixtures, and those that lie beside the repository because their vocabularies are not to be copied.
/// </summary>
internal static class TokenizerFolders
{
    private static readonly Dictionary<string, Tokenizer> Opened = [];

    private static readonly TokenizerOptions AsTheLibrary = new() { Reference = TokenizerReference.Tokenizers };

    /// <summary>VITRINE_SHARED, or <c>../shared</c> beside the repository.</summary>
    public static string Shared { get; } = Environment.GetEnvironmentVariable("VITRINE_SHARED") is { Length: > 0 } chosen
        ? chosen
        : Path.Combine(Fixtures.Repository, "..", "shared");

    /// <summary>Names of all folders that are known to exist somewhere; a test of one that is absent here is skipped.</summary>
    public static TheoryData<string> All()
    {
        var names = new SortedSet<string>(["gemma", "llama2", "llama3"], StringComparer.Ordinal); // Read beside the repository only.
        foreach (var root in Roots().Where(Directory.Exists))
        {
            names.UnionWith(Directory.GetDirectories(root).Where(f => File.Exists(Path.Combine(f, "meta.json"))).Select(f => Path.GetFileName(f)!));
        }

        return [.. names];
    }

    public static string Of(string name)
    {
        var found = Roots().Select(r => Path.Combine(r, name)).FirstOrDefault(Directory.Exists);
        Assert.SkipUnless(found is not null, $"neither the fixtures nor ../shared (VITRINE_SHARED) have tokenizers/{name}");
        return found!;
    }

    /// <summary>
    /// Opened once for all tests: the large ones take a second. As the library that gave the goldens opens them: nothing beside the file is read.
    /// </summary>
    public static Tokenizer Open(string name)
    {
        var folder = Of(name);
        lock (Opened)
        {
            return Opened.TryGetValue(folder, out var tokenizer) ? tokenizer : Opened[folder] = Tokenizer.Open(folder, AsTheLibrary);
        }
    }

    public static JsonElement[] Goldens(string name)
    {
        using var json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Of(name), "golden.json")));
        return [.. json.RootElement.Clone().EnumerateArray()];
    }

    public static int[] Ids(JsonElement golden, string key) => [.. golden.GetProperty(key).EnumerateArray().Select(i => i.GetInt32())];

    private static IEnumerable<string> Roots() => [Path.Combine(Fixtures.Root, "tokenizers"), Path.Combine(Shared, "fixtures", "tokenizers")];
}
