using Vitrine.Certification;
using Vitrine.Certification.Models;
using Vitrine.Mechanisms.Doses;
using Vitrine.Policies;
using Vitrine.Policies.OpenVla;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using static TorchSharp.torch;

namespace Vitrine.Tests.Mechanisms;

/// <summary>Clamps, conceptors and constraints do what their formulas say, where their scopes say, and nothing else.</summary>
public sealed class SteeringEditTests : IDisposable
{
    private readonly Fixture fixture = Fixture.Open(Fixtures.Of("models", "openvla"));
    private readonly OpenVlaPolicy policy;
    private readonly Tensor pixels;
    private readonly int[] prompt;

    public SteeringEditTests()
    {
        policy = OpenVlaPolicy.Open(fixture.Folder, OpenVlaCertifier.Options(fixture));
        using var one = fixture.Read("single/in.pixel_values");
        pixels = one.narrow(0, 0, 1).repeat(2, 1, 1, 1);
        prompt = policy.PromptIds(fixture.Meta.GetProperty("cases").EnumerateArray().First(c => c.TryGetProperty("instruction", out _))
            .GetProperty("instruction").GetString()!);
    }

    /// <summary>f_i = alpha for chosen neurons at all positions, in the prefill and in every decode step; FFN = sum of f_i w_i.</summary>
    [Fact]
    public void A_clamp_is_the_published_rule()
    {
        using var scope = NewDisposeScope();
        const int Layer = 1;
        int[] chosen = [3, 17];
        using var plain = Act([], "language.1.mlp.neurons@*");
        using var clamped = Act([new Clamp(new NeuronSet(chosen.Select(i => new Neuron(Layer, i))), 6)], "language.1.mlp.neurons@*", "language.1.mlp.out@*");
        foreach (var step in Enumerable.Range(0, 7))
        {
            var at = step == 0 ? "" : $"@{step}";
            var neurons = clamped.Run[$"language.1.mlp.neurons{at}"];
            foreach (var index in chosen)
            {
                neurons.select(-1, index).eq(6).all().item<bool>().ShouldBeTrue($"neuron {index}, step {step}");
            }

            using var vectors = policy.Language.ValueVectors(Layer);
            var expected = neurons.matmul(vectors);
            (clamped.Run[$"language.1.mlp.out{at}"] - expected).abs().max().item<float>()
                .ShouldBeLessThan(1e-5f * Math.Max(1, expected.abs().max().item<float>()));
        }

        long[] others = [.. Enumerable.Range(0, policy.Language.Shape.Neurons).Where(i => !chosen.Contains(i)).Select(i => (long)i)];
        Others(clamped).ShouldHaveTheBitsOf(Others(plain), "the other neurons of the prefill");

        Tensor Others(PolicyRun of) => of.Run["language.1.mlp.neurons"].index_select(-1, tensor(others));
    }

    [Fact]
    public void Edits_of_one_row_and_one_position_leave_the_others_as_they_are()
    {
        using var scope = NewDisposeScope();
        var width = policy.Language.Shape.Width;
        var limited = new EditScope { Rows = [1], Positions = Positions.At(2) };
        Edit[] edits =
        [
            new Clamp(new NeuronSet([new Neuron(1, 3)]), 6) { Scope = limited },
            new Conceptor("language.1.resid_post", EditValue.Of(zeros(width, width)), 0.5) { Scope = limited },
            new Constrain("language.1.resid_post", EditValue.Of(ones(width)), 0, Low: 100) { Scope = limited },
        ];
        using var plain = Act([], "language.1.resid_post");
        foreach (var edit in edits)
        {
            using var run = Act([edit], "language.1.resid_post");
            using var changed = run.Run["language.1.resid_post"].ne(plain.Run["language.1.resid_post"]).any(-1).nonzero();
            changed.data<long>().ToArray().Chunk(2).ShouldHaveSingleItem().ShouldBe([1, 2], edit.GetType().Name);
        }
    }

    [Fact]
    public void A_conceptor_blends_with_the_image_of_its_matrix_and_at_beta_zero_changes_no_bit()
    {
        using var scope = NewDisposeScope();
        var width = policy.Language.Shape.Width;
        var matrix = Conceptors.Of(randn(64, width), 1);
        using var plain = Act([], "language.0.resid_post", "language.*.resid_post@*");
        using var none = Act([Conceptors.Edit("language.0.resid_post", matrix, 0)], "language.*.resid_post@*");
        none.Run["language.2.resid_post"].ShouldHaveTheBitsOf(plain.Run["language.2.resid_post"], "beta 0");
        using var some = Act([Conceptors.Edit("language.0.resid_post", matrix, 0.3)], "language.0.resid_post");
        var x = plain.Run["language.0.resid_post"].to(float64);
        var expected = (x * 0.7) + (x.matmul(matrix.t()) * 0.3);
        (some.Run["language.0.resid_post"] - expected).abs().max().item<double>().ShouldBeLessThan(1e-5 * Math.Max(1, expected.abs().max().item<double>()));
        Should.Throw<VitrineException>(() => Act([new Conceptor("language.0.resid_post", EditValue.Of(ones(3, 3)))])).Message.ShouldContain(
            $"[{width}, {width}]");
    }

    [Fact]
    public void A_constraint_moves_readings_to_the_bound_by_the_smallest_step_and_leaves_the_rest()
    {
        using var scope = NewDisposeScope();
        var width = policy.Language.Shape.Width;
        var weights = randn(width);
        using var plain = Act([], "language.0.resid_post");
        var x = plain.Run["language.0.resid_post"].to(float64);
        var w = weights.to(float64);
        var reading = x.matmul(w) + 0.25;
        var bounds = reading.flatten().sort().Values.data<double>().ToArray();
        var (low, high) = (bounds[bounds.Length / 4], bounds[3 * bounds.Length / 4]);
        using var run = Act([new Constrain("language.0.resid_post", EditValue.Of(weights), 0.25, low, high)], "language.0.resid_post");
        var expected = x + ((reading.clamp(low, high) - reading).unsqueeze(-1) * w / w.dot(w));
        (run.Run["language.0.resid_post"] - expected).abs().max().item<double>().ShouldBeLessThan(1e-5 * Math.Max(1, expected.abs().max().item<double>()));
        var inside = reading.gt(low + 1e-3).logical_and(reading.lt(high - 1e-3));
        run.Run["language.0.resid_post"].eq(plain.Run["language.0.resid_post"]).all(-1).masked_select(inside).all().item<bool>()
            .ShouldBeTrue("readings within the bounds are not touched");
        Should.Throw<VitrineException>(() => Act([new Constrain("language.0.resid_post", EditValue.Of(zeros(width)), 0)])).Message.ShouldContain("zero");
        Should.Throw<VitrineException>(() => Act(
            [new Constrain("language.0.resid_post", EditValue.Of(weights), 0, 2, 1)])).Message.ShouldContain("low <= high");
    }

    [Fact]
    public void New_edits_are_data_too()
    {
        Edit[] edits = [new Conceptor("language.0.resid_post", new EditValue([1, 1], [0.5f]), 0.25),
            new Constrain("language.0.resid_post", EditValue.Of(1, 2), 0.5, High: 3)];
        var plan = RunPlan.Editing(edits);
        RunPlan.FromJson(plan.ToJson()).Edits.ShouldBe(edits);
    }

    [Fact]
    public void A_neuron_beyond_the_layer_is_a_clear_error()
    {
        var shape = policy.Language.Shape;
        Should.Throw<VitrineException>(() => Act([new Clamp(new NeuronSet([new Neuron(0, shape.Neurons)]), 1)])).Message.ShouldContain(
            $"neuron {shape.Neurons} lies outside");
        Should.Throw<VitrineException>(() => Act([new Clamp(new NeuronSet([new Neuron(shape.Layers, 0)]), 1)])).Message.ShouldContain($"{shape.Layers} layers");
    }

    public void Dispose()
    {
        pixels.Dispose();
        policy.Dispose();
        fixture.Dispose();
    }

    private PolicyRun Act(Edit[] edits, params string[] capture)
        => policy.Act(pixels, [prompt, prompt], new RunPlan { Edits = edits, Capture = capture }, policy.UnitKeys.First(),
            TestContext.Current.CancellationToken);
}
