using System.Text.Json;
using Vitrine.Transformers;

namespace Vitrine.Tests.Cli;

/// <summary>A text of the user's is a text, whatever it begins with.</summary>
public sealed class TextsThatLookLikeOrdersTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public static TheoryData<string> Texts() => ["@robot move up", "@", "@@", "@the red bowl @left", "up @2"];

    [Theory, MemberData(nameof(Texts))]
    public async Task A_text_that_begins_with_an_at_sign_is_cut_as_the_library_cuts_it(string text)
        => (await IdsOf(text)).ShouldBe(ModelFiles.OpenTokenizer(Fixtures.Of("tokenizers", "gpt2")).Encode(text));

    [Fact]
    public async Task A_file_of_that_name_is_not_read()
    {
        var file = folder["arguments"];
        File.WriteAllText(file, "another text\n--no-special-tokens\n");
        var text = $"@{file}";
        (await IdsOf(text)).ShouldBe(ModelFiles.OpenTokenizer(Fixtures.Of("tokenizers", "gpt2")).Encode(text));
    }

    [Fact]
    public async Task Prompts_and_values_of_options_are_texts_too()
    {
        File.WriteAllText(folder["arguments"], "3\n");
        var model = Fixtures.Of("models", "llama");
        var (exit, @out, error) = await CommandLine.RunAsync("generate", model, "@robot", "-n", "1", "--stop", $"@{folder["arguments"]}", "--json");
        exit.ShouldBe(0, error);
        JsonDocument.Parse(@out).RootElement.GetProperty("prompt").GetString().ShouldBe("@robot");
        (await folder.RefusedAsync("inspect", $"@{folder["arguments"]}")).ShouldContain($"@{folder["arguments"]}");
    }

    public void Dispose() => folder.Dispose();

    private static async Task<int[]> IdsOf(string text)
    {
        var (exit, @out, error) = await CommandLine.RunAsync("tokens", Fixtures.Of("tokenizers", "gpt2"), text, "--json");
        exit.ShouldBe(0, error);
        return [.. JsonDocument.Parse(@out).RootElement.GetProperty("tokens").EnumerateArray().Select(t => t.GetProperty("id").GetInt32())];
    }
}
