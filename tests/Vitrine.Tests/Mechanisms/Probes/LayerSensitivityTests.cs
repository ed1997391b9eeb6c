using Vitrine.Mechanisms.Metrics;
using Vitrine.Mechanisms.Probes;
using Vitrine.Mechanisms.Statistics;
using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Worlds;
using static TorchSharp.torch;

namespace Vitrine.Tests.Mechanisms.Probes;

public sealed class LayerSensitivityTests : IDisposable
{
    private readonly IDisposable scope = NewDisposeScope();

    [Theory]
    [InlineData(ProbePosition.Last)]
    [InlineData(ProbePosition.First)]
    [InlineData(ProbePosition.Mean)]
    public void A_text_s_metric_rises_along_a_direction_as_its_derivative_says(ProbePosition at)
    {
        using var model = TextModel.Open(Fixtures.Of("models", "gpt2"));
        var subject = Subject.Of(model, "the red block", "push the blue ball now", "red");
        var metric = new LogitDifferenceMetric([3], [7]);
        using var gradients = ProbeGradients.Of(subject, metric, at, batch: 2);
        var layer = gradients.Layers[0];
        var direction = Direction((int)layer.Activations.shape[1]);
        Rises(subject, metric, layer, direction, at switch
        {
            ProbePosition.Last => new EditScope { Positions = Positions.Last },
            ProbePosition.First => new EditScope { Positions = Positions.First },
            _ => EditScope.Everywhere,
        });
    }

    [Theory]
    [InlineData("embedded:tabletop", "dz@0", 1)]
    [InlineData("embedded:tabletop-flow", "speed", 10)]
    public void A_policy_s_action_rises_along_a_direction_as_its_derivative_says(string name, string asked, float length)
    {
        using var policy = Policy.Open(name);
        var observations = StateSource.OfWorld("tabletop", 1).ForTest(3);
        var subject = Subject.Of(policy, observations);
        var metric = MetricText.Parse(asked, subject);
        using var gradients = ProbeGradients.Of(subject, metric, ProbePosition.Deciding, batch: 2);
        var layer = gradients.Layers[1];
        var scope = new EditScope { Positions = policy.Layout([observations[0]]).DecidingPositions, Steps = [0] };
        Rises(subject, metric, layer, [.. Direction((int)layer.Activations.shape[1]).Select(v => v * length)], scope);
    }

    [Fact]
    public void A_planted_concept_is_told_from_another_and_where_nothing_arrives_nothing_is_said()
    {
        var axis = Noise(1, 16, seed: 1).squeeze(0);
        string[] labels = [.. Enumerable.Range(0, 120).Select(i => i % 3 == 0 ? "lift" : i % 3 == 1 ? "push" : "wait")];
        var x = Noise(120, 16, seed: 2) + (tensor(labels.Select(l => l == "lift" ? 2.0 : 0).ToArray()).unsqueeze(1) * axis);
        ProbedLayer[] layers = [new(0, "a.0.x", x), new(1, "a.1.x", x)];
        ProbedLayer[] slopes = [new(0, "a.0.x", (Noise(40, 16, seed: 3) * .3) + axis), new(1, "a.1.x", zeros(40, 16, float64))];
        var found = LayerSensitivity.Of(layers, slopes, ProbeQuestion.OfClasses(labels), ["lift", "push"], seed: 4);
        found.Select(f => (f.Concept, f.Layer)).ShouldBe([("lift", 0), ("lift", 1), ("push", 0), ("push", 1)]);
        found[0].Found!.Score.ShouldBeGreaterThan(.95);
        double[] adjusted = [.. Holm.Adjust([found[0].Found!.Test.P, found[2].Found!.Test.P])];            // two of the four were tested
        (found[0].P!.Value, found[2].P!.Value).ShouldBe((adjusted[0], adjusted[1]));
        found[2].Found!.Score.ShouldBeLessThan(.5);
        found[0].Examples.ShouldBe(40);
        new[] { found[1], found[3] }.ShouldAllBe(f => f.Found == null && f.P == null);
    }

    public static TheoryData<string, Action> Refusals()
    {
        ProbedLayer[] layers = [new(0, "a.0.x", rand(6, 2))], others = [new(0, "a.1.x", rand(6, 2))];
        var question = ProbeQuestion.OfClasses(["a", "b", "b", "b", "b", "b"]);
        return new()
        {
            { "TCAV: concept 'a' has 1 examples, beside 5 others", () => LayerSensitivity.Of(layers, layers, question, ["a"]) },
            { "TCAV: concepts c of classes a, b", () => LayerSensitivity.Of(layers, layers, question, ["c"]) },
            { "TCAV: 1 layers of 6 examples, derivatives of 1; expected the same layers", () => LayerSensitivity.Of(layers, others, question, ["a"]) },
        };
    }

    [Theory, MemberData(nameof(Refusals), DisableDiscoveryEnumeration = true)]
    public void Bad_input_is_refused_in_one_line(string begins, Action act) => Should.Throw<VitrineException>(act).Message.ShouldStartWith(begins);

    public void Dispose() => scope.Dispose();

    /// <summary>The metric, moved a little both ways by an edit, changes by the derivative's product with the direction.</summary>
    private static void Rises(Subject subject, Metric metric, ProbedLayer layer, float[] direction, EditScope where)
    {
        const double step = .02;
        double[] Moved(double by)
        {
            using var run = subject.Run(RunPlan.Editing(new Add(layer.Place, EditValue.Of(direction), by) { Scope = where }));
            return [.. metric.Values(run)];
        }

        var expected = layer.Activations.to(float64).mv(tensor(direction).to(float64)).data<double>().ToArray();
        double[] found = [.. Moved(step).Zip(Moved(-step), (up, down) => (up - down) / (2 * step))];
        foreach (var (slope, difference) in expected.Zip(found))
        {
            difference.ShouldBe(slope, (.03 * expected.Max(Math.Abs)) + 5e-6);
        }

        expected.Max(Math.Abs).ShouldBeGreaterThan(1e-4);
    }

    private static float[] Direction(int width)
    {
        var random = new RandomStream("direction");
        return [.. Enumerable.Range(0, width).Select(_ => (float)random.Gaussian() / MathF.Sqrt(width))];
    }

    private static Tensor Noise(long rows, long columns, ulong seed)
    {
        var random = new RandomStream($"sensitivity noise/{seed}");
        return tensor(Enumerable.Range(0, (int)(rows * columns)).Select(_ => random.Gaussian()).ToArray(), [rows, columns]);
    }
}
