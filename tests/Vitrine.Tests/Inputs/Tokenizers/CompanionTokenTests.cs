using System.Text.Json.Nodes;
using Vitrine.Inputs.Chat;
using Vitrine.Inputs.Tokenizers;

namespace Vitrine.Tests.Inputs.Tokenizers;

/// <summary>
/// Tokens that stand only in the files beside tokenizer.json. The tiny vocabulary has the ids 0 to 7, so what is added gets 8, 9, ...: a token that the
/// vocabulary lacks gets the next id (tokenizers, added_vocabulary.rs), in the order of transformers (tokenization_utils_base.py).
/// </summary>
public sealed class CompanionTokenTests
{
    private const string Entry = "\"lstrip\": false, \"rstrip\": false, \"normalized\": false, \"single_word\": false, \"special\": true";

    [Fact]
    public void A_token_that_only_tokenizer_config_names_is_a_token()
    {
        // The case added-token-only-in-tokenizer-config: without its last word, the vocabulary of the fixture ends before 319.
        using var folder = new TemporaryFolder(Fixtures.Of("models", "llama"));
        folder.Change("tokenizer.json", json =>
        {
            var model = json["model"]!;
            model["vocab"]!.AsObject().Remove(model["vocab"]!.AsObject().Single(w => (int)w.Value! == 319).Key);
            model["merges"]!.AsArray().RemoveAt(model["merges"]!.AsArray().Count - 1);
        });
        folder.Change("tokenizer_config.json", json => json["added_tokens_decoder"] = JsonNode.Parse(
            """{"319": {"content": "<|im_end|>", ENTRY}}""".Replace("ENTRY", Entry, StringComparison.Ordinal)));
        var tokenizer = Tokenizer.Open(folder.Path);
        tokenizer.Encode("hi<|im_end|>").ShouldBe([1, 284, 270, 271, 319]);
        tokenizer.IsSpecial(319).ShouldBeTrue();
    }

    [Theory]
    [InlineData("""{"added_tokens_decoder": {"8": {"content": "<x>", ENTRY}}}""")]
    [InlineData("""{"additional_special_tokens": ["<x>"]}""")]
    [InlineData("""{"extra_special_tokens": ["<x>"]}""")]
    [InlineData("""{"extra_special_tokens": {"image_token": "<x>"}}""")]
    [InlineData("""{"model_specific_special_tokens": {"image_token": "<x>"}}""")]
    [InlineData("""{"image_token": "<x>"}""")]
    [InlineData("""{"image_token": {"__type": "AddedToken", "content": "<x>", ENTRY}}""")]
    [InlineData("""{"pad_token": "<x>"}""")]
    [InlineData("""{"pad_token": {"__type": "AddedToken", "content": "<x>", ENTRY}}""")]
    [InlineData("""{"tokenizer_class": "LlamaTokenizer", "mask_token": "<x>", "unk_token": "<unk>"}""")]
    public void Wherever_tokenizer_config_names_it(string config)
    {
        using var folder = TinyTokenizers.Folder(TinyTokenizers.Llama, config.Replace("ENTRY", Entry, StringComparison.Ordinal));
        var tokenizer = Tokenizer.Open(folder.Path);
        tokenizer.Encode("a<x>b").ShouldBe([1, 5, 8, 7], "the part behind a token gets Llama's space too");
        tokenizer.Decode([5, 8]).ShouldBe("a", "it is special");
        tokenizer.VocabularySize.ShouldBe(9);
    }

    [Theory]
    [InlineData("added_tokens.json", """{"<x>": 8}""", false)]
    [InlineData("special_tokens_map.json", """{"additional_special_tokens": ["<x>"]}""", true)]
    [InlineData("special_tokens_map.json", """{"additional_special_tokens": [{"content": "<x>", PLAIN}]}""", true)]
    [InlineData("special_tokens_map.json", """{"pad_token": "<x>"}""", true)]
    [InlineData("special_tokens_map.json", """{"pad_token": {"content": "<x>", PLAIN}}""", true)]
    [InlineData("special_tokens_map.json", """{"image_token": "<x>"}""", true)]
    public void In_the_older_files_too(string name, string content, bool special)
    {
        using var folder = TinyTokenizers.Folder(TinyTokenizers.Llama, """{"tokenizer_class": "PreTrainedTokenizerFast"}""");
        folder.Write(name, content.Replace("PLAIN", Entry[..Entry.LastIndexOf(',')], StringComparison.Ordinal));
        var tokenizer = Tokenizer.Open(folder.Path);
        tokenizer.IsSpecial(8).ShouldBe(special);

        // A token that is not special is looked for in the normalised text: there it is spelled with Llama's space in front, and so found behind one.
        tokenizer.Encode(special ? "a<x>b" : "<x>").ShouldBe(special ? [1, 5, 8, 7] : [1, 8]);
    }

    [Fact]
    public void An_older_token_that_is_named_special_is_special()
    {
        using var folder = TinyTokenizers.Folder(TinyTokenizers.Llama);
        folder.Write("added_tokens.json", """{"<x>": 8}""");
        folder.Write("special_tokens_map.json", """{"pad_token": "<x>"}""");
        Tokenizer.Open(folder.Path).Encode("a<x>b").ShouldBe([1, 5, 8, 7]);
    }

    [Fact]
    public void The_older_files_are_not_read_beside_added_tokens_decoder_and_a_note_says_so()
    {
        using var folder = TinyTokenizers.Folder(TinyTokenizers.Llama, """{"added_tokens_decoder": {}}""");
        folder.Write("added_tokens.json", """{"<x>": 8}""");
        folder.Write("special_tokens_map.json", """{"pad_token": "<y>"}""");
        var tokenizer = Tokenizer.Open(folder.Path);
        tokenizer.Id("<x>").ShouldBeNull();
        tokenizer.VocabularySize.ShouldBe(8);
        tokenizer.Notes.Count.ShouldBe(2);
        tokenizer.Notes.ShouldAllBe(n => n.Contains("added_tokens_decoder", StringComparison.Ordinal));
    }

    [Fact]
    public void Tokens_without_an_id_follow_those_with_one_in_transformers_order()
    {
        const string Config = """
            {"additional_special_tokens": ["<m>"], "image_token": "<i>", "pad_token": "<p>", "bos_token": "<b>",
             "added_tokens_decoder": {"8": {"content": "<d>"}}}
            """;
        using var folder = TinyTokenizers.Folder(TinyTokenizers.Llama, Config);
        var five = Tokenizer.Open(folder.Path);
        string?[] last = [.. Enumerable.Range(8, 5).Select(five.Token)];
        last.ShouldBe(["<d>", "<b>", "<p>", "<i>", "<m>"]);
        var four = Tokenizer.Open(folder.Path, new TokenizerOptions { Reference = TokenizerReference.Transformers4 });
        last = [.. Enumerable.Range(8, 5).Select(four.Token)];
        last.ShouldBe(["<d>", "<b>", "<p>", "<m>", null], "version 4 knows no image_token");
    }

    [Fact]
    public void A_file_alone_is_read_alone()
    {
        using var folder = TinyTokenizers.Folder(TinyTokenizers.Llama, """{"pad_token": "<x>"}""");
        Tokenizer.Open(Path.Combine(folder.Path, "tokenizer.json")).Id("<x>").ShouldBeNull();
        Tokenizer.Open(folder.Path, new TokenizerOptions { Reference = TokenizerReference.Tokenizers }).Id("<x>").ShouldBeNull();
        Tokenizer.Open(folder.Path).Id("<x>").ShouldBe(8);
    }

    [Fact]
    public void What_a_file_says_of_a_token_holds_for_one_that_is_there()
    {
        using var folder = TinyTokenizers.Folder(TinyTokenizers.Llama,
            """{"added_tokens_decoder": {"2": {"content": "</s>", "lstrip": true, "normalized": false, "special": true}}}""");
        Tokenizer.Open(folder.Path).Encode("a </s>").ShouldBe([1, 5, 2], "lstrip takes the space along");
        Tokenizer.Open(Path.Combine(folder.Path, "tokenizer.json")).Encode("a </s>").ShouldBe([1, 5, 3, 2]);
    }

    [Theory]
    [InlineData("tokenizer_config.json", """{"added_tokens_decoder": {"9": {"content": "<x>"}}}""", "added_tokens_decoder: gives '<x>' the id 9")]
    [InlineData("tokenizer_config.json", """{"added_tokens_decoder": {"3": {"content": "a"}}}""", "gives 'a' the id 3")]
    [InlineData("tokenizer_config.json", """{"added_tokens_decoder": {"x": {"content": "<x>"}}}""", "added_tokens_decoder: 'x' is no id")]
    [InlineData("tokenizer_config.json", """{"added_tokens_decoder": {"8": "<x>"}}""", "added_tokens_decoder: 8: expected an object")]
    [InlineData("tokenizer_config.json", """{"added_tokens_decoder": {"8": {"lstrip": false}}}""", "'content' is missing")]
    [InlineData("tokenizer_config.json", """{"added_tokens_decoder": {"8": {"content": "<x>", "lstrip": 0}}}""", "lstrip is 0; expected true or false")]
    [InlineData("tokenizer_config.json", """{"added_tokens_decoder": {"8": {"content": "<x>", "trim": true}}}""", "unknown key 'trim'")]
    [InlineData("tokenizer_config.json", """{"added_tokens_decoder": null}""", "'added_tokens_decoder'")]
    [InlineData("tokenizer_config.json", """{"additional_special_tokens": "<x>"}""", "additional_special_tokens is \"<x>\"; expected a list of tokens")]
    [InlineData("tokenizer_config.json", """{"additional_special_tokens": [3]}""", "additional_special_tokens is 3; expected a token")]
    [InlineData("tokenizer_config.json", """{"extra_special_tokens": 3}""", "extra_special_tokens is 3")]
    [InlineData("tokenizer_config.json", """{"extra_special_tokens": {"image_token": null}}""", "extra_special_tokens: image_token is null")]
    [InlineData("tokenizer_config.json", """{"pad_token": 3}""", "pad_token is 3; expected a token")]
    [InlineData("tokenizer_config.json", """{"image_token": true}""", "image_token is true")]
    [InlineData("tokenizer_config.json", """{"pad_token": "<x>", "pad_token": "<y>"}""", "'pad_token' stands there twice")]
    [InlineData("special_tokens_map.json", """{"pad_token": 3}""", "pad_token is 3")]
    [InlineData("special_tokens_map.json", """{"padding": "<x>"}""", "unknown key 'padding'")]
    [InlineData("added_tokens.json", """{"<x>": 9}""", "gives '<x>' the id 9")]
    [InlineData("added_tokens.json", """{"<x>": "8"}""", "<x> is \"8\"")]
    [InlineData("added_tokens.json", """{"<x>": null}""", "<x> is null")]
    public void What_is_no_token_or_contradicts_the_vocabulary_is_refused_by_file_and_key(string name, string content, string expected)
    {
        using var folder = TinyTokenizers.Folder(TinyTokenizers.Llama);
        var file = folder.Write(name, content);
        var message = Should.Throw<VitrineException>(() => Tokenizer.Open(folder.Path)).Message;
        message.ShouldStartWith(file);
        message.ShouldContain(expected);
        message.ShouldNotContain("\n");
    }

    [Fact]
    public void Templates_see_the_named_tokens_of_the_file_that_counts()
    {
        using var folder = TinyTokenizers.Folder(TinyTokenizers.Llama, """{"bos_token": "<b>", "tokenizer_class": "LlamaTokenizer", "image_token": "<i>"}""");
        folder.Write("special_tokens_map.json", """{"bos_token": {"content": "<s>"}}""");
        folder.Write("chat_template.jinja", "{{ bos_token }}{{ eos_token }}{{ image_token }}");
        Rendered().ShouldBe("<s></s><i>", "without added_tokens_decoder the map counts, and the class has an eos_token");
        folder.Change("tokenizer_config.json", json => json["added_tokens_decoder"] = new JsonObject());
        Rendered().ShouldBe("<b></s><i>", "beside it the map is not read");
        Rendered(TokenizerReference.Transformers4).ShouldBe("<b></s>");

        string Rendered(TokenizerReference reference = TokenizerReference.Transformers5)
            => ChatTemplate.Open(folder.Path, options: new TokenizerOptions { Reference = reference }).Render([new ChatMessage("user", "hi")]);
    }
}
