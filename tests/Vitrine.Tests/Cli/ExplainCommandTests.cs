using System.Globalization;
using System.Text.Json;

namespace Vitrine.Tests.Cli;

/// <summary><c>vitrine explain</c>: the table and the JSON say the same, the page needs nothing, and what cannot be asked is refused in one line.</summary>
public sealed class ExplainCommandTests : IDisposable
{
    private const string Policy = "embedded:tabletop";

    private readonly TemporaryFolder folder = new();

    [Fact]
    public async Task A_word_is_explained_in_sentences_table_JSON_and_page_alike()
    {
        string[] asked = ["explain", Policy, "--word", "quickly", "--metric", "speed", "-n", "12", "--draws", "1"];
        var page = folder["page.html"];
        var (exit, table, error) = await CommandLine.RunAsync(200, [.. asked, "--page", page, "--edges", "12"]);
        exit.ShouldBe(0, error);
        var json = JsonDocument.Parse((await CommandLine.RunAsync([.. asked, "--json"])).Out).RootElement;
        json.GetProperty("is_found").GetBoolean().ShouldBeTrue();
        json.GetProperty("testing").GetInt32().ShouldBe(12);
        var written = await File.ReadAllTextAsync(page, TestContext.Current.CancellationToken);
        foreach (var sentence in json.GetProperty("sentences").EnumerateArray().Select(s => s.GetString()!))
        {
            table.ShouldContain(sentence);
        }

        foreach (var claim in json.GetProperty("claims").EnumerateArray())
        {
            var mean = claim.GetProperty("effect").GetProperty("mean").GetDouble().ToString("+0.0000;-0.0000;0.0000", CultureInfo.InvariantCulture);
            table.ShouldContain(mean);
            written.ShouldContain(claim.GetProperty("place").GetString()!);
        }

        written.ShouldContain("vitrine explain embedded:tabletop --word quickly");
        written.ShouldContain("default-src");
        written.ShouldContain("The 12 edges of ");
        written.ShouldNotContain("href=\"http");
    }

    [Fact]
    public async Task Texts_are_explained_pair_by_pair_or_from_a_file()
    {
        var model = Fixtures.Of("models", TextCommandTests.Decoders().First().Data);
        var file = folder["pairs.tsv"];
        await File.WriteAllTextAsync(file, "The robot moves up\tThe robot moves to\nThe red cube\tThe blue cube\n", TestContext.Current.CancellationToken);
        string[] asked = ["explain", model, "--metric", "logit:#7", "--draws", "1", "--json"];
        var one = await CommandLine.RunAsync([.. asked, "--contrast", "The robot moves up", "The robot moves to"]);
        one.Exit.ShouldBe(0, one.Error);
        var single = JsonDocument.Parse(one.Out).RootElement;
        single.GetProperty("is_described").GetBoolean().ShouldBeTrue();
        single.GetProperty("choosing").GetInt32().ShouldBe(1);
        var page = folder["page.html"];
        (await CommandLine.RunAsync([.. asked, "--contrast", "The robot moves up", "The robot moves", "--page", page])).Exit.ShouldBe(0);
        (await File.ReadAllTextAsync(page, TestContext.Current.CancellationToken)).ShouldContain("No circuit is drawn: ");
        var both = await CommandLine.RunAsync([.. asked, "--pairs", file]);
        both.Exit.ShouldBe(0, both.Error);
        JsonDocument.Parse(both.Out).RootElement.GetProperty("sites").GetArrayLength().ShouldBeGreaterThan(1);
    }

    [Theory]
    [InlineData("expected --word", Policy, "--metric", "speed")]
    [InlineData("the nearest is 'speed'", Policy, "--word", "quickly", "--metric", "sped", "-n", "2")]
    [InlineData("--contrast: embedded:tabletop is a policy", Policy, "--word", "quickly", "--metric", "speed", "--contrast", "a", "b")]
    [InlineData("--edges is -1", Policy, "--word", "quickly", "--metric", "speed", "--edges", "-1")]
    [InlineData("--draws is 0", Policy, "--word", "quickly", "--metric", "speed", "--draws", "0")]
    [InlineData("--level is 2", Policy, "--word", "quickly", "--metric", "speed", "--level", "2")]
    [InlineData("against itself", Policy, "--word", "quickly", "--against", "quickly", "--metric", "speed", "-n", "2")]
    [InlineData("no such", "no-such-folder", "--metric", "speed")]
    public async Task What_cannot_be_asked_is_refused_in_one_line(string says, string model, params string[] asked)
    {
        var refused = await folder.RefusedAsync(["explain", model, .. asked]);
        refused.ShouldContain(says == "no such" ? "no-such-folder" : says);
    }

    [Fact]
    public async Task A_line_that_is_no_pair_is_named()
    {
        var model = Fixtures.Of("models", TextCommandTests.Decoders().First().Data);
        var file = folder["broken.tsv"];
        await File.WriteAllTextAsync(file, "one\ttwo\nalone\n", TestContext.Current.CancellationToken);
        (await folder.RefusedAsync("explain", model, "--pairs", file, "--metric", "logit:#7")).ShouldContain("line 2");
        (await folder.RefusedAsync("explain", model, "--metric", "logit:#7")).ShouldContain("no contrast");
        (await folder.RefusedAsync("explain", model, "--contrast", "same", "same", "--metric", "logit:#7")).ShouldContain("the same");
    }

    public void Dispose() => folder.Dispose();
}
