using System.Globalization;
using System.Text.Json;
using Vitrine.Mechanisms.Doses;

namespace Vitrine.Tests.Cli;

/// <summary>A run of each verb that succeeds: its table has rows that are no zeros, and its JSON the table's numbers.</summary>
[Collection(CommandLine.Collection)]
public sealed class VerbTests : IDisposable
{
    private const string Policy = "embedded:tabletop";
    private readonly TemporaryFolder folder = new();

    private static string Scene => Path.Combine(Fixtures.Repository, "examples", "scene.png");

    [Fact]
    public async Task Act_answers_with_an_action()
    {
        var (table, json) = await BothAsync("act", Policy, Scene, "touch the plum wedge");
        var action = json.GetProperty("chunk")[0];
        action.GetArrayLength().ShouldBe(7);
        table.ShouldContain("dx");
        table.ShouldContain(Signed(action[0]));
        table.ShouldContain(Signed(action[1]));
    }

    [Fact]
    public async Task Calibrate_writes_where_it_is_asked_to_and_nowhere_else()
    {
        var file = folder["c.json"];
        var (exit, _, error) = await CommandLine.RunAsync("calibrate", Policy, "--states", "4", "--out", file);
        exit.ShouldBe(0, error);
        var calibration = Calibration.Open(file);
        calibration.Samples.ShouldBe(4 * 7);
        calibration.Sigma.Max().ShouldBeGreaterThan(0);
        var (table, json) = await BothAsync("calibrate", Policy, "--states", "4");
        table.ShouldContain("not kept");
        json.GetProperty("Samples").GetInt32().ShouldBe(28);
        File.Exists("calibration.json").ShouldBeFalse();
    }

    [Theory]
    [InlineData("fast")]
    [InlineData("rapidly,swiftly")]
    [InlineData("Rapidly")]
    [InlineData("--meaning", "rapidly")]
    [InlineData("--action", "+")]
    public async Task Concepts_lists_neurons(params string[] asked)
    {
        var (table, json) = await BothAsync(["concepts", Policy, .. asked, "-n", "5"]);
        json.GetArrayLength().ShouldBeGreaterThan(0);
        foreach (var row in json.EnumerateArray())
        {
            table.ShouldContain($"{row.GetProperty("layer").GetInt32()}:{row.GetProperty("index").GetInt32()} ");
            row.GetProperty("top").GetArrayLength().ShouldBe(30);
        }
    }

    [Fact]
    public async Task Concepts_says_what_a_word_may_have_meant()
    {
        (await folder.RefusedAsync("concepts", Policy, "zeppelin")).ShouldContain("'zeppelin'");
        (await folder.RefusedAsync("concepts", Policy, "quickli")).ShouldContain("the nearest concept is 'fast', spelled like 'quickly'");
        (await CommandLine.RunAsync("concepts", Policy, "zeppelin", "rapidly")).Error.ShouldContain("is no word of the vocabulary and is left out");
        (await folder.RefusedAsync("steer", Policy, "rapidly", "--states", "2")).ShouldContain("the nearest is 'fast' ('rapidly' is one of its words)");
    }

    [Fact]
    public async Task Steer_measures_what_the_concept_is_about_beside_its_controls()
    {
        foreach (var (concept, metric) in ((string, string)[])[("fast", "speed"), ("high", "dz"), ("FAST", "speed")])
        {
            var (table, json) = await BothAsync("steer", Policy, concept, "--states", "3", "--draws", "2");
            table.ShouldContain($"measured is {metric} (what the concept is about)");
            json.EnumerateArray().Select(r => r.GetProperty("arm").GetString()).ShouldBe(["clamp", "zero dose", "matched random 1", "matched random 2"]);
            json[1].GetProperty("hard").GetProperty("mean").GetDouble().ShouldBe(0);
            json[0].GetProperty("soft").GetProperty("mean").GetDouble().ShouldNotBe(0);
        }
    }

    [Fact]
    public async Task Steer_and_calibrate_take_texts()
    {
        var model = TextCommandTests.Decoders().First().Data;
        var path = Fixtures.Of("models", model);
        var word = await WordOfAsync(path);
        var calibration = folder["c.json"];
        (await CommandLine.RunAsync("calibrate", path, "--prompt", "The robot moves up.", "--out", calibration)).Exit.ShouldBe(0);
        string[] asked = ["steer", path, word, "--prompt", "The robot moves", "--prompt", "up and down", "--draws", "2", "--tokens", "3", "--neurons", "4"];
        foreach (var options in (string[][])[[], ["--calibration", calibration]])
        {
            var (table, json) = await BothAsync([.. asked, .. options, "--dose", "8"]);
            var arms = json.GetProperty("arms");
            table.ShouldContain("unedited");
            arms.EnumerateArray().Select(r => r.GetProperty("arm").GetString()).ShouldBe(["clamp", "zero dose", "matched random 1", "matched random 2"]);
            arms[1].GetProperty("divergence").GetDouble().ShouldBe(0);
            arms[0].GetProperty("divergence").GetDouble().ShouldBeGreaterThan(0);
            arms[0].GetProperty("log_probability").GetProperty("mean").GetDouble().ShouldBeGreaterThan(0, "neurons that write a word, driven, say it");
            json.GetProperty("neurons").GetArrayLength().ShouldBe(4);
        }

        (await folder.RefusedAsync("steer", path, word)).ShouldContain("--prompt");
        (await folder.RefusedAsync("calibrate", path)).ShouldContain("--prompt");
    }

    [Fact]
    public async Task Neurons_of_a_text_model_are_read_in_its_own_words()
    {
        var (table, json) = await BothAsync("neurons", Fixtures.Of("models", TextCommandTests.Decoders().First().Data));
        table.ShouldContain("coherent");
        table.ShouldNotContain("action tokens");
        json.EnumerateArray().Sum(r => r.GetProperty("coherent").GetDouble()).ShouldBeGreaterThan(0);
        json[0].GetProperty("best").GetArrayLength().ShouldBe(3);
    }

    [Fact]
    public async Task Certify_reports_every_folder_and_then_fails_for_those_that_are_none()
    {
        var llama = Fixtures.Of("models", "llama");
        var (table, json) = await BothAsync("certify", llama);
        table.ShouldContain("certified");
        json[0].GetProperty("passed").GetBoolean().ShouldBeTrue();
        var (exit, @out, error) = await CommandLine.RunAsync("certify", folder.Path, llama, folder["none"]);
        exit.ShouldBe(1);
        @out.ShouldContain("agree, certified");
        error.ShouldContain("2 of 3 folders");
        error.ShouldContain(folder["none"]);
    }

    [Fact]
    public async Task Rollout_counts_successes()
    {
        var (table, json) = await BothAsync("rollout", Policy, "--layouts", "2", "--tasks", "reach,push", "--steps", "20");
        json.GetArrayLength().ShouldBeGreaterThanOrEqualTo(2);
        json[0].GetProperty("episodes").GetInt32().ShouldBe(2);
        table.ShouldContain("reach");
        (await CommandLine.RunAsync("rollout", Policy, "--layouts", "1", "--tasks", "reach", "push", "--steps", "2")).Exit.ShouldBe(0);
    }

    [Fact]
    public async Task Demo_writes_its_report_and_goes_on_where_it_stopped()
    {
        string[] asked = ["demo", "--layouts", "2", "--states", "4", "--steps", "6", "--out", folder["demo"]];
        (await CommandLine.RunAsync(asked)).Exit.ShouldBe(0);
        var report = Path.Combine(folder["demo"], "report.html");
        File.Exists(report).ShouldBeTrue();
        var study = File.ReadAllBytes(Path.Combine(folder["demo"], "study-fast.json"));
        var (exit, json, error) = await CommandLine.RunAsync([.. asked, "--json"]);
        exit.ShouldBe(0, error);
        JsonDocument.Parse(json).RootElement.GetProperty("studies").GetArrayLength().ShouldBe(2);
        File.ReadAllBytes(Path.Combine(folder["demo"], "study-fast.json")).ShouldBe(study);
    }

    [Fact]
    public async Task Demo_opens_the_policy_that_flows_and_goes_on_where_it_stopped()
    {
        string[] asked = ["demo", "--policy", "embedded:tabletop-flow", "--layouts", "2", "--states", "4", "--steps", "6", "--out", folder["flow"]];
        var (exit, table, error) = await CommandLine.RunAsync(asked);
        exit.ShouldBe(0, error);
        table.ShouldContain("random directions in layer 1 (8 draws)");
        table.ShouldContain("matched random, +1 sd (8 draws)");
        var report = File.ReadAllText(Path.Combine(folder["flow"], "report.html"));
        report.ShouldContain("in the same expert with initial weights");
        report.ShouldContain("vitrine demo --policy embedded:tabletop-flow");
        string[] kept = ["study-fast.json", "study-high.json", "neurons.json", "onestep-fast.json", "onestep-high.json"];
        var before = kept.Select(f => File.ReadAllBytes(Path.Combine(folder["flow"], f))).ToArray();
        var (again, json, _) = await CommandLine.RunAsync([.. asked, "--json"]);
        again.ShouldBe(0);
        JsonDocument.Parse(json).RootElement.GetProperty("studies").EnumerateArray()
            .SelectMany(s => s.GetProperty("arms").EnumerateArray()).Where(a => a.GetProperty("arm").GetProperty("kind").GetString() == "zero_dose")
            .Select(a => a.GetProperty("all").GetProperty("differences").GetProperty("speed").GetProperty("estimate").GetProperty("mean").GetDouble())
            .ShouldBe([0, 0]);
        kept.Select(f => File.ReadAllBytes(Path.Combine(folder["flow"], f))).ShouldBe(before);
        (await CommandLine.RunAsync("demo", "--policy", "embedded:other")).Exit.ShouldBe(2);
    }

    public void Dispose() => folder.Dispose();

    /// <summary>A word that is one token of a model's vocabulary.</summary>
    internal static async Task<string> WordOfAsync(string model)
    {
        var tokens = JsonDocument.Parse((await CommandLine.RunAsync("tokens", model, "The robot moves up and down.", "--json")).Out).RootElement
            .GetProperty("tokens").EnumerateArray().Where(t => !t.GetProperty("special").GetBoolean()).Select(t => t.GetProperty("text").GetString()!.Trim());
        return tokens.First(t => t.Length > 0 && t.All(char.IsLetter));
    }

    private static string Signed(JsonElement number) => number.GetDouble().ToString("+0.0000;-0.0000;0.0000", CultureInfo.InvariantCulture);

    private static async Task<(string Table, JsonElement Json)> BothAsync(params string[] asked)
    {
        var (exit, table, error) = await CommandLine.RunAsync(asked);
        exit.ShouldBe(0, error);
        table.ShouldNotBeEmpty();
        var (again, json, jsonError) = await CommandLine.RunAsync([.. asked, "--json"]);
        again.ShouldBe(0, jsonError);
        return (table, JsonDocument.Parse(json).RootElement);
    }
}
