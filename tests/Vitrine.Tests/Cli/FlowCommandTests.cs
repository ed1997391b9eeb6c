using System.Text.Json;
using Vitrine.Inputs.Pictures;
using Vitrine.Transformers;

namespace Vitrine.Tests.Cli;

/// <summary>The policy that flows in every verb, and what is asked of no other.</summary>
public sealed class FlowCommandTests : IDisposable
{
    private const string Flow = "embedded:tabletop-flow", Spoken = "embedded:tabletop";
    private readonly TemporaryFolder folder = new();

    [Fact]
    public async Task Neurons_of_the_expert_are_read_in_actions()
    {
        (await RunAsync("neurons", Flow, "--actions")).ShouldContain("strongest on dz");
        var all = JsonDocument.Parse(await RunAsync("neurons", Flow, "--actions", "--flow-step", "3", "--json")).RootElement;
        all.GetArrayLength().ShouldBe(6 * 256);
        all[0].GetProperty("writes").EnumerateObject().Select(p => p.Name).ShouldBe(["dx", "dy", "dz", "gripper"]);
        (await RunAsync("neurons", Flow, "--actions", "--layer", "5", "-n", "2")).ShouldContain("5:1");
        (await folder.RefusedAsync("neurons", Flow, "--actions", "--layer", "6")).ShouldContain("6 layers");
        (await folder.RefusedAsync("neurons", Flow, "--actions", "--flow-step", "10")).ShouldContain("10, counted from 0");
        (await folder.RefusedAsync("neurons", Spoken, "--actions")).ShouldContain("whose expert flows");
    }

    /// <remarks>Without a world and without observations there is nothing to measure in; the read-outs are still read.</remarks>
    [Fact]
    public async Task Concepts_are_searched_by_direction()
    {
        var found = JsonDocument.Parse(await RunAsync("concepts", Flow, "--direction", "+z", "-n", "3", "--json", "--save", folder["up.yaml"])).RootElement;
        found.EnumerateArray().Select(n => Math.Abs(n.GetProperty("score").GetDouble())).ShouldBeInOrder(SortDirection.Descending);
        foreach (var neuron in found.EnumerateArray())
        {
            Math.Sign(neuron.GetProperty("effects").GetProperty("dz").GetDouble()).ShouldBe(Math.Sign(neuron.GetProperty("score").GetDouble()));
        }

        File.ReadAllText(folder["up.yaml"]).ShouldContain("expert");
        (await folder.RefusedAsync("concepts", Flow, "--direction", "+w")).ShouldContain("known are +dx");
        (await folder.RefusedAsync("concepts", Spoken, "--direction", "+z")).ShouldContain("whose expert flows");
        (await folder.RefusedAsync("concepts", Flow, "--action", "+")).ShouldContain("--direction +z");
    }

    [Fact]
    public async Task A_direction_steers_and_what_was_done_is_rolled_out_with_its_controls()
    {
        var steered = JsonDocument.Parse(await RunAsync(
            "steer", Flow, "+z", "--dose", "+1sd", "--add", "--states", "4", "--draws", "8", "--json", "--save-plans", folder["up"])).RootElement;
        steered[0].GetProperty("hard").GetProperty("mean").GetDouble().ShouldBeGreaterThan(0);
        steered[1].GetProperty("hard").GetProperty("mean").GetDouble().ShouldBe(0);
        Directory.GetFiles(folder["up"]).Length.ShouldBe(10);
        RunPlan.Load(Path.Combine(folder["up"], "addition.json")).Edits.ShouldNotBeEmpty();
        var rolled = await RunAsync("rollout", Flow, "--tasks", "reach", "-n", "1", "--steps", "4", "--no-adverbs", "--arms", folder["up"]);
        rolled.ShouldContain("matched random 8");
        rolled.ShouldContain("zero dose");
        File.WriteAllText(Path.Combine(folder["up"], "other.json"), "{}");
        (await folder.RefusedAsync("rollout", Flow, "--arms", folder["up"])).ShouldContain("none of the arms");
    }

    [Fact]
    public async Task Rows_of_another_prompt_are_swapped_in_a_rollout()
    {
        string[] few = ["--tasks", "reach", "-n", "1", "--steps", "4", "--no-adverbs", "--word", "slowly"];
        (await RunAsync(["rollout", Flow, .. few, "--say", "quickly", "--swap", "quickly@0,2-5"])).ShouldContain("swap quickly@0,2-5");
        (await folder.RefusedAsync(["rollout", Flow, .. few, "--swap", "quickly@6"])).ShouldContain("6 layers");
        (await folder.RefusedAsync(["rollout", Flow, .. few, "--swap", "quickly@x"])).ShouldContain("names no layers");
        (await folder.RefusedAsync(["rollout", Flow, .. few, "--swap", "quickly@1@none"]))
            .ShouldContain("rows words, state, image, others, all, keys or values");
        (await folder.RefusedAsync(["rollout", Spoken, .. few, "--swap", "quickly@1"])).ShouldContain("whose expert flows");
        (await folder.RefusedAsync("rollout", "expert", "--word", "slowly")).ShouldContain("hears no words");
    }

    [Fact]
    public async Task What_it_uses_is_diagnosed()
    {
        var rows = JsonDocument.Parse(await RunAsync("diagnose", Flow, "-n", "4", "--seeds", "1", "--json")).RootElement;
        rows[0].GetProperty("about").GetString().ShouldBe("noise");
        rows.EnumerateArray().Select(r => r.GetProperty("about").GetString()).Distinct().ShouldBe(["noise", "instruction", "camera image", "state", "chunks"]);
        rows.EnumerateArray().Count(r => r.GetProperty("about").GetString() == "chunks" && r.GetProperty("change").GetProperty("mean").GetDouble() > 0)
            .ShouldBe(2);
        (await RunAsync("diagnose", Spoken, "-n", "2")).ShouldContain("changes no bit");
        (await RunAsync("diagnose", Spoken, "-n", "2")).ShouldContain("have none in common");
        (await folder.RefusedAsync("diagnose", Flow, "--seeds", "0")).ShouldContain("--seeds is 0");
        (await folder.RefusedAsync("diagnose", Flow, "--action-steps", "0")).ShouldContain("--action-steps is 0");
        (await folder.RefusedAsync("diagnose", Flow, "--sequence")).ShouldContain("--observations");
    }

    [Fact]
    public async Task An_act_is_timed_and_an_edit_that_reaches_no_action_is_warned_about()
    {
        File.WriteAllBytes(folder["a.png"], PictureFile.EncodePng(Picture.Plain(64, 64, (90, 90, 90))));
        string[] act = ["act", Flow, folder["a.png"], "reach the red cube", "--state", ".5,.5,.4,1"];
        (await RunAsync([.. act, "--timing"])).ShouldContain("flow step 9");
        var (exit, _, error) = await CommandLine.RunAsync([.. act, "--clamp", "5:3=4"]);
        exit.ShouldBe(0);
        error.ShouldContain("reaches no action");
        (await RunAsync("inspect", Flow)).ShouldContain("dead: language.5.attn.q");
        (await folder.RefusedAsync("run", Flow, "hello")).ShouldContain("is a policy");
        (await RunAsync("act", "--help")).ShouldContain(Flow);
        (await RunAsync("[suggest:12]", "vitrine act e")).Split('\n', StringSplitOptions.TrimEntries).ShouldContain(Flow);
    }

    public void Dispose() => folder.Dispose();

    private static async Task<string> RunAsync(params string[] args)
    {
        var (exit, @out, error) = await CommandLine.RunAsync(args);
        exit.ShouldBe(0, error);
        return @out;
    }
}
