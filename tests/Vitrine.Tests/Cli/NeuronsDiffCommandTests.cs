using System.Text.Json;
using Vitrine.Policies;
using Vitrine.Tests.Mechanisms;
using Vitrine.Tests.Policies;
using Vitrine.Transformers;
using Vitrine.Transformers.Engine;

namespace Vitrine.Tests.Cli;

/// <summary><c>vitrine neurons diff</c>: any two models whose stacks have the same neurons.</summary>
public sealed class NeuronsDiffCommandTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    /// <summary>All but small policies whose sizes are those of no published one.</summary>
    public static TheoryData<string> Names() => [.. OpenedModel.Names().Select(r => r.Data).Where(PolicyExample.SaysItsSizes)];

    [Theory, MemberData(nameof(Names))]
    public async Task A_changed_neuron_of_any_family_is_found(string name)
    {
        using var model = OpenedModel.Open(name);
        var shape = (model is VisionModel ? model.Towers[0] : model is Policy policy ? policy.Language : (Stack)model.Decoders[0]).Shape;
        var changed = new Neuron(shape.Layers - 1, 3);
        OpenedModel.CopyWithOneNeuronChanged(name, folder.Path, shape.Name, changed);
        var (exit, @out, error) = await CommandLine.RunAsync("neurons", "diff", Fixtures.Of("models", name), folder.Path);
        exit.ShouldBe(0, error);
        @out.ShouldContain("most changed neuron");
        @out.ShouldContain($"{changed} ");
        @out.ShouldNotContain("action tokens");
        var hasWords = Directory.GetFiles(folder.Path, "tokenizer.json", SearchOption.AllDirectories).Length > 0;
        var speaks = hasWords && model.Decoders.Any(d => d.Shape.Vocabulary > 0);
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
