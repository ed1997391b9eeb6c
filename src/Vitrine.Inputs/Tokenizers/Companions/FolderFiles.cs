using System.Text.Json;
using Vitrine.Checkpoints;

namespace Vitrine.Inputs.Tokenizers.Companions;

/// <summary>The files beside a vocabulary, opened, their keys checked.</summary>
/// <param name="Folder">Where they lie.</param>
/// <param name="Reference">Version 4 or 5 of transformers.</param>
/// <param name="Class">The class that opens the folder.</param>
/// <param name="ClassOfFour">The class by which version 4 opens it.</param>
/// <param name="Config">tokenizer_config.json; null where there is none.</param>
/// <param name="Map">special_tokens_map.json, where it is read.</param>
/// <param name="Ids">added_tokens.json, where it is read.</param>
/// <param name="Notes">What a file says and nothing follows from.</param>
internal sealed record FolderFiles(
    string Folder, TokenizerReference Reference, TokenizerClass Class, TokenizerClass ClassOfFour, ConfigReader? Config, ConfigReader? Map, ConfigReader? Ids,
    IReadOnlyList<string> Notes)
{
    /// <summary>Whether version 5 is followed.</summary>
    public bool IsNewer => Reference == TokenizerReference.Transformers5;

    /// <summary>Whether the tokens and their ids stand in tokenizer_config.json, so that the two older files are not read.</summary>
    public bool HasDecoder => Config?.Spells("added_tokens_decoder") == true;

    /// <summary>What to call tokenizer_config.json.</summary>
    public string ConfigName => Path.Combine(Folder, TokenizerFiles.Config);

    /// <exception cref="VitrineException">A file is no JSON object, has a key twice, or one that is not known.</exception>
    public static FolderFiles Read(string folder, TokenizerReference reference)
    {
        var config = Open(TokenizerFiles.Config);
        var isDecided = config?.Spells("added_tokens_decoder") == true;
        string[] older = [TokenizerFiles.SpecialTokensMap, TokenizerFiles.AddedTokens];
        string[] passed = [.. older.Where(n => isDecided && File.Exists(Path.Combine(folder, n)))];
        var (newer, former) = ClassesOf(folder, config);
        return new FolderFiles(
            folder, reference, reference == TokenizerReference.Transformers5 ? newer : former, former, config,
            isDecided ? null : Open(older[0]), isDecided ? null : Open(older[1]),
            [.. passed.Select(n => $"{n}: is not read, as in transformers, because {TokenizerFiles.Config} has added_tokens_decoder.")]);

        ConfigReader? Open(string name)
        {
            var path = Path.Combine(folder, name);
            if (!File.Exists(path))
            {
                return null;
            }

            var reader = ConfigReader.Open(path);
            var keys = name == TokenizerFiles.AddedTokens ? [] : reader.Root.EnumerateObject().Select(p => p.Name);
            return keys.FirstOrDefault(k => !TokenizerFiles.Knows(name, k)) is { } key
                ? throw new VitrineException($"{path}: unknown key '{key}'; it might change ids or text, so the file is refused.")
                : reader;
        }
    }

    private static (TokenizerClass Newer, TokenizerClass Former) ClassesOf(string folder, ConfigReader? config)
    {
        var path = Path.Combine(folder, "config.json");
        var model = File.Exists(path) && PythonJson.Open(path) is { ValueKind: JsonValueKind.Object } json ? new ConfigReader(json, path) : null;
        var (named, type) = (Text(config, "tokenizer_class") ?? Text(model, "tokenizer_class"), Text(model, "model_type"));
        return (TokenizerClass.Of(named, type, TokenizerReference.Transformers5), TokenizerClass.Of(named, type, TokenizerReference.Transformers4));
    }

    private static string? Text(ConfigReader? reader, string key) => reader?.Has(key) == true ? reader.Text(key) : null;
}
