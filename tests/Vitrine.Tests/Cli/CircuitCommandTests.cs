using System.Globalization;
using System.Text.Json;
using Vitrine.Inputs.Pictures;
using Vitrine.Mechanisms.Circuits;

namespace Vitrine.Tests.Cli;

/// <summary><c>vitrine circuit</c>.</summary>
public sealed class CircuitCommandTests : IDisposable
{
    private const string Flow = "embedded:tabletop-flow";

    private readonly TemporaryFolder folder = new();

    private static string Gpt2 => Fixtures.Of("methods", "_models/gpt2-tiny");

    private static string[] Text =>
        ["circuit", Gpt2, "--clean", "#0 #70 #54 #145", "--corrupted", "#0 #70 #193 #145", "--metric", "logit_difference:#289/#123"];

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task A_text_s_circuit_has_the_numbers_of_its_json_and_a_page()
    {
        var (exit, @out, error) = await CommandLine.RunAsync([.. Text, "--edges", "12", "--out", folder["c.json"], "--page", folder["c.html"]]);
        exit.ShouldBe(0, error);
        var study = CircuitStudy.FromJson(await File.ReadAllTextAsync(folder["c.json"], TestContext.Current.CancellationToken));
        study.Circuit.Edges.Count.ShouldBe(12);
        var edge = study.Circuit.Edges[0];
        @out.ShouldContain($"{edge.From} -> {edge.To}");
        @out.ShouldContain(edge.Score.ToString("+0.0000;-0.0000", CultureInfo.InvariantCulture));
        @out.ShouldContain(study.Curve[^1].Kept.ToString("0.000", CultureInfo.InvariantCulture));
        study.Curve[^1].RandomKept.Count.ShouldBe(5);
        study.Patched.Count.ShouldBe(12);
        study.Minimality.Count.ShouldBe(12);
        var page = await File.ReadAllTextAsync(folder["c.html"], TestContext.Current.CancellationToken);
        page.ShouldContain("<svg");
        page.ShouldContain($"{edge.From} → {edge.To}");
        page.ShouldNotContain("<script");

        var (again, json, _) = await CommandLine.RunAsync([.. Text, "--edges", "12", "--json"]);
        again.ShouldBe(0);
        var found = JsonDocument.Parse(json).RootElement;
        found.GetProperty("clean_value").GetDouble().ShouldBe(study.CleanValue);
        found.GetProperty("circuit").GetProperty("edges")[0].GetProperty("score").GetDouble().ShouldBe(edge.Score);
    }

    [Theory]
    [InlineData("--method", "exact", "--positions")]
    [InlineData("--method", "acdc", "--threshold", "0.3")]
    [InlineData("--method", "clean-corrupted", "--threshold", "0.2", "--fill", "zero")]
    [InlineData("--method", "eap", "--select", "top", "--split-words", "--edges", "5")]
    public async Task Every_way_of_finding_gives_edges(params string[] how)
    {
        var (exit, @out, error) = await CommandLine.RunAsync([.. Text, .. how, "--random", "2", "--json"]);
        exit.ShouldBe(0, error);
        var circuit = JsonDocument.Parse(@out).RootElement.GetProperty("circuit").GetProperty("edges");
        circuit.GetArrayLength().ShouldBeGreaterThan(0);
        circuit[0].GetProperty("score").GetDouble().ShouldNotBe(0);
    }

    [Fact]
    public async Task The_word_of_a_flow_policy_comes_in_by_the_keys_and_values_of_layer_1()
    {
        var (exit, @out, error) = await CommandLine.RunAsync("circuit", Flow, "--word", "quickly", "--metric", "speed", "--edges", "8", "-n", "2", "--json");
        exit.ShouldBe(0, error);
        var edges = JsonDocument.Parse(@out).RootElement.GetProperty("circuit").GetProperty("edges").EnumerateArray()
            .Select(e => (From: e.GetProperty("from").GetString()!, To: e.GetProperty("to").GetString()!)).ToArray();
        edges[0].From.ShouldBe("word:quickly");
        edges.Where(e => e.From == "word:quickly").ShouldAllBe(e => e.To.StartsWith("a1.", StringComparison.Ordinal));
        edges.ShouldContain(e => e.To == "outcome");
    }

    [Fact]
    public async Task A_plan_says_what_it_takes_and_runs_nothing()
    {
        var (exit, @out, _) = await CommandLine.RunAsync([.. Text, "--method", "exact", "--plan", "--json"]);
        exit.ShouldBe(0);
        var plan = JsonDocument.Parse(@out).RootElement;
        plan.GetProperty("edges").GetInt64().ShouldBe(262);
        plan.GetProperty("runs").GetInt64().ShouldBe(264);
        (await CommandLine.RunAsync([.. Text, "--plan"])).Out.ShouldContain("with derivatives");
    }

    [Theory]
    [InlineData("--method", "eep", "the nearest is 'eap'")]
    [InlineData("--method", "acdc", "needs --threshold")]
    [InlineData("--edges", "0", "expected 1 or more")]
    [InlineData("--threshold", "-1", "expected a positive number")]
    [InlineData("--way", "0", "expected 1 or more")]
    [InlineData("--resume", "r.json", "goes with --method acdc or exact")]
    public async Task What_cannot_be_is_said_in_one_line(string option, string value, string says) => await RefusedAsync([.. Text, option, value], says);

    [Fact]
    public async Task An_image_encoder_s_class_has_a_circuit_between_two_pictures()
    {
        string[] pictures = [.. new[] { 0, 200 }.Select(red =>
        {
            var file = folder[$"{red}.png"];
            File.WriteAllBytes(file, PictureFile.EncodePng(new Picture(8, 8, [.. Enumerable.Range(0, 8 * 8 * 3).Select(i => (byte)(i % 3 == 0 ? red : i))])));
            return file;
        })];
        string[] asked = ["circuit", Fixtures.Of("models", "vit-classifier"), "--clean", pictures[0], "--corrupted", pictures[1], "--metric", "logit:#0"];
        var (exit, @out, error) = await CommandLine.RunAsync([.. asked, "--method", "exact", "--threshold", "1e-9", "--random", "0", "--json"]);
        exit.ShouldBe(0, error);
        var study = CircuitStudy.FromJson(@out);
        study.Circuit.Edges.Count.ShouldBeInRange((int)(study.Circuit.Of * .9), (int)study.Circuit.Of);
        study.Curve[^1].Kept.ShouldBe(1, 1e-3);
        (await CommandLine.RunAsync([.. asked, "--split-words", "--plan"])).Out.ShouldContain("positions");
        await RefusedAsync([.. asked, "--word", "quickly"], "--word is for policies");
    }

    [Fact]
    public async Task Inputs_that_are_no_pair_are_refused()
    {
        await RefusedAsync(["circuit", Gpt2, "--clean", "#1 #2 #3", "--corrupted", "#1 #2", "--metric", "logit:#5"], "3 tokens, the corrupted one 2");
        await RefusedAsync(["circuit", Gpt2, "--clean", "#1 #2 #3", "--corrupted", "#1 #2 #3", "--metric", "logit:#5"], "alike");
        await RefusedAsync(["circuit", Gpt2, "--clean", "#1 #2 #3", "--metric", "logit:#5"], "1 inputs of --clean and 0 of --corrupted");
        await RefusedAsync(["circuit", Gpt2, "--clean", "#1 #2", "--corrupted", "#1 #3", "--metric", "speed"], "speed");
        await RefusedAsync(["circuit", Flow, "--metric", "speed"], "say with --word");
        await RefusedAsync(["circuit", Flow, "--word", "quickly", "--against", "very very", "--metric", "speed"], "expected as many");
        await RefusedAsync(["circuit", Fixtures.Of("models", "bert-classifier"), "--clean", "#1 #2", "--corrupted", "#1 #3", "--metric", "logit:#0"], "a sum");
    }

    private static async Task RefusedAsync(string[] arguments, string says)
    {
        var (exit, _, error) = await CommandLine.RunAsync(arguments);
        exit.ShouldBe(1, error);
        error.ShouldContain(says);
        error.TrimEnd().Split('\n').Length.ShouldBeLessThanOrEqualTo(2, error);
    }
}
