using Vitrine.Checkpoints;
using Vitrine.Mechanisms.Causes;
using Vitrine.Mechanisms.Doses;
using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Worlds;
using Vitrine.Worlds.Decisions;
using Vitrine.Worlds.Studies;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Tests.Worlds.Studies;

[Collection(ThreadCount.Name)]
public sealed class ConceptArmsTests : IDisposable
{
    private const string Word = "quickly";
    private readonly Policy policy = Policy.Open("embedded:tabletop");
    private readonly ConceptEdits edits;

    public ConceptArmsTests() => edits = Edits(policy, new NeuronSet([new Neuron(2, 5), new Neuron(3, 7)]));

    [Fact]
    public async Task A_concepts_edits_make_a_study_with_every_control_that_runs_and_is_judged()
    {
        var study = StudyOf(ConceptArms.Of("fast", edits));
        study.Check();
        study.WithControls(_ => []).Arms.Count.ShouldBe(study.Arms.Count);
        study.Arms.CountBy(a => a.Kind)
            .ShouldBe([new(ArmKind.Baseline, 1), new(ArmKind.ZeroDose, 1), new(ArmKind.Prompt, 1), new(ArmKind.Edit, 3), new(ArmKind.MatchedRandom, 8),
                new(ArmKind.RandomDirection, 8)]);
        study.Arms.Select(a => a.Fingerprint()).ShouldBeUnique();
        var result = StudyResult.Of(await new StudyRunner(() => new TabletopWorld(new() { Adverbs = false }))
            .RunAsync(study, policy, cancellation: TestContext.Current.CancellationToken), resamples: 50);
        result.Arms.Single(a => a.Arm.Kind == ArmKind.ZeroDose).SameAsBaseline.ShouldBe(1);
        Verdict.Of(result, "speed").Select(v => v.Arm.Name).ShouldBe(["lexical clamp", "attention mean difference", "feed-forward mean difference"]);
    }

    [Fact]
    public void A_clamp_alone_makes_a_study_too()
    {
        StudyOf(ConceptArms.Of("fast", edits.Clamp, edits.ClampControls, Word)).Check();
        StudyOf(ConceptArms.Of("fast", edits.Clamp, edits.ClampControls)).Arms.ShouldAllBe(a => a.Kind != ArmKind.Prompt);
    }

    [Fact]
    public void Matched_random_neurons_are_never_the_chosen_ones()
        => edits.ClampControls.Sets.SelectMany(s => s.Neurons).Intersect(edits.Clamp.Neurons.Neurons).ShouldBeEmpty();

    [Fact]
    public void One_step_names_every_part_and_does_not_depend_on_the_workers()
    {
        var states = TabletopStates.Draw(5, LayoutSplit.Test, ["reach"], 3);
        var effects = new OneStepExperiment(policy, edits, states).Run(ActionMetric.Speed);
        var step = new OneStep(policy, states);
        effects.Word.ShouldBe(Changes(step.With(Word), null));
        effects.ZeroDose.ShouldAllBe(change => change == 0);
        effects.Clamp.ShouldBe(Changes(step, RunPlan.Editing(edits.Clamp)));
        effects.Parts.Select(p => (p.Component, p.Layer)).ShouldBeUnique();
        effects.Parts.Count.ShouldBe((3 * policy.Language.Shape.Layers) + 2);
        Part(Component.FeedForward, 5).MeanDifference.ShouldBe(Changes(step, edits.MeanDifference(Component.FeedForward, [5])));
        using var worded = step.With(Word).Outputs();
        using var plain = step.Outputs();
        Part(Component.Attention, 4).Sufficient.ShouldBe(Changes(step, new RunPlan { Edits = worded.PutIn(Component.Attention, [4]) }));
        Part(Component.Attention, null).Necessary.ShouldBe(Changes(step.With(Word), new RunPlan { Edits = plain.PutIn(Component.Attention, edits.Layers) }));
        effects.MatchedRandom[3].ShouldBe(Changes(step, RunPlan.Editing(edits.ClampControls.MatchedRandom[3])));
        effects.RandomDirections.Select(d => (d.Component, d.Draws.Count)).ShouldBe([(Component.Attention, 8), (Component.FeedForward, 8)]);
        effects.RandomDirections[1].Draws[7].ShouldBe(Changes(step, edits.RandomDirection(7, Component.FeedForward)));

        var result = OneStepResult.Of("fast", "speed", edits, effects);
        result.Prompt.Mean.ShouldBe(effects.Word.Average());
        result.Controls.Select(c => c.Name).ShouldBe(
            ["zero dose", "lexical clamp, 2 neurons at mean +4 sd", "matched-random clamps", "random directions, attention, same norms",
                "random directions, feed-forward, same norms"]);
        var again = new OneStepExperiment(policy, edits, states).Run(ActionMetric.Speed, workers: 3);
        again.Parts.Zip(effects.Parts)
            .ShouldAllBe(p => p.First.Necessary.SequenceEqual(p.Second.Necessary) && p.First.Sufficient.SequenceEqual(p.Second.Sufficient));

        PartEffects Part(Component component, int? layer) => effects.Parts.Single(p => p.Component == component && p.Layer == layer);

        IReadOnlyList<double> Changes(OneStep asked, RunPlan? plan) => step.Effect("", asked.Act(plan), ActionMetric.Speed).Hard;
    }

    [Fact]
    public void One_step_of_a_flow_policy_reads_pictures_and_words_once_and_finds_the_same()
    {
        using var flow = Policy.Open("embedded:tabletop-flow");
        var states = TabletopStates.Draw(5, LayoutSplit.Test, ["reach"], 2);
        using var asked = Edits(flow, new NeuronSet([new Neuron(2, 5), new Neuron(3, 7)], "expert"));
        var effects = new OneStepExperiment(flow, asked, states).Run(ActionMetric.Speed);
        using var one = ComputeThreads.One();
        var step = new OneStep(flow, states);
        effects.Word.ShouldBe(Changes(step.With(Word), null));
        effects.Word.ShouldContain(change => change != 0);
        effects.Clamp.ShouldBe(Changes(step, RunPlan.Editing(asked.Clamp)));
        effects.Clamp.ShouldContain(change => change != 0);
        using var worded = step.With(Word).Outputs();
        effects.Parts.Single(p => p is { Component: Component.FeedForward, Layer: 3 }).Sufficient
            .ShouldBe(Changes(step, new RunPlan { Edits = worded.PutIn(Component.FeedForward, [3]) }));

        IReadOnlyList<double> Changes(OneStep of, RunPlan? plan) => step.Effect("", of.Act(plan), ActionMetric.Speed).Hard;
    }

    public void Dispose()
    {
        edits.Dispose();
        policy.Dispose();
    }

    private static ConceptEdits Edits(Policy policy, NeuronSet neurons)
    {
        var states = TabletopStates.Draw(5, LayoutSplit.Selection, ["reach"], 3);
        return new ConceptEdits(policy, new ConceptSelection
        {
            Word = Word,
            States = states,
            Neurons = neurons,
            Dose = Dose.Sigmas(4),
            Calibration = Calibration.Measure(policy, states),
            Clustered = neurons.Neurons.ToHashSet(),
        });
    }

    private Study StudyOf(IReadOnlyList<Arm> arms) => new()
    {
        Name = "concept",
        Policy = StudyPolicy.Of(policy),
        World = StudyTests.World,
        Tasks = ["reach"],
        LayoutsPerTask = 1,
        StepLimit = 2,
        Seed = 3,
        Arms = arms,
    };
}
