using System.Text.Json;
using Vitrine.Inputs.Chat;
using Vitrine.Inputs.Tokenizers;

namespace Vitrine.Tests.Inputs.Tokenizers;

public sealed class GgufTokenizerTests
{
    private static readonly string[] Pieces = ["<unk>", "<s>", "</s>", .. Enumerable.Range(0, 256).Select(b => $"<0x{b:X2}>"), "\u2581", "h", "i", "hi",
        "\u2581hi"];

    [Fact]
    public void The_tokenizer_inside_a_file_gives_the_reference_s_ids_and_texts()
    {
        var (metadata, golden) = SmolLm2();
        var tokenizer = GgufTokenizer.FromMetadata(metadata);
        foreach (var text in golden.GetProperty("texts").EnumerateArray())
        {
            var ids = TokenizerFolders.Ids(text, "ids");
            tokenizer.Encode(text.GetProperty("text").GetString()!).ShouldBe(ids);
            tokenizer.Decode(ids, skipSpecialTokens: false).ShouldBe(text.GetProperty("decoded").GetString());
        }
    }

    [Fact]
    public void The_chat_template_inside_a_file_gives_the_reference_s_texts()
    {
        var (metadata, golden) = SmolLm2();
        var template = ChatTemplate.Parse((string)metadata["tokenizer.chat_template"], "GGUF");
        var tokenizer = GgufTokenizer.FromMetadata(metadata);
        foreach (var chat in golden.GetProperty("chats").EnumerateArray())
        {
            var text = template.Render(chat.GetProperty("messages"), chat.GetProperty("add_generation_prompt").GetBoolean());
            text.ShouldBe(chat.GetProperty("text").GetString());
            tokenizer.Encode(text).ShouldBe(TokenizerFolders.Ids(chat, "ids"));
        }
    }

    [Fact]
    public void Pieces_with_scores_merge_best_first_with_bytes_for_the_rest()
    {
        var tokenizer = GgufTokenizer.FromMetadata(Scored());
        tokenizer.Encode("hi").ShouldBe([1, 263]);
        tokenizer.Encode("hi hi", addSpecialTokens: false).ShouldBe([263, 263]);
        tokenizer.Encode("\n", addSpecialTokens: false).ShouldBe([259, 3 + 10]);
        tokenizer.Encode("</s>hi", addSpecialTokens: false).ShouldBe([2, 263]);
        tokenizer.Decode(tokenizer.Encode("hi é hi")).ShouldBe("hi é hi");
    }

    [Theory]
    [InlineData("model", "t5", "'t5' is not computed")]
    [InlineData("model", 3L, "expected a text")]
    [InlineData("model", null, "has no tokenizer.ggml.model")]
    [InlineData("bos_token_id", 100000L, "100000")]
    [InlineData("bos_token_id", -1L, "-1")]
    [InlineData("add_bos_token", "yes", "true or false")]
    [InlineData("scores", new[] { 1f }, "has 1 entries")]
    [InlineData("token_type", new[] { 9 }, "has 1 entries")]
    public void Broken_metadata_is_refused_by_its_key(string key, object? value, string expected)
    {
        var metadata = Scored();
        metadata.Remove($"tokenizer.ggml.{key}");
        if (value is not null)
        {
            metadata[$"tokenizer.ggml.{key}"] = value;
        }

        Should.Throw<VitrineException>(() => GgufTokenizer.FromMetadata(metadata, "x.gguf")).Message.ShouldSatisfyAllConditions(
            m => m.ShouldStartWith("x.gguf"), m => m.ShouldContain(expected));
    }

    [Fact]
    public void Merges_of_unknown_tokens_and_unknown_splits_are_refused()
    {
        var metadata = new Dictionary<string, object>
        {
            ["tokenizer.ggml.model"] = "gpt2",
            ["tokenizer.ggml.pre"] = "gpt-2",
            ["tokenizer.ggml.tokens"] = new[] { "a", "b" },
            ["tokenizer.ggml.merges"] = new[] { "a b" },
        };
        Should.Throw<VitrineException>(() => GgufTokenizer.FromMetadata(metadata)).Message.ShouldContain("'a' + 'b'");
        metadata["tokenizer.ggml.merges"] = Array.Empty<string>();
        GgufTokenizer.FromMetadata(metadata).Encode("ab").ShouldBe([0, 1]);
        metadata["tokenizer.ggml.pre"] = "martian";
        Should.Throw<VitrineException>(() => GgufTokenizer.FromMetadata(metadata)).Message.ShouldContain("'martian'");
    }

    private static Dictionary<string, object> Scored() => new()
    {
        ["tokenizer.ggml.model"] = "llama",
        ["tokenizer.ggml.tokens"] = Pieces,
        ["tokenizer.ggml.scores"] = Pieces.Select((p, i) => p.Length > 1 && i > 258 ? -(float)i : -1000f).ToArray(),
        ["tokenizer.ggml.token_type"] = Pieces.Select((p, i) => i == 0 ? 2 : i < 3 ? 3 : i < 259 ? 6 : 1).ToArray(),
        ["tokenizer.ggml.bos_token_id"] = 1L,
        ["tokenizer.ggml.eos_token_id"] = 2L,
    };

    private static (Dictionary<string, object> Metadata, JsonElement Golden) SmolLm2()
    {
        var folder = Path.Combine(TokenizerFolders.Shared, "models", "smollm2-135m-instruct");
        Assert.SkipUnless(Directory.Exists(folder), "../shared (VITRINE_SHARED) has no models/smollm2-135m-instruct");
        using var json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(TokenizerFolders.Of("smollm2"), "golden.json")));
        return (GgufMetadata.Read(Directory.GetFiles(folder, "*.gguf").First()), json.RootElement.Clone());
    }
}
