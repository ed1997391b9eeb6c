using System.Text.Json;

namespace Vitrine.Tests.Cli;

public sealed class LocateCommandTests
{
    [Fact]
    public async Task A_word_is_located_in_one_decision_and_in_closed_loop()
    {
        using var folder = new TemporaryFolder();
        string[] few = ["locate", "embedded:tabletop", "--word", "quickly", "--states", "6", "--tasks", "reach"];
        var (exit, json, error) = await CommandLine.RunAsync(
            [.. few, "--layouts", "1", "--steps", "2", "--no-heads", "--out", folder["loop"], "--page", folder["page.html"], "--json"]);
        exit.ShouldBe(0, error);
        var result = JsonDocument.Parse(json).RootElement;
        var parts = result.GetProperty("decision").GetProperty("parts").EnumerateArray().ToArray();
        parts.Length.ShouldBe(20);
        var arms = result.GetProperty("closed_loop").GetProperty("arms").EnumerateArray().Select(a => a.GetProperty("arm").GetProperty("name").GetString());
        arms.ShouldContain("attention, all layers, put in");
        File.ReadAllText(folder["page.html"]).ShouldContain("quickly");
        Directory.GetFiles(folder["loop"], "chunk-*.json").ShouldNotBeEmpty();

        var (_, table, _) = await CommandLine.RunAsync(80, [.. few, "--draws", "2"]);
        table.ShouldContain("head 5.0");
        (await folder.RefusedAsync([.. few, "--layouts", "1", "--draws", "2"])).ShouldContain("needs at least 8");
        (await folder.RefusedAsync([.. few, "--metric", "dq"])).ShouldContain("metric 'dq'");
    }

    [Fact]
    public async Task Of_a_policy_that_flows_the_rows_of_the_prompt_are_asked_too()
    {
        var (exit, json, error) = await CommandLine.RunAsync(
            "locate", "embedded:tabletop-flow", "--word", "quickly", "--without", "slowly", "--states", "3", "--tasks", "reach", "--draws", "1", "--no-heads",
            "--json");
        exit.ShouldBe(0, error);
        var result = JsonDocument.Parse(json).RootElement;
        // reference/09, 8.2: the word's row carries nearly all of speed.
        var words = result.GetProperty("rows").GetProperty("parts").EnumerateArray()
            .Single(p => p.GetProperty("rows").GetString() == "words" && p.GetProperty("layer").ValueKind == JsonValueKind.Null);
        var whole = result.GetProperty("rows").GetProperty("word").GetProperty("mean").GetDouble();
        var share = words.GetProperty("sufficient").GetProperty("mean").GetDouble() / whole;
        share.ShouldBeInRange(.85, 1.05);
        // reference/09, 8.4: the last language MLP reaches no action.
        var ablations = result.GetProperty("ablations").EnumerateArray().ToArray();
        ablations.Length.ShouldBe(28);
        ablations.Single(a => a.GetProperty("part").GetProperty("stack").GetString() == "language" && a.GetProperty("part").GetProperty("layer").ValueKind
            == JsonValueKind.Number && a.GetProperty("part").GetProperty("layer").GetInt32() == 5 && a.GetProperty("part").GetProperty("component").GetString()
            == "feed_forward").GetProperty("change").GetProperty("mean").GetDouble().ShouldBe(0);
        result.GetProperty("looks").GetArrayLength().ShouldBe(6);
    }
}
