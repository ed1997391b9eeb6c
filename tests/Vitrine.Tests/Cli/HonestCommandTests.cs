using System.Text.Json;
using Vitrine.Policies;
using Vitrine.Tests.Checkpoints;

namespace Vitrine.Tests.Cli;

/// <summary>What the command says of answers that are no numbers, of edits that touch nothing, and how much it lists.</summary>
public sealed class HonestCommandTests : IDisposable
{
    private const string Tabletop = "embedded:tabletop", Bowl = "the red bowl", Allow = "--allow-nonfinite";
    private static readonly string Picture = Path.Combine(Fixtures.Repository, "examples", "scene.png");
    private readonly TemporaryFolder folder = new();
    private readonly List<PatchedModel> patched = [];

    /// <remarks>A weight of the second block is NaN, so every logit is.</remarks>
    [Fact]
    public async Task A_text_model_whose_logits_are_NaN_answers_nothing()
    {
        var model = Broken(Fixtures.Of("models", "llama"), "layers.1.mlp.down_proj.weight");
        string[][] asked = [["generate", model, Bowl, "-n", "6", "--json"], ["generate", model, Bowl, "--temperature", "1"], ["run", model, Bowl]];
        foreach (var args in asked)
        {
            var line = await folder.RefusedAsync(args);
            line.ShouldContain("NaN");
            line.ShouldContain("logit");
            line.ShouldContain("the first point that is not finite is 'language.1.mlp.out'");
        }

        Ids(await Json("generate", model, Bowl, "-n", "6", "--json", Allow)).ShouldBe([0, 0, 0, 0, 0, 0]);
        (await Json("run", model, Bowl, "--json", Allow)).GetProperty("answers")[0].GetProperty("logit").GetString().ShouldBe("NaN");
    }

    [Fact]
    public async Task A_policy_whose_logits_are_NaN_does_not_move()
    {
        using var embedded = Policy.Open(Tabletop);
        var policy = Broken(embedded.Folder, "language_model.model.layers.0.mlp.down_proj.weight");
        const string First = "the first point that is not finite is 'language.0.mlp.out'";
        (await folder.RefusedAsync("act", policy, Picture, "touch the plum wedge")).ShouldContain(First);
        var line = await folder.RefusedAsync("rollout", policy, "-n", "1", "--steps", "3", "--workers", "1");
        line.ShouldContain("rollout, step 0 of reach 0");
        line.ShouldContain(First);
        (await folder.RefusedAsync("calibrate", policy, "-n", "2", "--out", folder["calibration.json"])).ShouldContain(First);
        var acted = await Json("act", policy, Picture, "touch the plum wedge", "--json", Allow);
        acted.GetProperty("tokens").GetProperty("expected")[0].GetString().ShouldBe("NaN");
        (await CommandLine.RunAsync("rollout", policy, "-n", "1", "--steps", "2", Allow)).Exit.ShouldBe(0);
        (await CommandLine.RunAsync("calibrate", policy, "-n", "2", "--out", folder["calibration.json"], Allow)).Exit.ShouldBe(0);
    }

    [Fact]
    public async Task A_policy_whose_neurons_are_NaN_is_not_steered()
    {
        using var embedded = Policy.Open(Tabletop);
        var policy = Broken(embedded.Folder, "language_model.model.layers.0.mlp.up_proj.weight");
        string[] asked = ["steer", policy, "mine", "--set", Sets(), "-n", "2", "--draws", "1"];
        (await folder.RefusedAsync(asked)).ShouldContain("the first point that is not finite is 'language.0.mlp.up'");
        (await Json([.. asked, "--json", Allow]))[0].GetProperty("soft").GetProperty("mean").GetString().ShouldBe("NaN");
    }

    [Fact]
    public async Task An_image_encoder_and_classifiers_whose_answers_are_NaN_show_nothing()
    {
        var vit = Broken(Fixtures.Of("models", "vit-classifier"), "layer.0.output.dense.weight");
        (await folder.RefusedAsync("classify", vit, Picture)).ShouldContain("the first point that is not finite is 'vision.0.mlp.out'");
        (await folder.RefusedAsync("image", vit, Picture)).ShouldContain("'vision.0.mlp.out'");
        var text = Broken(Fixtures.Of("models", "bert-classifier"), "layer.0.output.dense.weight");
        (await folder.RefusedAsync("run", text, Bowl)).ShouldContain("of the class logits");
    }

    [Theory, InlineData("lm_head.weight", "the unembedding of token 0"), InlineData("layers.1.mlp.down_proj.weight", "the value vector of neuron 1:0")]
    public async Task Value_vectors_are_not_read_in_what_is_no_number(string tensor, string what)
    {
        var model = Broken(Fixtures.Of("models", "llama"), tensor);
        (await folder.RefusedAsync("neurons", model, "--layer", "1")).ShouldContain(what);
        (await folder.RefusedAsync("neurons", "diff", Fixtures.Of("models", "llama"), model)).ShouldContain(what);
    }

    [Fact]
    public async Task An_edit_that_touches_nothing_is_a_warning_in_one_line()
    {
        var model = Fixtures.Of("models", "llama");
        var edits = folder["edits.json"];
        File.WriteAllText(edits, """
            {"edits": [{"edit": "zero", "at": "language.0.mlp.out"}, {"edit": "zero", "at": "language.0.mlp.out", "scope": {"positions": {"indices": [99]}}}]}
            """);
        const string Warning = "warning: edit 1 (zero at language.0.mlp.out) touched nothing: no token of the run stands where it acts";
        foreach (var args in (string[][])[["run", model, Bowl], ["generate", model, Bowl, "-n", "3", "--json"]])
        {
            var (exit, _, error) = await CommandLine.RunAsync([.. args, "--edit", edits]);
            exit.ShouldBe(0, error);
            error.Trim().Split('\n').ShouldHaveSingleItem().ShouldStartWith(Warning);
        }

        var (acted, _, said) = await CommandLine.RunAsync("act", Tabletop, Picture, "touch the plum wedge", "--edit", edits);
        acted.ShouldBe(0, said);
        said.Trim().Split('\n').ShouldHaveSingleItem().ShouldStartWith(Warning);
        var (rolled, _, told) = await CommandLine.RunAsync("rollout", Tabletop, "-n", "1", "--steps", "2", "--edit", edits);
        rolled.ShouldBe(0, told);
        told.Split('\n').Where(l => l.StartsWith("warning", StringComparison.Ordinal)).ShouldHaveSingleItem()
            .ShouldStartWith($"warning: arm '{Tabletop}', edit 1 (zero at language.0.mlp.out) touched nothing: no token");
        (await CommandLine.RunAsync("run", model, Bowl, "--edit", Plain())).Error.ShouldBeEmpty();
    }

    [Theory, InlineData("3", 3), InlineData("1", 1), InlineData("100000", null), InlineData(null, null)]
    public async Task Neurons_as_JSON_are_as_many_as_were_asked_for(string? count, int? expected)
    {
        var model = Fixtures.Of("models", "llama");
        using var opened = Vitrine.Transformers.TextModel.Open(model);
        var listed = await Json(["neurons", model, "--layer", "0", "--json", .. count is null ? Array.Empty<string>() : ["-n", count]]);
        listed.EnumerateArray().Select(n => n.GetProperty("index").GetInt32()).ShouldBe(Enumerable.Range(0, expected ?? opened.Language.Shape.Neurons));
    }

    [Theory]
    [InlineData("rollout", Tabletop, "-n", "1", "--steps", "1")]
    [InlineData("neurons", Tabletop)]
    [InlineData("neurons", "diff", Tabletop, Tabletop)]
    [InlineData("concepts", Tabletop, "fast")]
    [InlineData("concepts", Tabletop, "--action", "+", "-n", "100000")]
    [InlineData("image", Tabletop, "examples/scene.png")]
    [InlineData("steer", Tabletop, "fast", "-n", "1", "--draws", "1")]
    public async Task Statistics_of_nothing_are_absent_and_never_NaN(params string[] args)
    {
        var (exit, @out, error) = await CommandLine.RunAsync([.. args.Select(a => a == "examples/scene.png" ? Picture : a), "--json"]);
        exit.ShouldBe(0, error);
        @out.ShouldNotContain("NaN");
        @out.ShouldNotContain("Infinity");
    }

    public void Dispose()
    {
        patched.ForEach(p => p.Dispose());
        folder.Dispose();
    }

    private string Broken(string source, string tensor)
    {
        patched.Add(new PatchedModel(source));
        return patched[^1].Set(patched[^1].NameOf(tensor), float.NaN).Folder;
    }

    private string Sets()
    {
        File.WriteAllText(folder["sets.yaml"], "stack: language\nsets:\n  mine: [[5, 111], [5, 130]]\n");
        return folder["sets.yaml"];
    }

    private string Plain()
    {
        File.WriteAllText(folder["plain.json"], """{"edits": [{"edit": "scale", "at": "language.0.mlp.out", "factor": 2}]}""");
        return folder["plain.json"];
    }

    private static async Task<JsonElement> Json(params string[] args)
    {
        var (exit, @out, error) = await CommandLine.RunAsync(args);
        exit.ShouldBe(0, error);
        return JsonDocument.Parse(@out).RootElement;
    }

    private static int[] Ids(JsonElement of) => [.. of.GetProperty("ids").EnumerateArray().Select(i => i.GetInt32())];
}
