using Vitrine.Mechanisms.Causes;
using Vitrine.Mechanisms.Doses;
using Vitrine.Mechanisms.ValueVectors;
using Vitrine.Policies;
using Vitrine.Tests.Policies;
using Vitrine.Transformers;

namespace Vitrine.Tests.Mechanisms;

/// <summary>Steering asks a policy's face for everything: what it calls its stack, its dimensions, its units, and whether it speaks.</summary>
public sealed class NeuronSteeringTests : IDisposable
{
    private readonly NumberPolicy policy = NumberPolicy.Open();
    private readonly Policy acting;
    private readonly IReadOnlyList<Observation> states = NumberPolicy.States(9);

    public NeuronSteeringTests() => acting = policy.With(units: "right_arm");

    [Fact]
    public void A_policy_of_numbers_is_calibrated_in_the_stack_where_it_decides()
    {
        var calibration = Measure();
        (calibration.Stack, calibration.Layers, calibration.Neurons, calibration.Samples).ShouldBe((NumberPolicy.Brain, 3, 172, states.Count));
        calibration.Sigma.ShouldContain(s => s > 0);
        Calibration.FromJson(calibration.ToJson(), "calibration").Stack.ShouldBe(NumberPolicy.Brain);
    }

    [Fact]
    public void It_is_steered_beside_its_controls()
    {
        var set = new NeuronSet([new Neuron(2, 5), new Neuron(2, 40)], NumberPolicy.Brain);
        foreach (var adds in new[] { false, true })
        {
            var steering = new NeuronSteering(set, Dose.Absolute(3), adds) { Draws = 2, Excluded = set.Neurons.ToHashSet() };
            var metric = ActionMetric.Named("elbow", policy.ActionNames);
            var (baseline, arms) = steering.Measure(acting, states, Measure(), metric, cancellation: TestContext.Current.CancellationToken);
            arms.Select(a => a.Arm).ShouldBe([adds ? "addition" : "clamp", "zero dose", "matched random 1", "matched random 2"]);
            arms[0].Changed.ShouldBe(1);
            arms[0].Hard.ShouldBe(arms[0].Soft, "a number is its own expectation");
            arms[1].Hard.ShouldAllBe(change => change == 0);
            (arms[1].Changed, arms[1].Cosine).ShouldBe((0, 1));
            double.IsFinite(baseline).ShouldBeTrue();
        }
    }

    [Fact]
    public void Its_units_are_those_that_were_chosen()
    {
        using var left = policy.With(units: "left_arm");
        using var one = left.Act(states, cancellation: TestContext.Current.CancellationToken);
        using var other = acting.Act(states, cancellation: TestContext.Current.CancellationToken);
        other.Actions[0].Values[1].ShouldBe(-2 * one.Actions[0].Values[1], 1e-12);
        Should.Throw<VitrineException>(() => policy.With(units: "third_arm")).Message.ShouldContain("left_arm, right_arm");
    }

    [Fact]
    public void Neurons_of_another_stack_and_another_model_s_calibration_are_refused_by_name()
    {
        var (metric, calibration) = (ActionMetric.Named("elbow", policy.ActionNames), Measure());
        Should.Throw<VitrineException>(() => new NeuronSteering(new NeuronSet([new Neuron(0, 1)]), Dose.Sigmas(1)).Measure(acting, states, calibration, metric))
            .Message.ShouldBe($"steering: the neurons are of stack 'language'; {policy.Name} has brain.");
        var set = new NeuronSet([new Neuron(0, 1)], NumberPolicy.Brain);
        var steering = new NeuronSteering(set, Dose.Sigmas(1));
        Refusal(() => steering.Measure(acting, states, calibration with { Fingerprint = "another" }, metric)).ShouldContain("another");
        Refusal(() => steering.Measure(acting, states, calibration with { Stack = "language" }, metric)).ShouldContain("'language'");
        Refusal(() => steering.Measure(acting, [], calibration, metric)).ShouldContain("no observation");
    }

    [Fact]
    public void What_it_cannot_spell_is_refused_by_the_stack_s_name()
        => Should.Throw<VitrineException>(() => TokenReader.Of(policy)).Message.ShouldContain("stack 'brain' of this policy has no vocabulary");

    public void Dispose()
    {
        acting.Dispose();
        policy.Dispose();
    }

    private static string Refusal(Action act) => Should.Throw<VitrineException>(act).Message;

    private Calibration Measure() => Calibration.Measure(acting, states, cancellation: TestContext.Current.CancellationToken);
}
