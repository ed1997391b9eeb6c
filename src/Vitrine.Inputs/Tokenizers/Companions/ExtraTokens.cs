using System.Globalization;
using System.Text.Json;
using Vitrine.Checkpoints;

namespace Vitrine.Inputs.Tokenizers.Companions;

/// <summary>Special tokens without a name: additional_special_tokens and, in version 5, extra_special_tokens, of both files that hold them.</summary>
internal static class ExtraTokens
{
    /// <summary>The key of lists and of objects of named tokens.</summary>
    public const string Extra = "extra_special_tokens";

    private const string Additional = "additional_special_tokens";

    /// <summary>Reads them.</summary>
    /// <param name="files">The files.</param>
    /// <param name="ofPieces">Control and user-defined pieces of a SentencePiece model.</param>
    /// <returns>The tokens, and whether they are known when added_tokens.json is read.</returns>
    public static (IReadOnlyList<AddedToken> Tokens, bool AreKnownEarly) Read(FolderFiles files, IReadOnlyList<AddedToken> ofPieces)
        => files.IsNewer ? OfFive(files, ofPieces) : (OfFour(files, ofPieces), true);

    /// <remarks>
    /// extra_special_tokens goes before additional_special_tokens; a list of special_tokens_map.json goes behind it, its additional_special_tokens count where
    /// nothing else was spelled, and the pieces and sentinels where nothing was.
    /// </remarks>
    private static (IReadOnlyList<AddedToken>, bool) OfFive(FolderFiles files, IReadOnlyList<AddedToken> ofPieces)
    {
        var (extra, additional) = (List(files.Config, Extra), List(files.Config, Additional));
        var (extraOfMap, additionalOfMap) = (List(files.Map, Extra), List(files.Map, Additional));
        var tokens = files.Config?.Spells(Extra) == true ? extra ?? [] : files.Config?.Spells(Additional) == true ? additional ?? [] : null;
        if (extraOfMap is not null)
        {
            tokens = [.. (tokens ?? []).Concat(extraOfMap).DistinctBy(t => t.Content)];
        }

        return tokens is not null ? (tokens, true) : (additionalOfMap ?? [.. ofPieces, .. Sentinels(files)], false);

        IReadOnlyList<AddedToken>? List(ConfigReader? file, string key)
            => file is null || (key == Extra && file.Find(key) is { ValueKind: JsonValueKind.Object }) ? null : TokenReader.List(file, key, file == files.Map);
    }

    private static IReadOnlyList<AddedToken> OfFour(FolderFiles files, IReadOnlyList<AddedToken> ofPieces)
    {
        foreach (var reader in new[] { files.Config, files.Map }.OfType<ConfigReader>())
        {
            var isObject = reader.Find(Extra) is { ValueKind: JsonValueKind.Object };
            if (reader.Spells(Extra) && (reader == files.Map || !isObject))
            {
                throw new VitrineException($"{reader.Source}: {Extra} is {PythonJson.Shown(reader.Root.GetProperty(Extra))}; "
                    + "transformers 4 takes an object of named tokens in tokenizer_config.json.");
            }
        }

        var ofConfig = files.Config is { } config ? TokenReader.List(config, Additional, special: false) : null;
        var ofMap = files.Map is { } map ? TokenReader.List(map, Additional, special: true) : null;
        AddedToken[] tokens = [.. (ofConfig ?? []).Concat(ofMap ?? []).DistinctBy(t => t.Content)];
        AddedToken[] sentinels = [.. Sentinels(files)];
        var given = tokens.Count(t => t.Content.Contains("<extra_id_", StringComparison.Ordinal));
        return sentinels.Length > 0 && given > 0 && given != sentinels.Length
            ? throw new VitrineException($"{files.ConfigName}: extra_ids is {sentinels.Length}, and {Additional} holds {given} of <extra_id_n>.")
            : [.. tokens, .. given > 0 ? [] : sentinels, .. ofPieces];
    }

    /// <summary>T5's.</summary>
    private static IEnumerable<AddedToken> Sentinels(FolderFiles files)
        => Enumerable.Range(0, files.Class.ExtraIds == 0 ? 0 : files.Config?.Count("extra_ids", files.Class.ExtraIds) ?? files.Class.ExtraIds)
            .Select(i => new AddedToken(string.Create(CultureInfo.InvariantCulture, $"<extra_id_{i}>"), TokenReader.NoId) { Special = true });
}
