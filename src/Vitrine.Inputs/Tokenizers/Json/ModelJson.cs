using System.Text.Json;
using Vitrine.Inputs.Tokenizers.Models;

namespace Vitrine.Inputs.Tokenizers.Json;

/// <summary>Reads models.</summary>
internal static class ModelJson
{
    public static ITokenModel Read(JsonPart json) => Kind(json) switch
    {
        "BPE" => BytePair(json),
        "WordLevel" => new WordLevelModel(Words(json), json.Text("unk_token"), json.Source),
        "WordPiece"
            => new WordPieceModel(Words(json), json.Text("unk_token"), json.OptionalText("continuing_subword_prefix") ?? "##",
                json.OptionalNumber("max_input_chars_per_word") ?? 100, json.Source),
        "Unigram" => Unigram(json),
        var kind => throw json.Unsupported(kind),
    };

    /// <remarks>Very old files leave the type out; what only one model has tells which it is.</remarks>
    private static string Kind(JsonPart json) => json.OptionalText("type")
        ?? (json.OptionalPart("merges", "merges") is not null ? "BPE" : json.OptionalPart("max_input_chars_per_word",
            "model") is not null ? "WordPiece" : json.OptionalPart("unk_id", "model") is not null ? "Unigram" : "WordLevel");

    private static Vocabulary Words(JsonPart json)
    {
        var words = json.Part("vocab", "vocabulary");
        return words.Element.ValueKind == JsonValueKind.Object
            ? new Vocabulary(words.Element.EnumerateObject()
                .Select(p => (p.Name,
                    p.Value.ValueKind == JsonValueKind.Number && p.Value.TryGetInt32(out var id)
                        ? id
                        : throw words.Wrong($"a whole number for '{p.Name}'"))), json.Source)
            : throw words.Wrong("an object of words and ids");
    }

    private static BytePairModel BytePair(JsonPart json)
    {
        if (json.OptionalPart("dropout", "BPE dropout") is { } dropout
            && !(dropout.Element.ValueKind == JsonValueKind.Number && dropout.Element.GetDouble() == 0))
        {
            throw json.Unsupported("BPE with dropout");
        }

        return new BytePairModel(
            Words(json),
            [.. json.List("merges", "merge").Select(Merge)],
            new BytePairOptions
            {
                UnknownToken = json.OptionalText("unk_token"),
                ContinuingSubwordPrefix = json.OptionalText("continuing_subword_prefix") ?? "",
                EndOfWordSuffix = json.OptionalText("end_of_word_suffix") ?? "",
                ByteFallback = json.Flag("byte_fallback"),
                FuseUnknown = json.Flag("fuse_unk"),
                IgnoreMerges = json.Flag("ignore_merges"),
            },
            json.Source);
    }

    /// <remarks>Older files write a pair as one text with a space, newer ones as two.</remarks>
    private static (string, string) Merge(JsonPart merge)
    {
        string?[] parts = merge.Element.ValueKind switch
        {
            JsonValueKind.String => (string?[])merge.Element.GetString()!.Split(' '),
            JsonValueKind.Array => [.. merge.Element.EnumerateArray().Select(p => p.ValueKind == JsonValueKind.String ? p.GetString() : null)],
            _ => [],
        };
        return parts is [{ } left, { } right] ? (left, right) : throw merge.Wrong("a pair");
    }

    private static UnigramModel Unigram(JsonPart json)
    {
        var pieces = new List<(string, double)>();
        foreach (var piece in json.List("vocab", "piece"))
        {
            pieces.Add(piece.Element.ValueKind == JsonValueKind.Array && piece.Element.GetArrayLength() == 2 && piece.Element[0]
                .ValueKind == JsonValueKind.String && piece.Element[1].ValueKind == JsonValueKind.Number
                ? (piece.Element[0].GetString()!, piece.Element[1].GetDouble())
                : throw piece.Wrong("a text and a score"));
        }

        return pieces.Count == 0
            ? throw new VitrineException($"{json.Source}: the vocabulary is empty.")
            : new UnigramModel(pieces, json.OptionalNumber("unk_id"), json.Flag("byte_fallback"), json.Source);
    }
}
