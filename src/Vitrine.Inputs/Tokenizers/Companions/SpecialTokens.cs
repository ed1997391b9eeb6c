using System.Globalization;
using System.Text.Json;
using Vitrine.Checkpoints;

namespace Vitrine.Inputs.Tokenizers.Companions;

/// <summary>The tokens that the files beside a vocabulary name.</summary>
/// <remarks>transformers, tokenization_utils_base.py, _from_pretrained and __init__ of versions 4 and 5.</remarks>
internal sealed class SpecialTokens
{
    /// <summary>In the order in which transformers adds them.</summary>
    private static readonly string[] Names = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

    private readonly FolderFiles files;
    private readonly Dictionary<string, AddedToken> named = new(StringComparer.Ordinal);

    private SpecialTokens(FolderFiles files) => this.files = files;

    /// <summary>Tokens with an id, by id.</summary>
    public IReadOnlyList<AddedToken> Declared { get; private set; } = [];

    /// <summary>Whether <see cref="Declared"/> says all of each token, not its id alone.</summary>
    public bool AreFromDecoder => files.HasDecoder;

    /// <summary>What to call the file and the key of <see cref="Declared"/>.</summary>
    public string DeclaredBy => files.HasDecoder ? $"{files.ConfigName}: added_tokens_decoder" : Path.Combine(files.Folder, TokenizerFiles.AddedTokens);

    /// <summary>Tokens without an id, in the order in which they are added.</summary>
    public IReadOnlyList<AddedToken> Loose { get; private set; } = [];

    /// <summary>Tokens that are special whatever else is said of them.</summary>
    public IReadOnlySet<string> Special { get; private set; } = new HashSet<string>();

    /// <summary>Texts of the named tokens, by key, as chat templates see them.</summary>
    public IReadOnlyDictionary<string, string> Texts => named.ToDictionary(n => n.Key, n => n.Value.Content);

    /// <summary>The text of a named token; null where there is none.</summary>
    public string? Text(string key) => named.GetValueOrDefault(key)?.Content;

    /// <summary>Reads them.</summary>
    /// <param name="files">The files.</param>
    /// <param name="ofPieces">Control and user-defined pieces of a SentencePiece model; none beside a tokenizer.json.</param>
    /// <exception cref="VitrineException">A value is no token, or an id none.</exception>
    public static SpecialTokens Read(FolderFiles files, IReadOnlyList<AddedToken>? ofPieces = null)
    {
        var tokens = new SpecialTokens(files);
        var (extra, isExtraNamed) = ExtraTokens.Read(files, ofPieces ?? []);
        tokens.Declared = [.. (files.HasDecoder ? tokens.OfDecoder() : tokens.OfOlderFile(isExtraNamed ? extra : [])).OrderBy(t => t.Id)];
        var known = tokens.Declared.GroupBy(t => t.Content).ToDictionary(g => g.Key, g => g.Last());
        foreach (var (key, token) in tokens.NamedTokens())
        {
            tokens.named[key] = known.GetValueOrDefault(token.Content) ?? token;
        }

        AddedToken[] first = [.. Names.Where(tokens.named.ContainsKey).Select(n => tokens.named[n])];
        AddedToken[] second = [.. tokens.named.Where(n => !Names.Contains(n.Key)).Select(n => n.Value)];
        tokens.Loose = files.IsNewer ? [.. first, .. second, .. extra] : [.. first, .. extra, .. second];
        tokens.Special = (files.IsNewer ? [.. first, .. second] : tokens.Loose).Select(t => t.Content).ToHashSet(StringComparer.Ordinal);
        return tokens;
    }

    private IEnumerable<AddedToken> OfDecoder()
    {
        var decoder = files.Config!.Object("added_tokens_decoder");
        foreach (var entry in decoder.Root.EnumerateObject())
        {
            yield return int.TryParse(entry.Name, NumberStyles.None, CultureInfo.InvariantCulture, out var id)
                ? TokenReader.Entry(entry.Value, decoder.Source, entry.Name, id)
                : throw new VitrineException($"{decoder.Source}: '{entry.Name}' is no id.");
        }
    }

    private IEnumerable<AddedToken> OfOlderFile(IReadOnlyList<AddedToken> extra)
    {
        if (files.Ids is not { } ids)
        {
            yield break;
        }

        var special = Names.Select(Spelled).OfType<AddedToken>().Concat(extra).Select(t => t.Content).ToHashSet(StringComparer.Ordinal);
        foreach (var entry in ids.Root.EnumerateObject())
        {
            var id = ids.Has(entry.Name) ? ids.Count(entry.Name, 0) : throw new VitrineException($"{ids.Source}: {entry.Name} is null; expected its id.");
            yield return new AddedToken(entry.Name, id) { Special = special.Contains(entry.Name), Normalized = !special.Contains(entry.Name) };
        }
    }

    private IEnumerable<(string Key, AddedToken Token)> NamedTokens()
    {
        foreach (var name in Names)
        {
            var isSpelled = files.Map?.Spells(name) == true || files.Config?.Spells(name) == true;
            if ((isSpelled ? Spelled(name) : Default(name)) is { } token)
            {
                yield return (name, token);
            }
        }

        foreach (var token in files.IsNewer ? OfModel() : [])
        {
            yield return token;
        }

        // Keys of their own come next, those of the map first.
        foreach (var reader in files.IsNewer ? new[] { files.Map, files.Config }.OfType<ConfigReader>() : [])
        {
            foreach (var key in reader.Root.EnumerateObject().Select(p => p.Name).Where(IsOwnName))
            {
                if (TokenReader.Optional(reader, key, special: reader == files.Map) is { } token)
                {
                    yield return (key, token);
                }
            }
        }

        foreach (var reader in new[] { files.Config, files.Map }.OfType<ConfigReader>())
        {
            var isObject = reader.Find(ExtraTokens.Extra) is { ValueKind: JsonValueKind.Object };
            foreach (var token in isObject && (files.IsNewer || reader == files.Config) ? OfObject(reader.Object(ExtraTokens.Extra)) : [])
            {
                yield return token;
            }
        }
    }

    /// <summary>Version 5 writes its named tokens under a key of their own, and reads it where the file spells no other of them.</summary>
    private IEnumerable<(string Key, AddedToken Token)> OfModel()
    {
        const string Key = "model_specific_special_tokens";
        if (files.Config is not { } config || !config.Has(Key))
        {
            return [];
        }

        (string, AddedToken)[] tokens = [.. OfObject(config.Object(Key))];
        var areOthers = config.Root.EnumerateObject().Any(p => (IsOwnName(p.Name) && p.Value.ValueKind == JsonValueKind.String)
            || (p.Name == ExtraTokens.Extra && p.Value.ValueKind == JsonValueKind.Object && p.Value.GetPropertyCount() > 0));
        return areOthers ? [] : tokens;
    }

    private static IEnumerable<(string Key, AddedToken Token)> OfObject(ConfigReader named)
    {
        foreach (var name in named.Root.EnumerateObject().Select(p => p.Name))
        {
            yield return (name, TokenReader.Optional(named, name, special: false)
                ?? throw new VitrineException($"{named.Source}: {name} is {PythonJson.Shown(named.Root.GetProperty(name))}; expected a token."));
        }
    }

    /// <summary>special_tokens_map.json goes before tokenizer_config.json where both are read; what the latter spells must be a token all the same.</summary>
    private AddedToken? Spelled(string name)
    {
        var ofConfig = files.Config is { } config ? TokenReader.Optional(config, name, special: false) : null;
        return files.Map?.Spells(name) == true ? TokenReader.Optional(files.Map, name, special: true) : ofConfig;
    }

    private AddedToken? Default(string name)
        => (files.Class.Tokens.GetValueOrDefault(name) ?? (files.IsNewer ? files.Class.NewerTokens.GetValueOrDefault(name) : null)) is { } text
            ? new AddedToken(text, TokenReader.NoId) { Special = true }
            : null;

    private static bool IsOwnName(string key)
        => key.EndsWith("_token", StringComparison.Ordinal) && !Names.Contains(key) && key is not ("add_bos_token" or "add_eos_token");
}
