using System.Text.Json;
using Vitrine.Inputs.Tokenizers;

namespace Vitrine.Certification.Tokenizers;

/// <summary>Certifies tokenizers: ids of every text with and without special tokens, segments and decoded texts.</summary>
internal sealed class TokenizerCertifier : ICertifier
{
    /// <inheritdoc/>
    public bool Knows(Fixture fixture) => fixture?.Family == "tokenizer";

    /// <inheritdoc/>
    public IEnumerable<CertificateRow> Certify(Fixture fixture, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(fixture);
        // The goldens are those of the tokenizers library, which reads tokenizer.json and nothing beside it.
        var tokenizer = Tokenizer.Open(fixture.Folder, new TokenizerOptions { Reference = TokenizerReference.Tokenizers });
        var goldens = fixture.Texts();
        foreach (var cases in goldens.GroupBy(g => g.TryGetProperty("pair", out _) ? "pairs" : "texts"))
        {
            JsonElement[] texts = [.. cases];
            cancellation.ThrowIfCancellationRequested();
            foreach (var row in Rows(cases.Key, texts, tokenizer))
            {
                yield return row;
            }
        }
    }

    private static IEnumerable<CertificateRow> Rows(string name, JsonElement[] texts, Tokenizer tokenizer)
    {
        var encoded = texts.Select(t => tokenizer.EncodeText(Text(t, "text")!, Text(t, "pair"))).ToArray();
        (string Key, Func<int, bool> Agrees)[] checks =
        [
            ("ids", i => Plain(tokenizer, texts[i]).SequenceEqual(Numbers(texts[i], "ids"))),
            ("ids_with_special", i => encoded[i].Ids.SequenceEqual(Numbers(texts[i], "ids_with_special"))),
            ("type_ids", i => encoded[i].TypeIds.SequenceEqual(Numbers(texts[i], "type_ids"))),
            ("attention_mask", i => encoded[i].AttentionMask.SequenceEqual(Numbers(texts[i], "attention_mask"))),
            ("decoded", i => tokenizer.Decode(Numbers(texts[i], "ids"), skipSpecialTokens: false) == Text(texts[i], "decoded")),
            ("decoded_skip", i => tokenizer.Decode(Numbers(texts[i], "ids_with_special")) == Text(texts[i], "decoded_skip")),
        ];
        foreach (var (key, agrees) in checks)
        {
            int[] held = [.. Enumerable.Range(0, texts.Length).Where(i => texts[i].TryGetProperty(key, out _))];
            if (held.Length > 0)
            {
                int[] differing = [.. held.Where(i => !agrees(i))];
                yield return CertificateRow.Equal(
                    name, key, differing.Length, held.Length, differing.Length == 0 ? "" : $"the first is {Short(texts[differing[0]])}");
            }
        }
    }

    private static int[] Plain(Tokenizer tokenizer, JsonElement golden)
        => Text(golden, "pair") is { } pair
            ? tokenizer.Encode(Text(golden, "text")!, pair, addSpecialTokens: false)
            : tokenizer.Encode(Text(golden, "text")!, addSpecialTokens: false);

    private static string? Text(JsonElement golden, string key) => golden.TryGetProperty(key, out var text) ? text.GetString() : null;

    private static int[] Numbers(JsonElement golden, string key) => [.. golden.GetProperty(key).EnumerateArray().Select(i => i.GetInt32())];

    private static string Short(JsonElement golden)
        => golden.GetProperty("text").GetRawText() is { Length: > 60 } text ? text[..60] + "..." : golden.GetProperty("text").GetRawText();
}
