using CsCheck;
using Vitrine.Inputs.Tokenizers;

namespace Vitrine.Tests.Inputs.Tokenizers;

public sealed class TokenizerPropertyTests
{
    private static readonly string[] Parts = ["  ", " a", "é", "😀", "'s", "中", "\r\n", "ſ", "𝟘", "1234"];
    private static readonly Gen<string> Texts = Gen.OneOf(
        Gen.String[Gen.Char["abcdeXYZ019 .,'!\n\t"], 0, 40],
        Gen.Int[0, 0x10FFFF].Where(c => c is < 0xD800 or > 0xDFFF).Array[0, 12].Select(codes => string.Concat(codes.Select(char.ConvertFromUtf32))),
        Gen.Int[0, Parts.Length - 1].Array[0, 12].Select(places => string.Concat(places.Select(p => Parts[p]))));

    [Theory]
    [InlineData("gpt2")]
    [InlineData("tiny-bytelevel")]
    [InlineData("pipeline-l3")]
    public void A_byte_level_tokenizer_gives_every_text_back(string name)
    {
        var tokenizer = TokenizerFolders.Open(name);
        Texts.Sample(text => tokenizer.Decode(tokenizer.Encode(text, addSpecialTokens: false), skipSpecialTokens: false) == text, iter: 2000, threads: 1);
    }

    [Theory]
    [InlineData("gpt2")]
    [InlineData("pipeline-l3")]
    [InlineData("tiny-bytefallback")]
    public void Offsets_are_in_order_and_inside_the_text(string name)
    {
        var tokenizer = TokenizerFolders.Open(name);
        Texts.Sample(
            text =>
            {
                var offsets = tokenizer.EncodeText(text, addSpecialTokens: false).Offsets;
                return offsets.All(o => o.Start >= 0 && o.Start <= o.End && o.End <= text.Length)
                    && offsets.Zip(offsets.Skip(1)).All(p => p.First.Start <= p.Second.Start);
            },
            iter: 1000, threads: 1);
    }

    [Fact]
    public void Ids_with_offsets_are_the_ids_without()
    {
        var tokenizer = TokenizerFolders.Open("pipeline-uni_pre");
        Texts.Sample(text => tokenizer.Encode(text).SequenceEqual(tokenizer.EncodeText(text).Ids), iter: 1000, threads: 1);
    }

    [Fact]
    public void A_batch_is_padded_to_its_longest_text_and_masked()
    {
        var tokenizer = TokenizerFolders.Open("tiny-bytelevel").With(new Truncation(12), new Padding(0, "<|pad|>", OnLeft: true));
        var batch = tokenizer.EncodeBatch(["a", "the robot takes the cup from the table", ""]);
        batch.ShouldAllBe(e => e.Ids.Count == 12 && e.AttentionMask.Count == 12 && e.Offsets.Count == 12);
        batch[0].AttentionMask.ShouldBe([.. Enumerable.Repeat(0, 11), 1]);
        batch[0].Tokens[0].ShouldBe("<|pad|>");
        batch[1].AttentionMask.ShouldAllBe(m => m == 1);
        batch[2].AttentionMask.ShouldAllBe(m => m == 0);
    }
}
