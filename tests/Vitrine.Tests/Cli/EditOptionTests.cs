using System.Reflection;
using System.Text.Json;
using Vitrine.Checkpoints;
using Vitrine.Checkpoints.Gguf;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using static TorchSharp.torch;

namespace Vitrine.Tests.Cli;

/// <summary>Edits in the command line do what the same edits of a plan file do.</summary>
public sealed class EditOptionTests : IDisposable
{
    private const string Text = "the red block";
    private readonly TemporaryFolder folder = new();

    private static string Llama => Fixtures.Of("models", "llama");

    [Fact]
    public async Task Clamps_and_ablations_are_those_of_a_plan()
    {
        var neurons = new NeuronSet([new(0, 1), new(0, 2)]);
        await SameAsync(["--clamp", "0:1,0:2=3"], new Clamp(neurons, 3));
        await SameAsync(["--clamp", "language.0:1=-0.5", "--clamp", "1:0=2"], new Clamp(new([new(0, 1)]), -0.5), new Clamp(new([new(1, 0)]), 2));
        await SameAsync(["--ablate", "language.1.attn.z:1"], new Zero("language.1.attn.z") { Scope = new() { Heads = [1] } });
        await SameAsync(["--ablate", "language.*.attn.out"], new Zero("language.*.attn.out"));
        await SameAsync(["--ablate", "language.1.resid_mid:0,3"], new Zero("language.1.resid_mid") { Scope = new() { Neurons = [0, 3] } });
        await SameAsync(["--ablate", "0:1"], new Clamp(new([new(0, 1)]), 0));
    }

    [Fact]
    public async Task Tensors_and_control_vectors_are_added_times_their_factor()
    {
        using var model = TextModel.Open(Llama);
        var width = model.Language.Shape.Width;
        var direction = Enumerable.Range(0, width).Select(i => (float)Math.Sin(i)).ToArray();
        using var up = tensor(direction);
        SafetensorsFile.Save(folder["d.safetensors"], new Dictionary<string, Tensor> { ["language.1.resid_post"] = up, ["up"] = up });
        new ControlVector("llama", new Dictionary<int, float[]> { [1] = direction }).Write(folder["c.gguf"]);
        var (half, one) = (new Add("language.1.resid_post", EditValue.Of(direction), 0.5), new Add("language.1.resid_post", EditValue.Of(direction)));
        await SameAsync(["--add", $"{folder["d.safetensors"]}:language.1.resid_post=0.5"], half);
        await SameAsync(["--add", $"{folder["d.safetensors"]}:up@language.1.resid_post=0.5"], half);
        await SameAsync(["--add-control-vector", folder["c.gguf"]], one);
        await SameAsync(["--add-control-vector", $"{folder["c.gguf"]}=0.5"], half);
        (await folder.RefusedAsync("run", Llama, Text, "--add", $"{folder["d.safetensors"]}:up=1")).ShouldContain("'up' is no address");
        (await folder.RefusedAsync("run", Llama, Text, "--add", $"{folder["d.safetensors"]}:dawn@language.1.resid_post=1")).ShouldContain("dawn");
    }

    [Theory]
    [InlineData("--clamp", "5-111=3", "--clamp is '5-111=3'; expected LAYER:INDEX=VALUE")]
    [InlineData("--clamp", "0:1=much", "--clamp is '0:1=much'")]
    [InlineData("--clamp", "0:1,siglip.0:1=3", "several stacks")]
    [InlineData("--ablate", "language.0.attn.z:x", "--ablate is 'language.0.attn.z:x'")]
    [InlineData("--ablate", "language.0.attn.z:99", "head 99")]
    [InlineData("--add", "direction.pt:key=2", "--add is 'direction.pt:key=2'")]
    public async Task A_text_that_is_no_edit_is_named(string option, string text, string expected)
        => (await folder.RefusedAsync("run", Llama, Text, option, text)).ShouldContain(expected);

    [Fact]
    public async Task An_unknown_kind_names_the_known_ones_and_the_kind_may_stand_anywhere()
    {
        File.WriteAllText(folder["plan.json"], """{"edits": [{"at": "language.0.attn.z", "edit": "zero"}]}""");
        await SameAsync(["--edit", folder["plan.json"]], new Zero("language.0.attn.z"));
        File.WriteAllText(folder["plan.json"], """{"edits": [{"edit": "zero", "at": "language.0.attn.z"}, {"edit": "clmp"}]}""");
        var line = await folder.RefusedAsync("run", Llama, Text, "--edit", folder["plan.json"]);
        line.ShouldContain("edits[1]: 'clmp' is no kind of edit");
        line.ShouldContain("clamp, conceptor");
    }

    [Fact]
    public async Task Every_kind_is_listed_with_its_fields()
    {
        var (exit, @out, _) = await CommandLine.RunAsync("edits");
        exit.ShouldBe(0);
        // Other tests load libraries with edits of their own.
        foreach (var kind in typeof(Edit).Assembly.GetTypes().Select(t => t.GetCustomAttribute<EditNameAttribute>()?.Name).OfType<string>())
        {
            @out.ShouldContain($"  {kind} ");
            (await CommandLine.RunAsync("edits", kind)).Out.ShouldStartWith($"{kind}: ");
        }

        JsonDocument.Parse((await CommandLine.RunAsync("edits", "--json")).Out).RootElement.GetProperty("$defs").GetProperty("clamp").ValueKind
            .ShouldBe(JsonValueKind.Object);
        (await CommandLine.RunAsync("edits", "clmp")).Error.ShouldContain("expected one of add, clamp");
    }

    public void Dispose() => folder.Dispose();

    private async Task SameAsync(string[] options, params Edit[] edits)
    {
        using var model = TextModel.Open(Llama);
        using var run = model.Run(model.Encode(Text), RunPlan.Editing(edits));
        using var plain = model.Run(model.Encode(Text));
        run.Logits.equal(plain.Logits).all().item<bool>().ShouldBeFalse("the edit must change something");
        var (exit, _, error) = await CommandLine.RunAsync(["run", Llama, Text, "--out", folder["out.safetensors"], .. options]);
        exit.ShouldBe(0, error);
        using var file = SafetensorsFile.Open(folder["out.safetensors"]);
        using var logits = file.Read("out.logits");
        logits.equal(run.Logits).all().item<bool>().ShouldBeTrue(string.Join(' ', options));
    }
}
