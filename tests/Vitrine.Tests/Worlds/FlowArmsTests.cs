using Vitrine.Mechanisms.Causes;
using Vitrine.Policies;
using Vitrine.Policies.Flow;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Worlds;
using Vitrine.Worlds.Decisions;
using Vitrine.Worlds.Studies;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Tests.Worlds;

/// <summary>What carries a word in one decision of the policy that flows, and the arms of its studies.</summary>
public sealed class FlowArmsTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <remarks>
    /// The reference (64 reach states farther than .16 from the target; the first word said, keys and values of the second): the adverb's row of all layers
    /// carries .950 of the speed, everything of layer 1 .946, the state's row .039; of the height the adverb's row .476, the state's .660. The bounds, for 24
    /// other states and other synonyms, are .05 for speed and .15 for height.
    /// </remarks>
    [Fact]
    public void One_row_of_one_layer_carries_the_speed_and_the_height_is_carried_by_two()
    {
        using var policy = (FlowPolicy)Policy.Open("embedded:tabletop-flow");
        var states = Far(24);
        var fast = Asked("quickly", "slowly", ActionMetric.Speed);
        fast.At.ShouldBe(1);
        Share(fast, SwappedRows.Words, 1).ShouldBe(.946, .05);
        Share(fast, SwappedRows.Words, null).ShouldBe(.950, .05);
        Share(fast, SwappedRows.State, null).ShouldBe(.039, .05);
        Share(fast, SwappedRows.All, null).ShouldBe(1, 1e-6);
        Share(fast, SwappedRows.All, 1).ShouldBe(.946, .05);
        Share(fast, SwappedRows.Keys, null).ShouldBe(.049, .05);
        Share(fast, SwappedRows.Values, null).ShouldBe(.956, .05);
        Range(fast, SwappedRows.Words, 1, 3, 5).ShouldBe(.950, .05);
        Range(fast, SwappedRows.Words, 0, 2, 4).ShouldBe(.001, .05);
        Range(fast, SwappedRows.All, 2, 3, 4, 5).ShouldBe(.049, .05);
        Range(fast, SwappedRows.All, 5).ShouldBe(.042, .05);
        (fast.Carrier.Necessary!.Mean / fast.Word.Mean).ShouldBeLessThan(.15);
        fast.Class.ShouldBe(VerdictClass.Shown);
        fast.Controls[0].Effect!.Mean.ShouldBe(0);
        fast.Controls[1].Draws!.Count.ShouldBe(8);
        fast.Controls[1].Draws!.ShouldAllBe(d => d / fast.Word.Mean < .3, "as far in a random direction is not the word");
        var high = Asked("high", "low", ActionMetric.Rise);
        Share(high, SwappedRows.Words, null).ShouldBe(.476, .15);
        Share(high, SwappedRows.State, null).ShouldBe(.660, .15);
        Share(high, SwappedRows.All, 5).ShouldBe(.665, .15);
        Range(high, SwappedRows.Words, 0, 2, 4).ShouldBe(.158, .15);
        Range(high, SwappedRows.Words, 1, 3, 5).ShouldBe(.255, .15);
        Range(high, SwappedRows.State, 1, 3, 5).ShouldBe(.660, .15);
        Range(high, SwappedRows.All, 2, 3, 4, 5).ShouldBe(.945, .15);
        Range(high, SwappedRows.All, 4, 5).ShouldBe(.803, .15);
        Share(high, SwappedRows.Keys, null).ShouldBe(.084, .15);
        Share(high, SwappedRows.Values, null).ShouldBe(.935, .15);

        PrefixSwapResult Asked(string own, string other, ActionMetric metric)
        {
            var experiment = new PrefixSwapExperiment(policy, states, own, other);
            var layer = experiment.CarryingLayer(metric, Cancellation);
            return PrefixSwapResult.Of("", own, other, metric.Name, experiment.Run(metric, layer, draws: 8, cancellation: Cancellation));
        }

        static double Share(PrefixSwapResult of, SwappedRows rows, int? layer)
            => of.Parts.Single(p => p.Rows == rows && p.Layer == layer).Sufficient.Mean / of.Word.Mean;

        static double Range(PrefixSwapResult of, SwappedRows rows, params int[] layers)
            => of.Ranges.Single(p => p.Rows == rows && p.Layers.SequenceEqual(layers)).Sufficient.Mean / of.Word.Mean;
    }

    private static IReadOnlyList<Observation> Far(int count)
    {
        var far = new List<Observation>();
        for (var i = 0; far.Count < count; i++)
        {
            var world = new TabletopWorld(new TabletopOptions { Adverbs = false });
            world.Reset(new LayoutKey(21, LayoutSplit.Test, "reach", i));
            if (world.Gripper.DistanceTo(world.State.Objects[world.Layout.Spec.Target].Position) > .16)
            {
                far.Add(world.Observe());
            }
        }

        return far;
    }

    [Fact]
    public void A_random_direction_is_as_large_as_the_word_s_and_its_draw_decides_it()
    {
        using var policy = (FlowPolicy)Policy.Open("embedded:tabletop-flow");
        var states = TabletopStates.Draw(5, LayoutSplit.Test, ["reach", "lift"], 2);
        var step = new OneStep(policy, states);
        using var own = policy.Read(step.Worded("slowly"));
        using var other = policy.Read(step.Worded("quickly"));
        var (itself, word) = (Values(own, SwappedRows.Words), Values(other, SwappedRows.Words));
        var (first, again, second) = (Values(other, SwappedRows.Random), Values(other, SwappedRows.Random), Values(other, SwappedRows.Random, draw: 1));
        first.ShouldBe(again);
        first.ShouldNotBe(second);
        Norm(first, itself).ShouldBe(Norm(word, itself), 1e-4);
        Cosine(first, word, itself).ShouldBeInRange(-.5, .5);

        // Its own rows are named by what differs between the two instructions.
        float[] Values(FlowPrefix from, SwappedRows rows, int draw = 0)
        {
            var swap = new PrefixSwap("quickly", [1], rows) { Draw = draw };
            var plan = from == own ? policy.Swapping(other, own, swap) : policy.Swapping(own, from, swap);
            return [.. plan.Edits.Cast<Replace>().SelectMany(e => e.Value.ToTensor().data<float>().ToArray())];
        }

        static double Norm(float[] a, float[] b) => Math.Sqrt(a.Zip(b, (x, y) => Math.Pow(x - y, 2)).Sum());

        static double Cosine(float[] a, float[] b, float[] from)
            => a.Select((x, i) => (double)(x - from[i]) * (b[i] - from[i])).Sum() / (Norm(a, from) * Norm(b, from));
    }

    [Fact]
    public void Both_studies_have_every_control_and_travel_as_json()
    {
        using var policy = (FlowPolicy)Policy.Open("embedded:tabletop-flow");
        foreach (var arms in new[]
        {
            FlowArms.OfRow("fast", "slowly", "quickly", layer: 1, layers: 6, draws: 8),
            FlowArms.OfNeurons("high", "up", "1 sd", Steered(1), Steered(-1), ("high", "low")),
        })
        {
            var study = new Study
            {
                Name = "flow",
                Policy = StudyPolicy.Of(policy),
                World = "w",
                Tasks = ["reach"],
                LayoutsPerTask = 1,
                StepLimit = 1,
                Seed = 1,
                Arms = arms,
            };
            Should.NotThrow(study.Check);
            Study.FromJson(study.ToJson()).Fingerprint().ShouldBe(study.Fingerprint());
            arms.Where(a => a.Kind != ArmKind.Baseline && a.Kind != ArmKind.Prompt).Select(a => a.Fingerprint()).ShouldBeUnique();
        }

        static (string Name, RunPlan Plan)[] Steered(double more) =>
        [
            ("addition", Plan(more)), ("zero dose", Plan(0)), .. Enumerable.Range(0, 8).Select(d => ($"matched random {d + 1}", Plan(more * (d + 2)))),
        ];

        static RunPlan Plan(double more) => RunPlan.Editing(new Scale("expert.5.mlp.neurons", 1 + more));
    }
}
