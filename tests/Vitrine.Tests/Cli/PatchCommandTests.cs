using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Vitrine.Mechanisms.Patching;

namespace Vitrine.Tests.Cli;

/// <summary><c>vitrine patch</c>: what it prints, what its JSON says, what it refuses.</summary>
public sealed class PatchCommandTests : IDisposable
{
    private const string Clean = "the red block", Corrupted = "the red table";
    private readonly TemporaryFolder folder = new();

    private static string Model => Fixtures.Of("models", "gpt2");

    private static string[] Pair => ["patch", Model, "--clean", Clean, "--corrupted", Corrupted, "--metric", "logit_difference:#3/#7"];

    [Theory]
    [InlineData("--point", "resid_pre,mlp.out", "--by", "layer,position")]
    [InlineData("--point", "z", "--by", "head", "--noise")]
    [InlineData("--point", "neurons", "--by", "neuron", "--neurons", "0-5", "--method", "attribution")]
    [InlineData("--method", "path", "--into", "q,v", "--layers", "0")]
    public async Task Tables_and_json_have_the_same_numbers(params string[] asked)
    {
        var page = folder["page.html"];
        var (exit, table, error) = await CommandLine.RunAsync(80, [.. Pair, .. asked, "--top", "3", "--page", page]);
        exit.ShouldBe(0, error);
        table.Split('\n').Max(l => l.TrimEnd().Length).ShouldBeLessThanOrEqualTo(200);
        var result = PatchResult.FromJson(await JsonAsync([.. Pair, .. asked]));
        var first = result.Cells.MaxBy(c => Math.Abs(result.Change(c)))!;
        result.Change(first).ShouldNotBe(0);
        var (_, wide, _) = await CommandLine.RunAsync(200, [.. Pair, .. asked, "--top", "3"]);
        wide.ShouldContain(first.Cell.Name);
        wide.ShouldContain(first.Mean.ToString("0.0000", CultureInfo.InvariantCulture));
        File.ReadAllText(page).ShouldContain("How it was made");
    }

    [Fact]
    public async Task One_input_is_noised_or_ablated()
    {
        string[] one = ["patch", Model, "--clean", Clean, "--metric", "logit:#3"];
        var traced = PatchResult.FromJson(await JsonAsync([.. one, "--method", "tracing", "--subject", "1", "--samples", "2", "--by", "position"]));
        traced.Patched.Count.ShouldBe(2);
        var ablated = PatchResult.FromJson(await JsonAsync([.. one, "--method", "ablate", "--with", "mean", "--point", "attn.out"]));
        ablated.Source.ShouldBeNull();
        (await folder.RefusedAsync([.. one, "--method", "tracing"])).ShouldContain("--subject");
        (await folder.RefusedAsync([.. one, "--corrupted", Corrupted, "--method", "ablate"])).ShouldContain("--clean alone");
    }

    [Fact]
    public async Task A_policy_is_asked_about_a_word()
    {
        var result = PatchResult.FromJson(await JsonAsync(
            "patch", "embedded:tabletop", "--word", "quickly", "--metric", "speed", "--point", "attn.out", "-n", "2"));
        result.Cells.MaxBy(result.Change)!.Cell.Layer.ShouldBe(5);
        (await folder.RefusedAsync("patch", "embedded:tabletop", "--clean", "a", "--metric", "speed")).ShouldContain("--word WORD");
        (await folder.RefusedAsync(
            "patch", "embedded:tabletop", "--word", "quickly", "--metric", "speed", "--by", "position", "-n", "1")).ShouldContain("positions must match");
    }

    [Theory]
    [InlineData("--by", "position")]
    [InlineData("--method", "attribution", "--integrate", "inputs", "--integration-steps", "3")]
    [InlineData("--method", "path", "--into", "q,v")]
    public async Task A_plan_is_printed_and_nothing_is_run(params string[] how)
    {
        var plan = JsonDocument.Parse(await JsonAsync([.. Pair, .. how, "--plan"])).RootElement;
        plan.GetProperty("cells").GetInt32().ShouldBe(PatchResult.FromJson(await JsonAsync([.. Pair, .. how])).Cells.Count);
        plan.GetProperty("forwards").GetDouble().ShouldBeGreaterThan(0);
        plan.GetProperty("passes").GetInt32().ShouldBeGreaterThan(0);
        plan.GetProperty("memory").GetInt64().ShouldBeGreaterThan(0);
        var (exit, table, error) = await CommandLine.RunAsync([.. Pair, .. how, "--plan"]);
        exit.ShouldBe(0, error);
        table.ShouldContain($"{plan.GetProperty("cells").GetInt32()} in each of 1 pairs");
    }

    [Theory]
    [InlineData("--by", "position")]
    [InlineData("--method", "attribution", "--by", "position")]
    [InlineData("--method", "attribution", "--integrate", "activations", "--integration-steps", "2", "--window", "2")]
    public async Task A_sweep_is_resumed_from_its_file(params string[] how)
    {
        var file = folder["done.json"];
        var first = await JsonAsync([.. Pair, .. how, "--resume", file]);
        (await JsonAsync([.. Pair, .. how])).ShouldBe(first);

        // Half of it is forgotten, and one cell that is kept says that it is taken from the file.
        var kept = JsonNode.Parse(await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken))!;
        var cells = kept["done"]![0]!.AsArray();
        for (var i = cells.Count / 2; i < cells.Count; i++)
        {
            cells[i] = null;
        }

        cells[0] = 123.5;
        await File.WriteAllTextAsync(file, kept.ToJsonString(), TestContext.Current.CancellationToken);
        var (whole, again) = (PatchResult.FromJson(first), PatchResult.FromJson(await JsonAsync([.. Pair, .. how, "--resume", file])));
        again.Cells[0].Mean.ShouldBe(123.5);
        again.Cells.Skip(1).Select(c => c.Mean).ShouldBe(whole.Cells.Skip(1).Select(c => c.Mean), 1e-5);
        (await folder.RefusedAsync([.. Pair, .. how, "--noise", "--resume", file])).ShouldContain("other cells");
    }

    [Theory]
    [InlineData("gives none", "--metric", "speed")]
    [InlineData("positions must match", "--corrupted", "the red table is long and longer")]
    [InlineData("the contrast changes nothing", "--corrupted", Clean)]
    [InlineData("MB are allowed", "--memory", "0.001")]
    [InlineData("MB are allowed", "--method attribution --memory", "0.001")]
    [InlineData("no point 'resid_pro'", "--point", "resid_pro")]
    [InlineData("known are layer", "--by", "words")]
    [InlineData("--method is 'magic'", "--method", "magic")]
    [InlineData("is no number and no range", "--layers", "a-b")]
    [InlineData("--word is for policies", "--word", "quickly")]
    public async Task What_does_not_fit_is_said_in_one_line(string says, string option, string value)
    {
        string[] others = [.. Pair.Chunk(2).Where(p => p[0] != option).SelectMany(p => p)];
        (await folder.RefusedAsync([.. others, .. option.Split(' '), value])).ShouldContain(says);
    }

    public void Dispose() => folder.Dispose();

    private static async Task<string> JsonAsync(params string[] args)
    {
        var (exit, text, error) = await CommandLine.RunAsync([.. args, "--json"]);
        exit.ShouldBe(0, error);
        return text.Trim();
    }
}
