using Vitrine.Checkpoints;
using Vitrine.Mechanisms.Causes;
using Vitrine.Tests.Worlds.Records;
using Vitrine.Transformers;
using Vitrine.Worlds;
using Vitrine.Worlds.Decisions;
using Vitrine.Worlds.Records;
using Vitrine.Worlds.Studies;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Tests.Worlds.Studies;

[Collection(ThreadCount.Name)]
public sealed class LocationTests
{
    private static readonly string[] Tasks = ["reach", "lift"];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <remarks>reference/06, 9.2: speed words act through attention of layer 5, height words through attention of layer 4.</remarks>
    [Theory]
    [InlineData("quickly", "speed", 5)]
    [InlineData("high", "dz", 4)]
    public void The_layer_whose_attention_carries_a_word_is_the_one_of_the_reference(string word, string metric, int layer)
    {
        using var located = Located(word, heads: false);
        var result = LocationResult.Of(word, null, metric, Run(located, ActionMetric.Named(metric, Recorded.Spoken.ActionNames)));
        var whole = result.Decision.Prompt.Mean;
        var carrier = result.Decision.Parts.Where(p => p is { Component: Component.Attention, Layer: not null }).MaxBy(p => p.Sufficient.Mean / whole)!;
        carrier.Layer.ShouldBe(layer);
        (carrier.Sufficient.Mean / whole).ShouldBeGreaterThan(.8);
        (carrier.Necessary.Mean / whole).ShouldBeLessThan(.3);
        result.Verdict.IsEffect.ShouldBeTrue();
    }

    /// <remarks>At the deciding positions the residual stream gets the word from nowhere but attention.</remarks>
    [Fact]
    public void All_attention_outputs_together_are_the_word_and_a_zero_dose_is_nothing()
    {
        using var located = Located("quickly", heads: true);
        var effects = Run(located, ActionMetric.Speed);
        effects.ZeroDose.ShouldAllBe(e => e == 0);
        var all = effects.Parts.Single(p => p is { Component: Component.Attention, Layer: null });
        all.Sufficient.Zip(effects.Word).ShouldAllBe(e => Math.Abs(e.First - e.Second) < 1e-9);
        all.Necessary.ShouldAllBe(e => Math.Abs(e) < 1e-9);
        var (layers, heads) = (located.Layers.Count, Recorded.Spoken.Language.Shape.Heads);
        effects.Parts.Count(p => p.Head is not null).ShouldBe(layers * heads);
        effects.Parts.Count.ShouldBe((layers * heads) + (3 * layers) + 2);
        effects.RandomDirections.Select(d => d.Draws.Count).ShouldBe([2, 2]);
    }

    [Fact]
    public async Task In_closed_loop_all_attention_outputs_put_in_move_the_robot_as_the_word_does()
    {
        using var located = Located("quickly", heads: false, draws: 8);
        Arm[] arms = [.. LocationArms.Of(located, null, [5])];
        Study study = new()
        {
            Name = "locate",
            Policy = StudyPolicy.Of(Recorded.Spoken),
            World = NewWorld().Description,
            Tasks = Tasks,
            LayoutsPerTask = 1,
            StepLimit = 4,
            Seed = 3,
            Arms = arms,
        };
        Study.FromJson(study.ToJson()).Fingerprint().ShouldBe(study.Fingerprint());
        study.Check();
        var run = await new StudyRunner(NewWorld).RunAsync(study, Recorded.Spoken, new() { Workers = 2 }, cancellation: Cancellation);
        var said = run.Arms.Single(a => a.Arm.Kind == ArmKind.Prompt).Episodes;
        var put = run.Arms.Single(a => a.Arm.Name == "attention, all layers, put in").Episodes;
        put.Zip(said).ShouldAllBe(e => e.First.HasSameActionsAs(e.Second));
        put.Zip(run.Arms[0].Episodes).ShouldContain(e => !e.First.HasSameActionsAs(e.Second));
        run.Arms.Single(a => a.Arm.Kind == ArmKind.ZeroDose).Episodes.Zip(run.Arms[0].Episodes).ShouldAllBe(e => e.First.HasSameActionsAs(e.Second));
        arms.Where(a => a.Part is not null).Select(a => a.Fingerprint()).Distinct().Count().ShouldBe(arms.Count(a => a.Part is not null));

        var recorded = new WatchedRollouts(NewWorld, new RecordedWorld("tabletop", NewWorld().Description, new Dictionary<string, string>()), 4);
        var one = recorded.Run(Recorded.Spoken, arms.First(a => a.Part is not null), said[0].Layout, new WatchOptions(), Cancellation);
        one.Episode.Path.Count.ShouldBe(said[0].Path.Count);
    }

    /// <remarks>Pictures and words are read once for all parts; each act by itself finds the same.</remarks>
    [Fact]
    public void Of_a_policy_that_flows_the_numbers_are_those_of_acts_by_themselves()
    {
        var (policy, states) = (Recorded.Flowing, TabletopStates.Draw(21, LayoutSplit.Test, ["reach"], 2));
        using var located = new Localisation(
            policy, "quickly", "slowly", TabletopStates.Draw(51, LayoutSplit.Selection, ["reach"], 2), 1, withHeads: true, cancellation: Cancellation);
        var effects = located.Run(states, ActionMetric.Speed, workers: 2, cancellation: Cancellation);
        using var one = ComputeThreads.One();
        var (own, other) = (new OneStep(policy, states).With("slowly"), new OneStep(policy, states).With("quickly"));
        effects.Baseline.ShouldBe(own.Measured(ActionMetric.Speed));
        effects.Word.ShouldBe(Changes(other, null));
        effects.Word.ShouldContain(change => change != 0);
        using var said = other.Outputs(Cancellation);
        using var plain = own.Outputs(Cancellation);
        var part = effects.Parts.Single(p => p is { Component: Component.FeedForward, Layer: 3 });
        part.Sufficient.ShouldBe(Changes(own, new RunPlan { Edits = said.PutIn(Component.FeedForward, [3]) }));
        part.Necessary.ShouldBe(Changes(other, new RunPlan { Edits = plain.PutIn(Component.FeedForward, [3]) }));
        part.MeanDifference.ShouldBe(Changes(own, located.MeanDifference(Component.FeedForward, [3])));
        effects.RandomDirections[1].Draws[0].ShouldBe(Changes(own, located.RandomDirection(0, Component.FeedForward, located.Layers)));

        IReadOnlyList<double> Changes(OneStep of, RunPlan? plan) => own.Effect("", of.Act(plan, Cancellation), ActionMetric.Speed).Hard;
    }

    private static IWorld NewWorld() => new TabletopWorld(new TabletopOptions { Adverbs = false });

    private static Localisation Located(string word, bool heads, int draws = 2) => new(
        Recorded.Spoken, word, null, TabletopStates.Draw(51, LayoutSplit.Selection, Tasks, 12), draws, heads, cancellation: Cancellation);

    private static LocatedEffects Run(Localisation located, ActionMetric metric)
        => located.Run(TabletopStates.Draw(21, LayoutSplit.Test, Tasks, 12), metric, workers: 2, cancellation: Cancellation);
}
