using System.Text.Json;

namespace Vitrine.Inputs.Tokenizers;

/// <summary>Reads a tokenizer.json component by component; what is not computed is refused by its name.</summary>
internal static class TokenizerJson
{
    public static Tokenizer Read(JsonElement json, string source)
    {
        foreach (var key in (string[])["truncation", "padding"])
        {
            if (json.TryGetProperty(key, out var value) && value.ValueKind != JsonValueKind.Null)
            {
                throw Unsupported(source, key, value.ToString());
            }
        }

        return new Tokenizer(
            Added(json, source),
            Normalizer(Optional(json, "normalizer"), source),
            PreTokenizer(Optional(json, "pre_tokenizer"), source),
            Model(json.GetProperty("model"), source),
            Template(Optional(json, "post_processor"), source),
            Decoder(Optional(json, "decoder"), source));
    }

    private static AddedTokens Added(JsonElement json, string source)
    {
        var entries = new List<(string, int, bool)>();
        foreach (var token in Optional(json, "added_tokens")?.EnumerateArray() ?? [])
        {
            var content = token.GetProperty("content").GetString()!;
            foreach (var flag in (string[])["single_word", "lstrip", "rstrip", "normalized"])
            {
                if (token.GetProperty(flag).GetBoolean())
                {
                    throw Unsupported(source, $"added token '{content}' with {flag}", "true");
                }
            }

            if (content.Length == 0)
            {
                throw new VitrineException($"{source}: an added token is empty.");
            }

            entries.Add((content, token.GetProperty("id").GetInt32(), token.GetProperty("special").GetBoolean()));
        }

        return new AddedTokens(entries);
    }

    private static NormalizerSequence Normalizer(JsonElement? json, string source) => json is not { } step
        ? new NormalizerSequence([])
        : Kind(step) switch
        {
            "Sequence" => new NormalizerSequence([.. step.GetProperty("normalizers").EnumerateArray().Select(s => Normalizer(s, source))]),
            "Prepend" => new NormalizerSequence([new PrependNormalizer(step.GetProperty("prepend").GetString()!)]),
            "Replace" => new NormalizerSequence([new ReplaceNormalizer(Pattern(step, source), step.GetProperty("content").GetString()!)]),
            var kind => throw Unsupported(source, "normalizer", kind),
        };

    private static IPreTokenizer PreTokenizer(JsonElement? json, string source) => json is not { } step
        ? new NoSplit()
        : Kind(step) switch
        {
            "WhitespaceSplit" => new WhitespaceSplit(),
            var kind => throw Unsupported(source, "pre_tokenizer", kind),
        };

    private static ITokenModel Model(JsonElement json, string source)
    {
        var vocabulary = json.GetProperty("vocab").ValueKind == JsonValueKind.Object
            ? json.GetProperty("vocab").EnumerateObject().ToDictionary(p => p.Name, p => p.Value.GetInt32(), StringComparer.Ordinal)
            : throw Unsupported(source, "vocab", json.GetProperty("vocab").ValueKind.ToString());
        if (vocabulary.Count == 0 || vocabulary.Values.Any(id => id is < 0 or > 10_000_000) || vocabulary.Values.Distinct().Count() != vocabulary.Count)
        {
            throw new VitrineException($"{source}: the vocabulary is empty, or an id is out of range or given twice.");
        }

        switch (Kind(json))
        {
            case "WordLevel":
                var unknown = json.GetProperty("unk_token").GetString()!;
                return vocabulary.ContainsKey(unknown) ? new WordLevelModel(vocabulary, unknown) : throw new VitrineException($"{source}: unk_token '{unknown}' is not in the vocabulary.");
            case "BPE":
                foreach (var key in (string[])["dropout", "continuing_subword_prefix", "end_of_word_suffix"])
                {
                    if (Optional(json, key) is { } value && value.ToString().Length > 0)
                    {
                        throw Unsupported(source, $"BPE with {key}", value.ToString());
                    }
                }

                return new BytePairModel(
                    vocabulary, [.. json.GetProperty("merges").EnumerateArray().Select(m => Merge(m, source))], Optional(json, "unk_token")?.GetString(),
                    Flag(json, "byte_fallback"), Flag(json, "fuse_unk"), Flag(json, "ignore_merges"), source);
            case var kind:
                throw Unsupported(source, "model", kind);
        }
    }

    /// <remarks>Older files write a pair as one text with a space, newer ones as two.</remarks>
    private static (string, string) Merge(JsonElement merge, string source)
    {
        var parts = merge.ValueKind == JsonValueKind.String ? merge.GetString()!.Split(' ') : [.. merge.EnumerateArray().Select(p => p.GetString()!)];
        return parts.Length == 2 ? (parts[0], parts[1]) : throw new VitrineException($"{source}: the merge {merge.GetRawText()} is no pair.");
    }

    private static Template Template(JsonElement? json, string source)
    {
        if (json is not { } processor)
        {
            return new Template([], []);
        }

        if (Kind(processor) is not "TemplateProcessing" and var kind)
        {
            throw Unsupported(source, "post_processor", kind);
        }

        var (before, after, seen) = (new List<int>(), new List<int>(), false);
        foreach (var part in processor.GetProperty("single").EnumerateArray())
        {
            if (part.TryGetProperty("Sequence", out _))
            {
                seen = true;
                continue;
            }

            var name = part.GetProperty("SpecialToken").GetProperty("id").GetString()!;
            (seen ? after : before).AddRange(processor.GetProperty("special_tokens").GetProperty(name).GetProperty("ids").EnumerateArray().Select(i => i.GetInt32()));
        }

        return new Template(before, after);
    }

    private static IDecoder Decoder(JsonElement? json, string source) => json is not { } decoder
        ? new SpacesBetween()
        : new DecoderSequence(Kind(decoder) == "Sequence" ? [.. decoder.GetProperty("decoders").EnumerateArray().Select(d => Piece(d, source))] : [Piece(decoder, source)]);

    private static IPieceDecoder Piece(JsonElement json, string source) => Kind(json) switch
    {
        "Replace" => new ReplaceDecoder(Pattern(json, source), json.GetProperty("content").GetString()!),
        "ByteFallback" => new ByteFallbackDecoder(),
        "Fuse" => new FuseDecoder(),
        "Strip" => new StripDecoder(json.GetProperty("content").GetString()![0], json.GetProperty("start").GetInt32(), json.GetProperty("stop").GetInt32()),
        var kind => throw Unsupported(source, "decoder", kind),
    };

    private static string Pattern(JsonElement json, string source)
        => json.GetProperty("pattern").TryGetProperty("String", out var text) && text.GetString() is { Length: > 0 } pattern
            ? pattern
            : throw Unsupported(source, "Replace with the pattern", json.GetProperty("pattern").GetRawText());

    private static string Kind(JsonElement json) => json.GetProperty("type").GetString() ?? "null";

    private static bool Flag(JsonElement json, string key) => Optional(json, key)?.GetBoolean() ?? false;

    private static JsonElement? Optional(JsonElement json, string key) => json.TryGetProperty(key, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private static VitrineException Unsupported(string source, string what, string found)
        => new($"{source}: {what} '{found}' is not computed by this version.");
}
