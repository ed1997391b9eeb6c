using System.Text.Json.Nodes;

namespace Vitrine.Tests.Cli;

/// <summary>A slip of the keyboard is told the nearest valid name.</summary>
public sealed class SuggestionTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    [Theory]
    [InlineData("'inspect'", "insepct")]
    [InlineData("'inspect'", "insepct", "embedded:tabletop")]
    [InlineData("'generate'", "genrate", "somewhere", "Once")]
    [InlineData("'--json'", "inspect", "embedded:tabletop", "--josn")]
    [InlineData("'--json'", "inspect", "--josn")]
    [InlineData("'--temperature'", "generate", "somewhere", "Once", "--temprature", "1")]
    [InlineData("'--no-special-tokens'", "tokens", "--no-special-tokns", "somewhere")]
    [InlineData("'--verbose'", "inspect", "embedded:tabletop", "--verbos")]
    public async Task A_misspelled_verb_or_option_is_wrong_usage_and_told_the_nearest(string nearest, params string[] args)
    {
        var (exit, _, error) = await CommandLine.RunAsync(args);
        exit.ShouldBe(2, error);
        error.ShouldContain($"the nearest is {nearest}");
    }

    [Fact]
    public async Task Words_of_a_text_behind_two_dashes_are_the_user_s_own()
        => (await CommandLine.RunAsync("tokens", Fixtures.Of("tokenizers", "gpt2"), "--json", "--", "--josn")).Exit.ShouldBe(0);

    [Theory]
    [InlineData("inspect")]
    [InlineData("generate", "Once")]
    [InlineData("run", "Once")]
    [InlineData("tokens", "Once")]
    [InlineData("neurons")]
    [InlineData("concepts", "fast")]
    [InlineData("act", "scene.png", "touch the red cube")]
    public async Task A_misspelled_folder_is_told_its_neighbour(string verb, params string[] rest)
    {
        Directory.CreateDirectory(folder["llama-small"]);
        (await RefusedAsync([verb, folder["lama-small"], .. rest])).ShouldContain($"the nearest is '{folder["llama-small"]}'");
    }

    [Theory, InlineData("tabeltop"), InlineData("tabletop")]
    public async Task An_embedded_policy_without_its_scheme_is_told(string name)
        => (await RefusedAsync("inspect", name)).ShouldContain("'embedded:tabletop'");

    [Fact]
    public async Task An_unknown_family_is_told_the_nearest_of_any_kind()
    {
        File.WriteAllText(folder["config.json"], new JsonObject { ["model_type"] = "siglp" }.ToJsonString());
        var error = await RefusedAsync("inspect", folder.Path);
        error.ShouldContain("model_type is 'siglp'");
        error.ShouldContain("the nearest is 'siglip'");
    }

    [Fact]
    public async Task An_unknown_concept_is_told_the_nearest()
    {
        (await RefusedAsync("concepts", "embedded:tabletop", "fsat")).ShouldContain("the nearest concept is 'fast'");
        (await RefusedAsync("steer", "embedded:tabletop", "fsat")).ShouldContain("the nearest is 'fast'");
    }

    public void Dispose() => folder.Dispose();

    private static async Task<string> RefusedAsync(params string[] args)
    {
        var (exit, _, error) = await CommandLine.RunAsync(args);
        exit.ShouldBe(1, error);
        var line = error.Trim().Split('\n')[^1];
        line.ShouldNotContain("   at ");
        return line;
    }
}
