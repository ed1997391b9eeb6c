using System.Text.Json;
using Vitrine.Tests.Mechanisms;
using Vitrine.Transformers;

namespace Vitrine.Tests.Cli;

/// <summary><c>vitrine neurons diff</c>: any two models whose stacks have the same neurons.</summary>
[Collection(CommandLine.Collection)]
public sealed class NeuronsDiffCommandTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    /// <summary>All but the small OpenVLA, whose towers are of no published size.</summary>
    public static TheoryData<string> Names() => [.. OpenedModel.Names().Select(r => r.Data).Where(n => n != "openvla")];

    [Theory, MemberData(nameof(Names))]
    public async Task A_changed_neuron_of_any_family_is_found(string name)
    {
        using var model = OpenedModel.Open(name);
        var stack = model is VisionModel ? model.Towers[0].Shape.Name : model.Decoders[0].Shape.Name;
        OpenedModel.CopyWithOneNeuronChanged(name, folder.Path, stack, new Neuron(1, 3));
        var (exit, @out, error) = await CommandLine.RunAsync("neurons", "diff", Fixtures.Of("models", name), folder.Path);
        exit.ShouldBe(0, error);
        @out.ShouldContain("most changed neuron");
        @out.ShouldContain("1:3 ");
        @out.ShouldNotContain("action tokens");
        var speaks = File.Exists(folder["tokenizer.json"]) && model.Decoders.Any(d => d.Shape.Vocabulary > 0);
        @out.ShouldContain(speaks ? "z of the change" : "Tokens are left out: ");
    }

    [Fact]
    public async Task A_policy_s_tower_is_compared_without_words()
    {
        var (exit, @out, error) = await CommandLine.RunAsync("neurons", "diff", "embedded:tabletop", "embedded:tabletop", "--stack", "siglip", "--json");
        exit.ShouldBe(0, error);
        var diff = JsonDocument.Parse(@out).RootElement;
        diff.GetProperty("tokens").GetArrayLength().ShouldBe(0);
        JsonElement[] neurons = [.. diff.GetProperty("neurons").EnumerateArray()];
        neurons.ShouldAllBe(n => n.GetProperty("change").GetDouble() == 0);
        neurons.ShouldAllBe(n => n.GetProperty("base_actions").ValueKind == JsonValueKind.Null);
    }

    [Fact]
    public async Task Stacks_that_do_not_exist_or_do_not_fit_are_refused()
    {
        (await folder.RefusedAsync("neurons", "diff", "embedded:tabletop", "embedded:tabletop", "--stack", "eyes")).ShouldContain("no stack 'eyes'");
        (await folder.RefusedAsync("neurons", "diff", Fixtures.Of("models", "gpt2"), Fixtures.Of("models", "dinov2"))).ShouldContain("Is it a tuned copy");
        (await folder.RefusedAsync("neurons", "diff", "embedded:tabletop", "embedded:tabletop", "--base-stack", "dino")).ShouldContain("Is it a tuned copy");
    }

    public void Dispose() => folder.Dispose();
}
