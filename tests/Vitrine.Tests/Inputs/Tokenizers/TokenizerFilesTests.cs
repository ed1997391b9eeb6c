using System.Text.Json.Nodes;
using Vitrine.Checkpoints;
using Vitrine.Inputs.Tokenizers;

namespace Vitrine.Tests.Inputs.Tokenizers;

/// <summary>The table of keys, held against the reader.</summary>
public sealed class TokenizerFilesTests
{
    public static TheoryData<string> KeysOf(KeyTreatment treatment)
        => [.. TokenizerFiles.Keys.Where(k => k.File == TokenizerFiles.Config && k.Treatment == treatment && !k.Key.StartsWith('*')).Select(k => k.Key)];

    [Fact]
    public void Every_key_stands_there_once_with_what_it_does()
    {
        TokenizerFiles.Keys.GroupBy(k => (k.File, k.Key)).ShouldAllBe(g => g.Count() == 1);
        TokenizerFiles.Keys.ShouldAllBe(k => k.Effect.Length > 0 && k.Since.Length > 0);
        TokenizerFiles.Keys.Select(k => k.File).Distinct().ShouldBe(
            ["tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "chat_template.json", "tokenizer.json"]);
    }

    [Theory, MemberData(nameof(KeysOf), KeyTreatment.Bookkeeping)]
    public void Bookkeeping_changes_nothing_whatever_it_says(string key)
    {
        using var folder = TinyTokenizers.Folder(TinyTokenizers.Llama, """{"tokenizer_class": "LlamaTokenizer"}""");
        var expected = Tokenizer.Open(folder.Path).EncodeText("a b</s> b");
        foreach (var value in (string[])["null", "true", "\"right\"", "[1]", "{\"a\": 1}", "1000000000000000019884624838656", "0.5", "NaN"])
        {
            folder.Write("tokenizer_config.json", $$"""{"tokenizer_class": "LlamaTokenizer", "{{key}}": {{value}}}""");
            var encoded = Tokenizer.Open(folder.Path).EncodeText("a b</s> b");
            encoded.Ids.ShouldBe(expected.Ids, value);
            encoded.Offsets.ShouldBe(expected.Offsets, value);
        }
    }

    public static TheoryData<string> OfAKind() => [.. KeysOf(KeyTreatment.Applied).Concat(KeysOf(KeyTreatment.Refused)).Select(r => r.Data)];

    /// <remarks>Each reads either true or false, texts, lists or objects; a number is none of them, and a text is no number of sentinels.</remarks>
    [Theory, MemberData(nameof(OfAKind))]
    public void What_is_read_is_refused_where_it_is_of_another_kind(string key)
    {
        using var folder = TinyTokenizers.Folder(
            TinyTokenizers.Llama, $$"""{"tokenizer_class": "T5Tokenizer", "{{key}}": {{(key == "extra_ids" ? "\"3\"" : "0.5")}}}""".Replace(
                "\"tokenizer_class\": \"T5Tokenizer\", \"tokenizer_class\"", "\"tokenizer_class\"", StringComparison.Ordinal));
        var message = Should.Throw<VitrineException>(() => Vitrine.Inputs.Chat.ChatTemplate.Open(OpenedFirst(folder.Path))).Message;
        message.ShouldContain("tokenizer_config.json");
        message.ShouldContain(key);

        static string OpenedFirst(string path)
        {
            _ = Tokenizer.Open(path);
            return path;
        }
    }

    [Fact]
    public void Every_key_of_the_real_folders_is_known()
    {
        string[] roots = [Fixtures.Root, TokenizerFolders.Shared, Path.GetDirectoryName(Vitrine.Policies.Policy.Catalog.Locate("embedded:tabletop").Folder)!];
        string[] names = [TokenizerFiles.Config, TokenizerFiles.SpecialTokensMap, TokenizerFiles.AddedTokens];
        var files = roots.Where(Directory.Exists).SelectMany(r => names.SelectMany(n => Directory.EnumerateFiles(r, n, SearchOption.AllDirectories))).ToArray();
        files.Length.ShouldBeGreaterThan(10);
        foreach (var file in files.Where(f => File.Exists(Path.Combine(Path.GetDirectoryName(f)!, "tokenizer.json"))))
        {
            _ = Tokenizer.Open(Path.GetDirectoryName(file)!);
        }
    }

    [Theory]
    [InlineData("tokenizer_config.json", """{"tgt_lang": null}""")]
    [InlineData("special_tokens_map.json", """{"chat_template": "x"}""")]
    [InlineData("chat_template.json", """{"template": "x"}""")]
    public void An_unknown_key_is_refused(string name, string content)
    {
        using var folder = TinyTokenizers.Folder(TinyTokenizers.Llama);
        var file = folder.Write(name, content);
        var key = JsonNode.Parse(content)!.AsObject().Single().Key;
        var message = Should.Throw<VitrineException>(() => Vitrine.Inputs.Chat.ChatTemplate.Open(folder.Path)).Message;
        message.ShouldStartWith(file);
        message.ShouldContain($"unknown key '{key}'");
    }
}
