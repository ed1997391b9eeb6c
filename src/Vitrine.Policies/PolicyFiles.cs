using System.Collections.ObjectModel;

namespace Vitrine.Policies;

/// <summary>Files that a policy family reads besides weights, config.json and what every model has: path to what they say.</summary>
internal sealed class PolicyFiles
{
    private static readonly string[] Words = ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"];

    private readonly Dictionary<string, string> files = new(StringComparer.Ordinal);

    /// <summary>Absolute paths.</summary>
    public ReadOnlyDictionary<string, string> All => files.AsReadOnly();

    /// <summary>One file.</summary>
    /// <param name="path">Where it lies.</param>
    /// <param name="what">What it says.</param>
    public void Add(string path, string what) => files[Path.GetFullPath(path)] = what;

    /// <summary>The files of a tokenizer.</summary>
    public void AddTokenizer(string folder)
    {
        foreach (var file in Words.Select(name => Path.Combine(folder, name)).Where(File.Exists).Concat(Directory.GetFiles(folder, "*.model")))
        {
            Add(file, "text to ids");
        }
    }
}
