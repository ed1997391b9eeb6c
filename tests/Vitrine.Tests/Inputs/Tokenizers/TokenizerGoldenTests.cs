using System.Text.Json;
using Vitrine.Inputs.Tokenizers;

namespace Vitrine.Tests.Inputs.Tokenizers;

public sealed class TokenizerGoldenTests
{
    public static TheoryData<string> Folders() => TokenizerFolders.All();

    [Theory, MemberData(nameof(Folders))]
    public void Every_golden_text_gives_the_reference_s_ids(string name)
    {
        var tokenizer = TokenizerFolders.Open(name);
        Differences(name, golden => Encoded(tokenizer, golden, addSpecialTokens: false).SequenceEqual(TokenizerFolders.Ids(golden, "ids"))).ShouldBeEmpty();
    }

    [Theory, MemberData(nameof(Folders))]
    public void Every_golden_text_gives_the_reference_s_ids_with_special_tokens(string name)
    {
        var tokenizer = TokenizerFolders.Open(name);
        Differences(name, golden => Encoded(tokenizer, golden, addSpecialTokens: true).SequenceEqual(TokenizerFolders.Ids(golden, "ids_with_special")))
            .ShouldBeEmpty();
    }

    [Theory, MemberData(nameof(Folders))]
    public void Every_golden_decodes_to_the_reference_s_text(string name)
    {
        var tokenizer = TokenizerFolders.Open(name);
        Differences(name,
            golden
                => tokenizer.Decode(TokenizerFolders.Ids(golden, "ids"), skipSpecialTokens: false) == golden.GetProperty("decoded")
                    .GetString()).ShouldBeEmpty();
        Differences(name, golden => tokenizer.Decode(TokenizerFolders.Ids(golden, "ids_with_special")) == golden.GetProperty("decoded_skip").GetString())
            .ShouldBeEmpty();
    }

    [Theory, MemberData(nameof(Folders))]
    public void A_stream_of_ids_gives_the_text_of_all_of_them(string name)
    {
        var tokenizer = TokenizerFolders.Open(name);
        Differences(name, golden =>
        {
            var stream = tokenizer.Stream(skipSpecialTokens: false);
            var ids = TokenizerFolders.Ids(golden, "ids");
            return string.Concat(ids.Select(stream.Add)) + stream.Finish() == tokenizer.Decode(ids, skipSpecialTokens: false);
        }).ShouldBeEmpty();
    }

    [Theory, MemberData(nameof(Folders))]
    public void Segments_mask_and_tokens_go_with_the_ids(string name)
    {
        var tokenizer = TokenizerFolders.Open(name);
        Differences(name, golden =>
        {
            var encoded = tokenizer.EncodeText(Text(golden), golden.TryGetProperty("pair", out var pair) ? pair.GetString() : null);
            return encoded.Ids.SequenceEqual(TokenizerFolders.Ids(golden, "ids_with_special"))
                && (!golden.TryGetProperty("type_ids", out _) || encoded.TypeIds.SequenceEqual(TokenizerFolders.Ids(golden, "type_ids")))
                && (!golden.TryGetProperty("offsets", out var offsets) || encoded.Offsets.SequenceEqual(offsets.EnumerateArray()
                    .Select(o => (o[0].GetInt32(), o[1].GetInt32()))))
                && encoded.AttentionMask.SequenceEqual(
                    golden.TryGetProperty("attention_mask", out _) ? TokenizerFolders.Ids(golden, "attention_mask") : encoded.Ids.Select(_ => 1))
                // Padding is spelled as the file says.
                && Enumerable.Range(0, encoded.Ids.Count).All(i => encoded.AttentionMask[i] == 0 || encoded.Tokens[i] == tokenizer.Token(encoded.Ids[i]));
        }).ShouldBeEmpty();
    }

    private static int[] Encoded(Tokenizer tokenizer, JsonElement golden, bool addSpecialTokens)
        => golden.TryGetProperty("pair", out var pair)
            ? tokenizer.Encode(Text(golden), pair.GetString()!, addSpecialTokens)
            : tokenizer.Encode(Text(golden), addSpecialTokens);

    private static string Text(JsonElement golden) => golden.GetProperty("text").GetString()!;

    private static string[] Differences(string name, Func<JsonElement, bool> agrees)
    {
        var goldens = TokenizerFolders.Goldens(name);
        goldens.ShouldNotBeEmpty();
        return [.. goldens.Where(g => !agrees(g)).Select(g => JsonSerializer.Serialize(Text(g)))];
    }
}
