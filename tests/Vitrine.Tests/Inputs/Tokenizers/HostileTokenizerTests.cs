using Vitrine.Inputs.Tokenizers;

namespace Vitrine.Tests.Inputs.Tokenizers;

public sealed class HostileTokenizerTests
{
    private const string Words = """{"type": "WordLevel", "unk_token": "a", "vocab": {"a": 0, "b": 1}}""";

    [Theory]
    [InlineData("", "no tokenizer.json")]
    [InlineData("{", "no tokenizer.json")]
    [InlineData("[]", "expected an object")]
    [InlineData("{}", "has no 'model'")]
    [InlineData("""{"model": 3}""", "has no")]
    [InlineData("""{"model": {"type": "Neural"}}""", "'Neural' is not computed")]
    [InlineData("""{"model": {"type": "WordLevel", "unk_token": "a", "vocab": {}}}""", "empty")]
    [InlineData("""{"model": {"type": "WordLevel", "unk_token": "a", "vocab": {"a": -1}}}""", "out of range")]
    [InlineData("""{"model": {"type": "WordLevel", "unk_token": "a", "vocab": {"a": 2000000000}}}""", "out of range")]
    [InlineData("""{"model": {"type": "WordLevel", "unk_token": "a", "vocab": {"a": 99999999999}}}""", "whole number")]
    [InlineData("""{"model": {"type": "WordLevel", "unk_token": "a", "vocab": {"a": 0, "b": 0}}}""", "id 0 is given to 'a' and to 'b'")]
    [InlineData("""{"model": {"type": "WordLevel", "unk_token": "x", "vocab": {"a": 0}}}""", "unk_token 'x'")]
    [InlineData("""{"model": {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": ["a b"]}}""", "'a' + 'b'")]
    [InlineData("""{"model": {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": [["a", "c"]]}}""", "'a' + 'c'")]
    [InlineData("""{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": ["a"]}}""", "expected a pair")]
    [InlineData("""{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": [["a", 1]]}}""", "expected a pair")]
    [InlineData("""{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": [], "dropout": 0.1}}""", "dropout")]
    [InlineData("""{"model": {"type": "Unigram", "unk_id": 4, "vocab": [["a", -1.0]]}}""", "unk_id 4")]
    [InlineData("""{"model": {"type": "Unigram", "unk_id": 0, "vocab": [["a"]]}}""", "a text and a score")]
    [InlineData("""{"added_tokens": [{"id": 0, "content": "x"}, {"id": 0, "content": "y"}], "model": WORDS}""", "id 0")]
    [InlineData("""{"added_tokens": [{"id": 7, "content": ""}], "model": WORDS}""", "empty")]
    [InlineData("""{"added_tokens": [{"id": -7, "content": "x"}], "model": WORDS}""", "-7")]
    [InlineData("""{"added_tokens": [{"content": "x"}], "model": WORDS}""", "'id'")]
    [InlineData("""{"pre_tokenizer": {"type": "UnicodeScripts"}, "model": WORDS}""", "'UnicodeScripts' is not computed")]
    [InlineData("""{"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "\\p{Han}+"}, "behavior": "Isolated"}, "model": WORDS}""", "the property 'Han'")]
    [InlineData("""{"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(?<n>a)"}, "behavior": "Isolated"}, "model": WORDS}""", "the group")]
    [InlineData("""{"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "a("}, "behavior": "Isolated"}, "model": WORDS}""", "cannot be read")]
    [InlineData("""{"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "[a"}, "behavior": "Isolated"}, "model": WORDS}""", "without its ']'")]
    [InlineData("""{"pre_tokenizer": {"type": "Split", "pattern": {"String": "a"}, "behavior": "Shredded"}, "model": WORDS}""", "'Shredded'")]
    [InlineData("""{"normalizer": {"type": "Precompiled", "precompiled_charsmap": "AAAA"}, "model": WORDS}""", "cut off")]
    [InlineData("""{"normalizer": {"type": "Precompiled", "precompiled_charsmap": "//8/f/8="}, "model": WORDS}""", "cut off")]
    [InlineData("""{"normalizer": {"type": "Precompiled", "precompiled_charsmap": "%"}, "model": WORDS}""", "base64")]
    [InlineData("""{"decoder": {"type": "CTC"}, "model": WORDS}""", "'CTC' is not computed")]
    [InlineData("""{"post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": """
        + """{"id": "A", "type_id": 0}}], "special_tokens": {}}, "model": WORDS}""", "'<s>'")]
    [InlineData("""{"post_processor": {"type": "TemplateProcessing", "single": [], "special_tokens": {}}, "model": WORDS}""", "single")]
    [InlineData("""{"truncation": {"max_length": -1}, "model": WORDS}""", "max_length")]
    [InlineData("""{"padding": {"strategy": {"Fixed": 2000000000}, "pad_id": 0, "pad_token": "a"}, "model": WORDS}""", "lengths")]
    public void A_broken_tokenizer_json_is_refused_with_what_is_wrong(string json, string expected)
    {
        using var folder = new TemporaryFolder();
        var file = folder.Write("tokenizer.json", json.Replace("WORDS", Words, StringComparison.Ordinal));
        var message = Should.Throw<VitrineException>(() => Tokenizer.Open(folder.Path)).Message;
        message.ShouldStartWith(file);
        message.ShouldContain(expected);
        message.ShouldNotContain("\n");
    }

    [Fact]
    public void Json_nested_without_end_is_refused()
    {
        using var folder = new TemporaryFolder();
        folder.Write("tokenizer.json", string.Concat(Enumerable.Repeat("""{"normalizer":{"type":"Sequence","normalizers":[""", 5000)));
        Should.Throw<VitrineException>(() => Tokenizer.Open(folder.Path)).Message.ShouldContain("no tokenizer.json");
    }

    [Fact]
    public void A_folder_without_tokenizer_says_what_it_looked_for()
    {
        using var folder = new TemporaryFolder();
        Should.Throw<VitrineException>(() => Tokenizer.Open(folder.Path)).Message.ShouldContain("tokenizer.json");
        Should.Throw<VitrineException>(() => Tokenizer.Open(Path.Combine(folder.Path, "absent.json"))).Message.ShouldContain("cannot be read");
    }

    [Fact]
    public void A_sentencepiece_model_cut_anywhere_is_refused_or_still_whole_in_its_pieces()
    {
        var bytes = File.ReadAllBytes(Path.Combine(TokenizerFolders.Of("sentencepiece-uni"), "tokenizer.model"));
        using var folder = new TemporaryFolder();
        var refused = 0;
        for (var length = 0; length < bytes.Length; length += Math.Max(1, bytes.Length / 60))
        {
            var file = folder.Write("tokenizer.model", bytes[..length]);
            try
            {
                Tokenizer.Open(file).VocabularySize.ShouldBePositive();
            }
            catch (VitrineException e)
            {
                refused++;
                e.Message.ShouldStartWith(file);
            }
        }

        refused.ShouldBeGreaterThan(40);
    }

    [Theory]
    [InlineData(new byte[] { 0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F }, "goes beyond")]
    [InlineData(new byte[] { 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01 }, "64 bits")]
    [InlineData(new byte[] { 0x0F }, "wire type")]
    [InlineData(new byte[] { }, "no pieces")]
    public void A_hostile_protobuf_is_refused(byte[] bytes, string expected)
    {
        using var folder = new TemporaryFolder();
        var file = folder.Write("tokenizer.model", bytes);
        Should.Throw<VitrineException>(() => Tokenizer.Open(file)).Message.ShouldContain(expected);
    }

    [Fact]
    public void Ids_that_stand_for_nothing_are_passed_over_and_half_characters_become_replacements()
    {
        var tokenizer = TokenizerFolders.Open("tiny-bytelevel");
        tokenizer.Decode([-1, int.MaxValue, int.MinValue, tokenizer.VocabularySize]).ShouldBe("");
        tokenizer.Encode("a\uD800b").ShouldBe(tokenizer.Encode("a\uFFFDb"));
        tokenizer.Token(int.MaxValue).ShouldBeNull();
    }
}
