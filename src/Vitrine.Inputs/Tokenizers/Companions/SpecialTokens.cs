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
        var (extra, isExtraNamed) = tokens.Extra(ofPieces ?? []);
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
            foreach (var token in files.IsNewer || reader == files.Config ? OfObject(reader, "extra_special_tokens") : [])
            {
                yield return token;
            }
        }
    }

    /// <summary>Version 5 writes its named tokens under a key of their own, and reads it where the file spells no other of them.</summary>
    private IEnumerable<(string Key, AddedToken Token)> OfModel()
    {
        const string Key = "model_specific_special_tokens";
        return files.Config is { } config && config.Has(Key) && config.Find(Key) is { ValueKind: not JsonValueKind.Object } other
            ? throw new VitrineException($"{config.Source}: {Key} is {PythonJson.Shown(other)}; expected an object of named tokens.")
            : files.Config is { } file && !OfObject(file, "extra_special_tokens").Any()
                && !file.Root.EnumerateObject().Any(p => IsOwnName(p.Name) && p.Value.ValueKind == JsonValueKind.String)
                ? OfObject(file, Key)
                : [];
    }

    private static IEnumerable<(string Key, AddedToken Token)> OfObject(ConfigReader reader, string key)
    {
        if (reader.Find(key) is not { ValueKind: JsonValueKind.Object } value)
        {
            yield break;
        }

        var own = new ConfigReader(value, $"{reader.Source}: {key}");
        foreach (var name in value.EnumerateObject().Select(p => p.Name))
        {
            yield return (name, TokenReader.Optional(own, name, special: false)
                ?? throw new VitrineException($"{own.Source}: {name} is {PythonJson.Shown(own.Root.GetProperty(name))}; expected a token."));
        }
    }

    /// <summary>special_tokens_map.json goes before tokenizer_config.json where both are read.</summary>
    private AddedToken? Spelled(string name) => files.Map?.Spells(name) == true
        ? TokenReader.Optional(files.Map, name, special: true)
        : files.Config is { } config ? TokenReader.Optional(config, name, special: false) : null;

    private AddedToken? Default(string name)
        => (files.Class.Tokens.GetValueOrDefault(name) ?? (files.IsNewer ? files.Class.NewerTokens.GetValueOrDefault(name) : null)) is { } text
            ? new AddedToken(text, TokenReader.NoId) { Special = true }
            : null;

    private static bool IsOwnName(string key)
        => key.EndsWith("_token", StringComparison.Ordinal) && !Names.Contains(key) && key is not ("add_bos_token" or "add_eos_token");

    /// <summary>Tokens without a name, and whether they were known when the older file of ids was read.</summary>
    private (IReadOnlyList<AddedToken> Tokens, bool AreKnownEarly) Extra(IReadOnlyList<AddedToken> ofPieces)
    {
        if (!files.IsNewer)
        {
            return (ExtraOfFour(ofPieces), true);
        }

        var isSpelled = files.Config?.Spells("extra_special_tokens") == true || files.Config?.Spells("additional_special_tokens") == true;
        var key = files.Config?.Spells("extra_special_tokens") == true ? "extra_special_tokens" : "additional_special_tokens";
        IReadOnlyList<AddedToken>? tokens = files.Config?.Find(key)?.ValueKind == JsonValueKind.Object && key == "extra_special_tokens"
            ? []
            : files.Config is { } config ? TokenReader.List(config, key, special: false) : null;
        var inMap = files.Map?.Find("extra_special_tokens");
        if (inMap is { ValueKind: not JsonValueKind.Object })
        {
            var known = (tokens ?? []).Select(t => t.Content).ToHashSet(StringComparer.Ordinal);
            tokens = [.. tokens ?? [], .. TokenReader.List(files.Map!, "extra_special_tokens", special: true)!.Where(t => known.Add(t.Content))];
            isSpelled = true;
        }

        // A list of special_tokens_map.json comes last: version 5 takes it only where nothing else was said, and not for the older file of ids.
        return isSpelled ? (tokens ?? [], true)
            : ((files.Map is { } map ? TokenReader.List(map, "additional_special_tokens", special: true) : null) ?? [.. ofPieces, .. Sentinels()], false);
    }

    private IReadOnlyList<AddedToken> ExtraOfFour(IReadOnlyList<AddedToken> ofPieces)
    {
        foreach (var reader in new[] { files.Config, files.Map }.OfType<ConfigReader>())
        {
            var isObject = reader.Find("extra_special_tokens") is { ValueKind: JsonValueKind.Object };
            if (reader.Spells("extra_special_tokens") && (reader == files.Map || !isObject))
            {
                throw new VitrineException($"{reader.Source}: extra_special_tokens is {PythonJson.Shown(reader.Root.GetProperty("extra_special_tokens"))}; "
                    + "transformers 4 takes an object of named tokens in tokenizer_config.json.");
            }
        }

        var ofConfig = files.Config is { } config ? TokenReader.List(config, "additional_special_tokens", special: false) : null;
        var ofMap = files.Map is { } map ? TokenReader.List(map, "additional_special_tokens", special: true) : null;
        AddedToken[] tokens = [.. (ofConfig ?? []).Concat(ofMap ?? []).DistinctBy(t => t.Content)];
        AddedToken[] sentinels = [.. Sentinels()];
        var given = tokens.Count(t => t.Content.Contains("<extra_id_", StringComparison.Ordinal));
        if (sentinels.Length > 0 && given > 0 && given != sentinels.Length)
        {
            throw new VitrineException($"{files.ConfigName}: extra_ids is {sentinels.Length}, and additional_special_tokens holds {given} of <extra_id_n>.");
        }

        return [.. tokens, .. given > 0 ? [] : sentinels, .. ofPieces];
    }

    private IEnumerable<AddedToken> Sentinels()
        => Enumerable.Range(0, files.Class.ExtraIds == 0 ? 0 : files.Config?.Count("extra_ids", files.Class.ExtraIds) ?? files.Class.ExtraIds)
            .Select(i => new AddedToken(string.Create(CultureInfo.InvariantCulture, $"<extra_id_{i}>"), TokenReader.NoId) { Special = true });
}
