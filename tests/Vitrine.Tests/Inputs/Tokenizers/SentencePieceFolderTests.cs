using Vitrine.Inputs.Tokenizers;

namespace Vitrine.Tests.Inputs.Tokenizers;

/// <summary>
/// A SentencePiece model with files beside it and no tokenizer.json: as transformers converts it (convert_slow_tokenizer.py and the classes of versions 4 and
/// 5). What a piece's id is, the model alone says; its goldens are SentencePiece's own.
/// </summary>
public sealed class SentencePieceFolderTests
{
    private static readonly TokenizerOptions Four = new() { Reference = TokenizerReference.Transformers4 };

    [Theory]
    [InlineData("", "", "▁a </s> b", "<s> ▁a </s> ▁b")]
    [InlineData("\"legacy\": false", "", "▁a </s> b", "<s> ▁a </s> b")]
    [InlineData("\"legacy\": true", "", "▁a </s> ▁b", "<s> ▁a </s> ▁b")]
    [InlineData("\"legacy\": null", "", "▁a </s> b", "<s> ▁a </s> ▁b")]
    [InlineData("\"add_bos_token\": true", "", "<s> ▁a </s> b", "<s> ▁a </s> ▁b")]
    [InlineData("\"add_bos_token\": false", "", "▁a </s> b", "▁a </s> ▁b")]
    [InlineData("\"add_eos_token\": true", "", "▁a </s> b </s>", "<s> ▁a </s> ▁b </s>")]
    [InlineData("\"add_prefix_space\": false", "", "a </s> b", "<s> a </s> b")]
    [InlineData("\"add_prefix_space\": false, \"legacy\": false", "", "a </s> b", "<s> a </s> b")]
    [InlineData("\"legacy\": true", " ", "▁a </s> ▁b", "<s> ▁ ▁a </s> ▁b")]
    public void Llama_s_class_puts_spaces_and_ends_where_its_switches_say(string flags, string lead, string five, string four)
    {
        using var folder = Folder("mistral-v1", $$"""{"tokenizer_class": "LlamaTokenizer"{{(flags.Length > 0 ? ", " : "")}}{{flags}}}""");
        Pieces(Tokenizer.Open(folder.Path), $"{lead}a</s>b").ShouldBe(five);
        Pieces(Tokenizer.Open(folder.Path, Four), $"{lead}a</s>b").ShouldBe(four);

        static string Pieces(Tokenizer tokenizer, string text) => string.Join(' ', tokenizer.Encode(text).Select(tokenizer.Token));
    }

    [Theory]
    [InlineData("the robot takes the cup")]
    [InlineData("  two  spaces, é, 中, 😀\n")]
    [InlineData("")]
    public void A_text_without_special_tokens_is_cut_as_SentencePiece_cuts_it(string text)
    {
        using var folder = Folder("mistral-v1", """{"tokenizer_class": "LlamaTokenizer", "add_bos_token": true}""");
        var alone = Tokenizer.Open(Path.Combine(folder.Path, "tokenizer.model")).Encode(text);
        Tokenizer.Open(folder.Path, Four).Encode(text).ShouldBe(alone);
        if (!text.StartsWith(' '))
        {
            Tokenizer.Open(folder.Path).Encode(text).ShouldBe(alone, "version 5 puts no space before one that is there");
        }
    }

    [Theory]
    [InlineData("""{"tokenizer_class": "LlamaTokenizer", "added_tokens_decoder": {"32000": {"content": "<x>", "special": true}}}""")]
    [InlineData("""{"tokenizer_class": "LlamaTokenizer", "pad_token": "<x>"}""")]
    [InlineData("""{"tokenizer_class": "LlamaTokenizer", "additional_special_tokens": ["<x>"]}""")]
    public void Tokens_that_the_model_lacks_go_behind_it(string config)
    {
        using var folder = Folder("mistral-v1", config);
        var tokenizer = Tokenizer.Open(folder.Path);
        tokenizer.Encode("a<x>").ShouldBe([tokenizer.Id("▁a")!.Value, 32000]);
        tokenizer.Decode(tokenizer.Encode("a<x>")).ShouldBe("a");
    }

    [Fact]
    public void Gemma_s_class_puts_no_space_in_front()
    {
        using var folder = Folder("mistral-v1", """{"tokenizer_class": "GemmaTokenizer", "bos_token": "<s>", "eos_token": "</s>", "pad_token": "<unk>"}""");
        var tokenizer = Tokenizer.Open(folder.Path);
        tokenizer.Encode("a b").Select(tokenizer.Token).ShouldBe(["a", "▁b"]);
        tokenizer.Decode(tokenizer.Encode(" a b")).ShouldBe(" a b");
        var four = Tokenizer.Open(folder.Path, Four);
        four.Encode("a b").Select(four.Token).ShouldBe(["<s>", "a", "▁b"]);
    }

    [Fact]
    public void T5_s_class_ends_a_text_and_adds_its_sentinels()
    {
        using var folder = Folder("sentencepiece-uni", """{"tokenizer_class": "T5Tokenizer", "extra_ids": 3, "pad_token": "</s>"}""");
        var alone = Tokenizer.Open(Path.Combine(folder.Path, "tokenizer.model"));
        var words = alone.Encode("takes the cup", addSpecialTokens: false);
        var (size, end) = (alone.VocabularySize, alone.Id("</s>")!.Value);
        foreach (var options in new[] { TokenizerOptions.Default, Four })
        {
            var tokenizer = Tokenizer.Open(folder.Path, options);
            tokenizer.Encode("takes the cup").ShouldBe([.. words, end]);
            tokenizer.EncodeText("takes the cup", "takes the cup").Ids.ShouldBe([.. words, end, .. words, end]);
            tokenizer.EncodeText("the", "cup").TypeIds.ShouldAllBe(t => t == 0);
            tokenizer.Encode("the<extra_id_0>", addSpecialTokens: false)[^1].ShouldBe(size + 2, "the first sentinel is the last piece");
            tokenizer.Decode(words).ShouldBe("takes the cup");
        }
    }

    [Fact]
    public void A_model_that_lies_alone_is_read_as_SentencePiece_reads_it()
    {
        using var folder = Folder("mistral-v1", null);
        Tokenizer.Open(folder.Path).Encode("a").ShouldBe(Tokenizer.Open(Path.Combine(folder.Path, "tokenizer.model")).Encode("a"));
    }

    [Theory]
    [InlineData("mistral-v1", """{"tokenizer_class": "XLMRobertaTokenizer"}""", "is opened by XLMRobertaTokenizer")]
    [InlineData("mistral-v1", """{"add_bos_token": true}""", "is opened by PreTrainedTokenizerFast")]
    [InlineData("mistral-v1", """{"tokenizer_class": "T5Tokenizer"}""", "is no unigram model")]
    [InlineData("sentencepiece-uni", """{"tokenizer_class": "LlamaTokenizer"}""", "is no byte-pair encoding")]
    [InlineData("mistral-v1", """{"tokenizer_class": "LlamaTokenizer", "sp_model_kwargs": {"alpha": 0.1}}""", "sp_model_kwargs")]
    [InlineData("mistral-v1", """{"tokenizer_class": "LlamaTokenizer", "added_tokens_decoder": {"31999": {"content": "<x>"}}}""", "gives '<x>' the id 31999")]
    public void What_is_not_computed_is_refused_by_name(string model, string config, string expected)
    {
        using var folder = Folder(model, config);
        var message = Should.Throw<VitrineException>(() => Tokenizer.Open(folder.Path)).Message;
        message.ShouldStartWith(folder.Path);
        message.ShouldContain(expected);
        message.ShouldContain("tokenizer_config.json");
    }

    private static TemporaryFolder Folder(string model, string? config)
    {
        var folder = new TemporaryFolder();
        File.Copy(Path.Combine(TokenizerFolders.Of(model), "tokenizer.model"), Path.Combine(folder.Path, "tokenizer.model"));
        if (config is not null)
        {
            folder.Write("tokenizer_config.json", config);
        }

        return folder;
    }
}
