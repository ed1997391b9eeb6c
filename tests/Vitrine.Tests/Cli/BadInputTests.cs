using System.Text.Json.Nodes;
using Vitrine.Cli;
using Vitrine.Inputs.Pictures;

namespace Vitrine.Tests.Cli;

/// <summary>Bad input ends in one line that names the thing, exit code 1, and nothing half-written.</summary>
public sealed class BadInputTests : IDisposable
{
    private const string Tabletop = "embedded:tabletop";
    private readonly TemporaryFolder folder = new();

    [Fact]
    public async Task An_unknown_option_is_wrong_usage()
    {
        var (exit, _, error) = await CommandLine.RunAsync("inspect", Tabletop, "--sideways");
        exit.ShouldBe(2);
        error.ShouldContain("--sideways");
    }

    [Fact]
    public async Task An_unknown_embedded_policy_is_told_the_nearest()
        => (await RefusedAsync("inspect", "embedded:tabeltop")).ShouldContain("the nearest is 'embedded:tabletop'");

    [Fact]
    public async Task A_folder_that_is_not_there_is_named()
        => (await RefusedAsync("inspect", folder["nowhere"])).ShouldContain("nowhere");

    [Fact]
    public async Task A_truncated_checkpoint_is_named()
    {
        const string Weights = "model.safetensors";
        folder.LinkFrom(Policy, Weights);
        File.WriteAllBytes(folder[Weights], File.ReadAllBytes(Path.Combine(Policy, Weights))[..100_000]);
        var error = await RefusedAsync("inspect", folder.Path);
        error.ShouldContain(Weights);
        error.ShouldContain("truncated");
    }

    [Fact]
    public async Task A_missing_shard_is_named()
    {
        folder.LinkFrom(Policy, "model.safetensors");
        File.WriteAllText(folder["model.safetensors.index.json"], """{"weight_map": {"language_model.lm_head.weight": "model-00001-of-00002.safetensors"}}""");
        (await RefusedAsync("inspect", folder.Path)).ShouldContain("the shard 'model-00001-of-00002.safetensors' is missing");
    }

    [Fact]
    public async Task An_unknown_activation_is_told_the_nearest()
    {
        folder.LinkFrom(Policy, "config.json");
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(Policy, "config.json")))!;
        config["text_config"]!["hidden_act"] = "sulu";
        File.WriteAllText(folder["config.json"], config.ToJsonString());
        var error = await RefusedAsync("inspect", folder.Path);
        error.ShouldContain("hidden_act is 'sulu'");
        error.ShouldContain("'silu'");
    }

    [Fact]
    public async Task An_address_that_the_model_lacks_is_told_the_nearest()
    {
        File.WriteAllText(folder["plan.json"], """{"capture": ["language.0.attn.q_nrom"]}""");
        (await RefusedAsync("act", Tabletop, Picture(), "touch the red cube", "--edit", folder["plan.json"])).ShouldContain("the nearest");
    }

    [Fact]
    public async Task An_edit_outside_the_tensor_is_refused_with_the_size()
    {
        File.WriteAllText(folder["plan.json"], """{"edits": [{"edit": "zero", "at": "language.0.mlp.neurons", "scope": {"neurons": [100000]}}]}""");
        var error = await RefusedAsync("act", Tabletop, Picture(), "touch the red cube", "--edit", folder["plan.json"]);
        error.ShouldContain("100000");
        error.ShouldContain("language.0.mlp.neurons");
    }

    [Fact]
    public async Task A_neuron_beyond_the_layer_is_refused_with_the_size()
    {
        File.WriteAllText(folder["plan.json"], """{"edits": [{"edit": "clamp", "neurons": {"stack": "language", "neurons": [[0, 99999]]}, "values": [1]}]}""");
        (await RefusedAsync("act", Tabletop, Picture(), "touch the red cube", "--edit", folder["plan.json"])).ShouldContain("99999");
    }

    [Fact]
    public async Task A_picture_that_is_none_is_refused()
    {
        File.WriteAllText(folder["picture.png"], "not a picture");
        (await RefusedAsync("act", Tabletop, folder["picture.png"], "touch the red cube")).ShouldContain("picture.png");
    }

    [Fact]
    public async Task An_unknown_data_set_is_told_the_known_ones()
        => (await RefusedAsync("act", Tabletop, Picture(), "touch the red cube", "--unnorm-key", "bridge")).ShouldContain("known are tabletop");

    [Fact]
    public async Task A_plan_that_is_no_json_is_named()
    {
        File.WriteAllText(folder["plan.json"], "{");
        (await RefusedAsync("act", Tabletop, Picture(), "touch the red cube", "--edit", folder["plan.json"])).ShouldContain("plan.json");
    }

    [Theory]
    [InlineData("demo", "--out")]
    [InlineData("rollout", "--out", "--layouts", "1", "--steps", "1")]
    [InlineData("calibrate", "--out", "embedded:tabletop", "--states", "2")]
    public async Task An_output_that_cannot_be_written_is_named(string verb, string option, params string[] rest)
    {
        File.WriteAllText(folder["file"], "in the way");
        var target = Path.Combine(folder["file"], "below");
        (await RefusedAsync([verb, .. rest, option, target])).ShouldContain(target);
    }

    [Theory]
    [InlineData("--layouts is -1", "monitor", "train", "-n", "-1")]
    [InlineData("--steps is 0", "monitor", "train", "--steps", "0")]
    [InlineData("--shuffles is -1", "monitor", "train", "--shuffles", "-1")]
    [InlineData("--tasks names none", "monitor", "train", "--tasks", ",")]
    [InlineData("false alarms NaN", "monitor", "train", "--false-alarms", "nan")]
    [InlineData("kind 7", "monitor", "train", "--kind", "7")]
    [InlineData("--layouts is -1", "train", "tabletop", "-n", "-1")]
    [InlineData("--layouts is -1", "locate", Tabletop, "--word", "quickly", "--layouts", "-1")]
    [InlineData("--draws is 0", "locate", Tabletop, "--word", "quickly", "--draws", "0")]
    [InlineData("no task is named", "locate", Tabletop, "--word", "quickly", "--tasks", ",")]
    [InlineData("--word is empty", "locate", Tabletop, "--word", " ")]
    [InlineData("--without is empty", "locate", Tabletop, "--word", "quickly", "--without", "")]
    public async Task A_number_or_list_that_makes_no_sense_is_named_before_the_work(string expected, params string[] args)
    {
        string[] output = args[0] == "locate" ? [] : ["--out", folder["m.json"]];
        (await RefusedAsync([.. args, .. output])).ShouldContain(expected);
    }

    [Theory]
    [InlineData("--position: is of texts", "lens", Tabletop, "--position", "9999")]
    [InlineData("--method: names none", "attribute", Tabletop, "--method", "")]
    public async Task An_option_that_would_be_ignored_is_refused(string expected, params string[] args)
        => (await RefusedAsync(args)).ShouldContain(expected);

    [Theory]
    [InlineData("-1 layouts of each", "-n", "-1")]
    [InlineData("0 steps", "--steps", "0")]
    [InlineData("0 tasks", "--tasks", ",")]
    public async Task Perturbations_without_an_episode_are_refused(string expected, params string[] args)
        => (await RefusedAsync(["perturb", "expert", "--points", "4", .. args])).ShouldContain(expected);

    [Theory]
    [InlineData("explain", Tabletop, "--word", "quickly", "--metric", "speed", "--page")]
    [InlineData("locate", Tabletop, "--word", "quickly", "--page")]
    [InlineData("probe", Tabletop, "--word", "red", "--out")]
    public async Task A_folder_where_a_file_is_to_be_written_is_refused_before_the_work(params string[] args)
        => (await RefusedAsync([.. args, folder.Path])).ShouldContain("is a folder");

    [Fact]
    public async Task A_monitor_that_could_not_be_saved_is_refused_before_it_is_trained()
        => (await RefusedAsync("monitor", "train", "--out", folder["m.txt"])).ShouldContain("ends in .json");

    [Fact]
    public async Task An_output_that_takes_no_more_is_told_in_one_line()
    {
        using var error = new StringWriter();
        using var full = new FullWriter();
        SharedConsole.Redirect(full, error);
        (await Output.RunAsync(VitrineCommand.Create(), ["tokens", Fixtures.Of("models", "llama"), "hi", "--json"])).ShouldBe(1);
        error.ToString().Trim().ShouldBe("the output, or a file, cannot be written or read (no space is left).");
    }

    /// <remarks>As TorchSharp throws it where a file of libtorch is missing.</remarks>
    [Fact]
    public async Task A_missing_libtorch_is_told_in_one_line()
    {
        using var error = new StringWriter();
        SharedConsole.Redirect(TextWriter.Null, error);
        var root = VitrineCommand.Create();
        var verb = new System.CommandLine.Command("compute");
        verb.SetAction(int (_) => throw new TypeInitializationException("TorchSharp.torch", new NotSupportedException("a trace\nof many lines")));
        root.Add(verb);
        (await Output.RunAsync(root, ["compute"])).ShouldBe(1);
        error.ToString().Trim().ShouldBe($"libtorch cannot be loaded; its files belong beside the command, in {AppContext.BaseDirectory}");
    }

    [Fact]
    public async Task A_folder_without_goldens_cannot_be_certified()
        => (await RefusedAsync("certify", folder.Path)).ShouldContain("meta.json");

    public void Dispose() => folder.Dispose();

    private sealed class FullWriter : StringWriter
    {
        public override void WriteLine(string? value) => throw new IOException("no space is left");
    }

    private static string Policy => Vitrine.Policies.Policy.Catalog.Locate(Tabletop).Folder;

    private string Picture()
    {
        File.WriteAllBytes(folder["scene.png"], PictureFile.EncodePng(new Picture(8, 8, new byte[192])));
        return folder["scene.png"];
    }

    private Task<string> RefusedAsync(params string[] args) => folder.RefusedAsync(args);
}
