using Vitrine.Mechanisms.Doses;
using Vitrine.Mechanisms.Experts;
using Vitrine.Policies.Flow;
using Vitrine.Tests.Policies.Flow;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using static TorchSharp.torch;

namespace Vitrine.Tests.Mechanisms;

/// <summary>Neurons of an expert in the space of actions: what they write, what they do, and what an expert that learnt nothing says.</summary>
public sealed class ExpertReadingTests
{
    private static readonly string[] Names = ["dx", "dy", "dz", "gripper"];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<string> Policies => FlowExample.All;

    /// <remarks>
    /// What the last layer writes goes through the final norm alone: velocity = c + W (g x) / size(x), with x the stream behind it. Three runs with -a, 0 and a
    /// units more of a neuron give c, and with it W g v, the neuron's vector, whatever gates and gains the flow time makes.
    /// </remarks>
    [Theory, MemberData(nameof(Policies))]
    public void The_vector_of_a_last_neuron_is_what_it_adds_before_the_norm_s_size(string name)
    {
        using var policy = FlowExample.Open(name);
        using var scope = NewDisposeScope();
        var (shape, seen) = (policy.Expert.Shape, FlowExample.Observe(name));
        var (last, step, more) = (shape.Layers - 1, 1, 20f);
        var vectors = policy.ActionVectors(last, step);
        vectors.shape.ShouldBe([shape.Neurons, policy.ActionNames.Count]);
        using var prefix = policy.Read([seen]);
        var (rows, columns) = policy.NoiseShape!.Value;
        var chunk = randn([1, rows, columns], generator: new Generator(3));
        foreach (var neuron in new[] { 0, 7, shape.Neurons - 1 })
        {
            var (low, plain, high) = (Sized(-more, neuron), Sized(0, neuron), Sized(more, neuron));
            var c = (low.Velocity + high.Velocity - (plain.Velocity * 2)) / (low.Size + high.Size - (plain.Size * 2));
            var written = (high.Velocity - low.Velocity - (c * (high.Size - low.Size))) / (2 * more);
            var expected = vectors[neuron].neg().expand_as(written);
            ((written - expected).abs().max() / expected.abs().max()).item<double>().ShouldBeLessThan(2e-3, $"neuron {neuron}");
        }

        (Tensor Velocity, Tensor Size) Sized(float added, int neuron)
        {
            var values = new float[shape.Neurons];
            values[neuron] = added;
            var plan = new RunPlan
            {
                Capture = [$"expert.{last}.resid_post"],
                Edits = [new Add($"expert.{last}.mlp.neurons", EditValue.Of(values))],
            };
            using var run = policy.Velocity(prefix, chunk, 1 - (step / (double)policy.FlowSteps), plan);
            var stream = run[$"expert.{last}.resid_post"][0].to(float64);
            var deciding = policy.Layout([seen]).Rows[0].Deciding;
            var size = stream.pow(2).mean([-1], keepdim: true).sqrt().narrow(0, deciding, rows);
            return (run.Logits[0].narrow(1, 0, policy.ActionNames.Count).to(float64) * size, size);
        }
    }

    [Theory, MemberData(nameof(Policies))]
    public void Read_outs_and_effects_agree_in_the_last_layer_and_an_untrained_expert_is_another(string name)
    {
        using var policy = FlowExample.Open(name);
        var seen = FlowExample.Observe(name);
        var calibration = Calibration.Measure(policy, [seen], cancellation: Cancellation);
        var reading = ExpertReading.Of(policy, calibration);
        var shape = policy.Expert.Shape;
        reading.Neurons.Count.ShouldBe(shape.Layers * shape.Neurons);
        var direction = ActionDirection.Parse($"+{policy.ActionNames[0]}", policy.ActionNames);
        var best = reading.Along(direction, 6, [shape.Layers - 1]);
        best.Select(n => Math.Abs(n.Along(direction))).ShouldBeInOrder(SortDirection.Descending);
        best.ShouldAllBe(n => n.Neuron.Layer == shape.Layers - 1);
        var measured = new ExpertEffects(policy, [seen], calibration).Of([.. best.Select(n => n.Neuron)], cancellation: Cancellation);
        ExpertEffects.Agreement(best, measured).ShouldBeGreaterThan(0.8);

        using var untrained = FlowPolicy.OpenUntrained(FlowExample.Folder(name), FlowExample.Options(name));
        using var again = FlowPolicy.OpenUntrained(FlowExample.Folder(name), FlowExample.Options(name));
        using var plain = policy.Act([seen], RunPlan.Capturing("language.*.resid_post"), cancellation: Cancellation);
        using var other = untrained.Act([seen], RunPlan.Capturing("language.*.resid_post"), cancellation: Cancellation);
        using var same = again.Act([seen], cancellation: Cancellation);
        plain.Run.Activations.ShouldAllBe(a => a.Value.IsBitFor(other.Run.Activations[a.Key]));
        other.Actions[0].IsSameAs(plain.Actions[0]).ShouldBeFalse();
        other.Actions[0].IsSameAs(same.Actions[0]).ShouldBeTrue();
    }

    [Theory]
    [InlineData("+z", 2, 1)]
    [InlineData("-dx", 0, -1)]
    [InlineData("open gripper", 3, 1)]
    [InlineData("close gripper", 3, -1)]
    public void Directions_are_read(string text, int dimension, int sign)
    {
        ActionDirection.IsOne(text).ShouldBeTrue();
        ActionDirection.Parse(text, Names).ShouldBe(new ActionDirection(text, dimension, sign));
    }

    [Theory]
    [InlineData("+w", "known are +dx, +dy, +dz, +gripper")]
    [InlineData("z", "expected a sign")]
    public void What_is_no_direction_is_told(string text, string message)
        => Should.Throw<VitrineException>(() => ActionDirection.Parse(text, Names)).Message.ShouldContain(message);

    [Fact]
    public void A_direction_needs_its_number() => Should.Throw<VitrineException>(() => ActionDirection.Parse("open gripper", ["0", "1"])).Message
        .ShouldContain("no gripper");

    [Theory]
    [InlineData("language.1.mlp.neurons", true)]
    [InlineData("language.1.attn.out", true)]
    [InlineData("language.1.attn.k", false)]
    [InlineData("language.0.mlp.neurons", false)]
    [InlineData("language.*.mlp.neurons", false)]
    [InlineData("expert.1.mlp.neurons", false)]
    public void An_edit_that_reaches_no_action_is_told(string place, bool isDead)
    {
        using var policy = FlowExample.Open("smolvla");
        var last = policy.Language.Shape.Layers - 1;
        var edit = new Zero(place.Replace(".1.", $".{last}.", StringComparison.Ordinal));
        policy.DeadEdits(RunPlan.Editing(edit)).Count.ShouldBe(isDead ? 1 : 0);
        using var plain = policy.Act([FlowExample.Observe("smolvla")], cancellation: Cancellation);
        using var changed = policy.Act([FlowExample.Observe("smolvla")], RunPlan.Editing(edit), cancellation: Cancellation);
        changed.Actions[0].IsSameAs(plain.Actions[0]).ShouldBe(isDead);
    }

    [Fact]
    public void A_mirrored_dose_lies_on_the_other_side()
    {
        var doses = new[] { "+2sd", "3", "2max" }.Select(Dose.Parse);
        doses.Select(d => $"{d.Mirrored}").ShouldBe(["mean -2 sd", "-3", "-2 x natural maximum"]);
        $"{Dose.Quantile(0.75).Mirrored}".ShouldBe("quantile 0.25");
    }
}
