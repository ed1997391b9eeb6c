using System.Text.Json;
using Vitrine.Certification;
using Vitrine.Checkpoints;
using Vitrine.Cli.Inspecting;
using Vitrine.Tests.Policies;

namespace Vitrine.Tests.Cli;

/// <summary><c>vitrine inspect</c> on every model of the fixtures, and without one.</summary>
public sealed class InspectCommandTests
{
    /// <summary>All but small policies whose sizes are those of no published one.</summary>
    public static TheoryData<string> Models()
    {
        var data = new TheoryData<string>();
        var models = Path.Combine(Fixtures.Root, "models");
        foreach (var folder in Directory.Exists(models) ? Directory.GetDirectories(models).Order(StringComparer.Ordinal) : Enumerable.Empty<string>())
        {
            using var fixture = Fixture.Open(folder);
            if (File.Exists(Path.Combine(folder, "config.json")) && PolicyExample.SaysItsSizes(Path.GetFileName(folder))
                && Certifiers.All.Any(c => c.Knows(fixture)))
            {
                data.Add(Path.GetFileName(folder));
            }
        }

        return data;
    }

    /// <remarks>Sizes of the published ones follow from their names and widths; of others no file says the heads, and a library gives them.</remarks>
    [Theory]
    [InlineData("pi0", "PiOptions.VisionHeads")]
    [InlineData("pi05", "PiOptions.VisionHeads")]
    [InlineData("pi0-fast", "PiOptions.VisionHeads")]
    [InlineData("openvla-oft", "OftOptions.TimmArguments")]
    public async Task Heads_that_no_file_says_are_asked_for_by_name(string name, string option)
    {
        var (exit, _, error) = await CommandLine.RunAsync("inspect", Fixtures.Of("models", name));
        exit.ShouldBe(1);
        error.ShouldContain("no file says how many heads");
        error.ShouldContain(option);
    }

    [Theory, MemberData(nameof(Models))]
    public async Task Every_model_shows_stacks_blocks_weights_and_what_was_certified(string name)
    {
        var folder = Fixtures.Of("models", name);
        var model = await JsonOf(folder);
        var stacks = model.GetProperty("stacks").EnumerateArray().ToArray();
        stacks.ShouldNotBeEmpty();
        foreach (var stack in stacks.Where(s => s.GetProperty("blocks").GetArrayLength() > 0))
        {
            var grouped = stack.GetProperty("blocks").EnumerateArray().SelectMany(b => b.GetProperty("layers").EnumerateArray()).Select(l => l.GetInt32());
            grouped.Order().ShouldBe(Enumerable.Range(0, stack.GetProperty("layers").GetInt32()), "each layer stands in one group");
            stack.GetProperty("points").EnumerateArray().Select(p => p.GetString()).ShouldContain("mlp.neurons");
        }

        stacks.ShouldContain(s => s.GetProperty("blocks").GetArrayLength() > 0);
        var weights = model.GetProperty("weights");
        weights.GetProperty("formats").EnumerateArray().Sum(f => f.GetProperty("count").GetInt64()).ShouldBe(model.GetProperty("parameters").GetInt64());
        model.GetProperty("certified").GetString()!.ShouldStartWith("certified: ");
        model.GetProperty("fingerprint").GetString()!.Length.ShouldBe(64);
        var config = ConfigReader.Open(Path.Combine(folder, "config.json"));
        var ofRobots = config.Has("input_features");                                                       // LeRobot's files, which lie in folders inside
        model.GetProperty("family").GetString().ShouldBe(ofRobots ? config.Text("type") : config.Text("model_type", "timm"));
        (model.GetProperty("classes").ValueKind == JsonValueKind.Array).ShouldBe(name.Contains("classifier", StringComparison.Ordinal));
        var hasRecipe = File.Exists(Path.Combine(folder, "preprocessor_config.json"));
        (model.GetProperty("picture").ValueKind == JsonValueKind.Array).ShouldBe(hasRecipe || config.Has("pretrained_cfg") || config.Has("vlm_model_name"));
        var words = Directory.GetFiles(folder, "tokenizer.json", ofRobots ? SearchOption.AllDirectories : SearchOption.TopDirectoryOnly);
        (model.GetProperty("tokenizer").ValueKind == JsonValueKind.Object).ShouldBe(words.Length > 0);
    }

    [Theory, MemberData(nameof(Models))]
    public async Task The_same_is_printed_for_people(string name)
    {
        var (exit, @out, error) = await CommandLine.RunAsync("inspect", Fixtures.Of("models", name), "--fingerprint");
        exit.ShouldBe(0, error);
        @out.ShouldContain("fingerprint");
        @out.ShouldContain("mlp.neurons");
        @out.ShouldContain("feed-forward of");
        @out.ShouldContain("dtype auto computes in");
        @out.ShouldContain("comparisons in");
    }

    [Fact]
    public async Task Layers_that_differ_are_told_apart()
    {
        var model = await JsonOf(Fixtures.Of("models", "gemma2"));
        var blocks = model.GetProperty("stacks")[0].GetProperty("blocks").EnumerateArray().ToArray();
        blocks.Length.ShouldBe(2);
        blocks.Select(b => b.GetProperty("value").GetProperty("attention").GetProperty("window").ValueKind)
            .ShouldBe([JsonValueKind.Number, JsonValueKind.Null]);
        (await CommandLine.RunAsync("inspect", Fixtures.Of("models", "gemma2"))).Out.ShouldContain(blocks[1].GetProperty("named").GetString()!);
    }

    [Fact]
    public void Layers_are_named_as_people_write_them()
    {
        LayerGroups.Of([1, 1, 1]).Single().Named.ShouldBe("layers 0 to 2");
        LayerGroups.Of([1, 2, 1, 2, 1]).Select(g => g.Named).ShouldBe(["layers 0, 2, 4", "layers 1, 3"]);
        LayerGroups.Of([1, 2, 2]).Select(g => g.Named).ShouldBe(["layer 0", "layers 1, 2"]);
    }

    [Fact]
    public async Task The_embedded_policy_shows_its_pictures_and_actions()
    {
        var model = await JsonOf("embedded:tabletop");
        model.GetProperty("kind").GetString().ShouldBe("policy");
        model.GetProperty("picture").GetArrayLength().ShouldBeGreaterThan(0);
        model.GetProperty("action_tokens").GetProperty("count").GetInt32().ShouldBeGreaterThan(0);
        model.GetProperty("unnorm_keys").EnumerateArray().Select(k => k.GetString()).ShouldContain("tabletop");
        (await CommandLine.RunAsync("inspect", "embedded:tabletop")).Out.ShouldContain("64 image tokens for each picture");
    }

    [Fact]
    public async Task A_gguf_file_shows_its_number_formats_tokenizer_and_template()
    {
        var model = await JsonOf(SharedModels.Gguf());
        model.GetProperty("family").GetString().ShouldBe("llama");
        model.GetProperty("weights").GetProperty("formats").GetArrayLength().ShouldBeGreaterThan(1);
        model.GetProperty("tokenizer").GetProperty("chat_template").GetBoolean().ShouldBeTrue();
        model.GetProperty("tokenizer").GetProperty("special").EnumerateArray().Select(t => t.GetProperty("text").GetString()).ShouldContain("<|im_start|>");
        var decoding = model.GetProperty("stacks")[0].GetProperty("decoding");
        decoding.GetProperty("matrices").GetInt32().ShouldBe((model.GetProperty("stacks")[0].GetProperty("layers").GetInt32() * 7) + 1);
    }

    [Fact]
    public async Task Without_a_model_every_family_stands_in_the_table()
    {
        var (exit, @out, error) = await CommandLine.RunAsync("inspect", "--json");
        exit.ShouldBe(0, error);
        var names = JsonDocument.Parse(@out).RootElement.EnumerateArray().Select(f => f.GetProperty("name").GetString()!).ToArray();
        foreach (var family in Vitrine.Policies.Policy.Catalog.Families.Select(f => f.Name))
        {
            names.ShouldContain(family);
        }

        (await CommandLine.RunAsync("inspect")).Out.ShouldContain("largest relative error");
    }

    private static async Task<JsonElement> JsonOf(string model)
    {
        var (exit, @out, error) = await CommandLine.RunAsync("inspect", model, "--fingerprint", "--json");
        exit.ShouldBe(0, error);
        return JsonDocument.Parse(@out).RootElement;
    }
}
