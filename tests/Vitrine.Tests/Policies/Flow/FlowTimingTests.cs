using Vitrine.Mechanisms.Causes;
using Vitrine.Mechanisms.Doses;
using Vitrine.Policies;
using Vitrine.Policies.Actions;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;

namespace Vitrine.Tests.Policies.Flow;

/// <summary>What an act spends its time on, and what is read once for several of them.</summary>
public sealed class FlowTimingTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<string> Policies => FlowExample.All;

    [Theory, MemberData(nameof(Policies))]
    public void Every_phase_of_an_act_is_told_and_asking_changes_nothing(string name)
    {
        using var policy = FlowExample.Open(name);
        var seen = FlowExample.Observe(name);
        var timing = new ActTiming();
        using var timed = policy.Act([seen], options: new ActOptions { Timing = timing }, cancellation: Cancellation);
        using var plain = policy.Act([seen], cancellation: Cancellation);
        timed.Actions[0].IsSameAs(plain.Actions[0]).ShouldBeTrue();
        string[] steps = [.. Enumerable.Range(0, policy.FlowSteps).Select(k => $"flow step {k}")];
        timing.Phases.Select(p => p.Name).ShouldBe(["words and state", "pixels", "pictures", "prefix", .. steps, "units", "rest"]);
        timing.Phases.ShouldAllBe(p => p.Seconds >= 0);
        policy.Products([seen]).Phases.Select(p => p.Name).ShouldBe(["pictures", "prefix", .. steps]);
    }

    [Fact]
    public void A_policy_that_speaks_tells_its_tokens()
    {
        using var policy = Policy.Open("embedded:tabletop");
        using var acting = policy.With();
        var timing = new ActTiming();
        var seen = new Observation(new Vitrine.Inputs.Pictures.Picture(64, 64, new byte[64 * 64 * 3]), "reach the red cube");
        using var run = acting.Act([seen], options: new ActOptions { Timing = timing }, cancellation: Cancellation);
        timing.Phases[0].Name.ShouldBe("pictures");
        timing.Phases[1].Name.ShouldBe("prompt");
        timing.Phases.Select(p => p.Name).ShouldContain($"token {policy.ActionNames.Count}");
    }

    [Theory, MemberData(nameof(Policies))]
    public void A_plan_starts_behind_the_prefix_where_it_changes_nothing_of_it(string name)
    {
        using var policy = FlowExample.Open(name);
        policy.StartsAtPrefix(null).ShouldBeTrue();
        policy.StartsAtPrefix(RunPlan.Editing(new Zero("expert.0.mlp.out"))).ShouldBeTrue();
        policy.StartsAtPrefix(RunPlan.Capturing("action.velocity@*")).ShouldBeTrue();
        policy.StartsAtPrefix(RunPlan.Editing(new Zero("language.0.mlp.out"))).ShouldBeFalse();
        policy.StartsAtPrefix(RunPlan.Editing(new Zero("*.0.mlp.out"))).ShouldBeFalse();
        policy.StartsAtPrefix(RunPlan.Capturing("vision.features")).ShouldBeFalse();
        policy.Unplanned.ShouldBeSameAs(policy);
        using var units = policy.With();
        using var edited = policy.With(RunPlan.Editing(new Zero("expert.0.mlp.out")));
        units.Unplanned.ShouldBeSameAs(policy);
        edited.Unplanned.ShouldBeSameAs(edited);
    }

    /// <remarks>
    /// Where nobody looks, the last language layer stops at its keys and values and a prefix is projected once for all flow steps; where somebody looks,
    /// everything is computed in every step. Bits are the same.
    /// </remarks>
    [Theory, MemberData(nameof(Policies))]
    public void What_is_left_out_where_nobody_looks_changes_no_bit(string name)
    {
        using var policy = FlowExample.Open(name);
        var seen = FlowExample.Observe(name);
        string[] all = ["language.*.*", "language.final_norm", "expert.*.*@*"];
        using var plain = policy.Act([seen], cancellation: Cancellation);
        using var looked = policy.Act([seen], RunPlan.Capturing(all), cancellation: Cancellation);
        using var bare = policy.Act([seen], RunPlan.Capturing("expert.*.attn.k@*", "expert.*.attn.v@*"), cancellation: Cancellation);
        string[] read = [.. bare.Run.Activations.Keys.Select(a => $"{a}")];
        using var edited = policy.Act(
            [seen], new RunPlan { Capture = read, Edits = [new Scale("expert.*.attn.prefix_k", 1), new Scale("expert.*.attn.prefix_v", 1)] },
            cancellation: Cancellation);
        looked.Run.Activations.Keys.ShouldContain(a => $"{a}" == $"language.{policy.Language.Shape.Layers - 1}.mlp.out");
        edited.Run.Activations.ShouldAllBe(a => a.Value.IsBitFor(bare.Run.Activations[a.Key]));
        foreach (var other in new[] { looked, bare, edited })
        {
            other.Actions[0].IsSameAs(plain.Actions[0]).ShouldBeTrue();
        }
    }

    /// <remarks>Arms that leave pictures and words alone are computed from what was read once: the same bits as whole acts.</remarks>
    [Theory, MemberData(nameof(Policies))]
    public void Arms_from_one_prefix_are_the_arms_of_whole_acts(string name)
    {
        using var policy = FlowExample.Open(name);
        var seen = FlowExample.Observe(name);
        var calibration = Calibration.Measure(policy, [seen], cancellation: Cancellation);
        var set = new NeuronSet([new Neuron(1, 3), new Neuron(0, 5)], policy.Expert.Shape.Name);
        var steering = new NeuronSteering(set, Dose.Sigmas(2), Adds: true) { Draws = 1, Mirrored = new HashSet<Neuron> { new(0, 5) } };
        var metric = ActionMetric.Named(policy.ActionNames[0], policy.ActionNames);
        var (baseline, effects) = steering.Measure(policy, [seen], calibration, metric, cancellation: Cancellation);
        using var plain = policy.Act([seen], cancellation: Cancellation);
        baseline.ShouldBe(plain.Actions[0].Values[0]);
        foreach (var ((_, plan), effect) in steering.Arms(policy, calibration).Zip(effects))
        {
            using var whole = policy.Act([seen], plan, cancellation: Cancellation);
            effect.Hard[0].ShouldBe(whole.Actions[0].Values[0] - plain.Actions[0].Values[0], effect.Arm);
        }

        effects[1].Hard[0].ShouldBe(0, "zero dose");
        effects[0].Hard[0].ShouldNotBe(0);
    }
}
