using Vitrine.Certification;
using Vitrine.Certification.Models;
using Vitrine.Inputs.Pictures;
using Vitrine.Policies;
using Vitrine.Policies.OpenVla;
using Vitrine.Transformers;
using Vitrine.Transformers.Caches;
using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Tests.Policies;

/// <summary>
/// What holds of a text model's runs holds of a policy's acts: they start at a cached residual, stop behind a block, are differentiated, and keep nothing.
/// </summary>
public sealed class ActRangeTests : IDisposable
{
    private readonly Fixture fixture = Fixture.Open(Fixtures.Of("models", "openvla"));
    private readonly Policy policy;

    public ActRangeTests() => policy = OpenVlaPolicy.Open(fixture.Folder, OpenVlaCertifier.Options(fixture));

    public void Dispose()
    {
        policy.Dispose();
        fixture.Dispose();
    }

    [Fact]
    public void An_act_that_starts_at_a_cached_residual_says_the_same_tokens_by_the_same_bits()
    {
        var shape = policy.Language.Shape;
        using var acting = policy.With(units: policy.UnitKeys.First());
        for (var layer = 0; layer < shape.Layers; layer++)
        {
            using var full = acting.Act(Seen(2), new RunPlan { Capture = [.. RunStart.Needs(shape, layer, decoding: true)] });
            var from = new ActOptions { From = RunStart.From(full.Run, shape, layer) };
            using var part = acting.Act(Seen(2), options: from);
            part.Run.Logits.ShouldHaveTheBitsOf(full.Run.Logits, $"from block {layer}");
            part.Actions.Zip(full.Actions).ShouldAllBe(a => a.First.IsSameAs(a.Second));
            var edit = RunPlan.Editing(new Add($"language.{layer}.resid_pre", Direction(shape.Width), 5) { Scope = new EditScope { Steps = [0] } });
            using var edited = acting.Act(Seen(2), edit);
            using var editedPart = acting.Act(Seen(2), edit, from);
            editedPart.Run.Logits.ShouldHaveTheBitsOf(edited.Run.Logits, $"edited, from block {layer}");
            edited.Run.Logits.allclose(full.Run.Logits).ShouldBeFalse();
        }
    }

    [Fact]
    public void An_act_that_starts_where_the_keys_of_earlier_blocks_are_missing_is_refused()
    {
        var shape = policy.Language.Shape;
        using var acting = policy.With(units: policy.UnitKeys.First());
        using var full = acting.Act(Seen(1), new RunPlan { Capture = [.. RunStart.Needs(shape, 1)] });
        var start = new ActOptions { From = RunStart.From(full.Run, shape, 1) };
        Should.Throw<VitrineException>(() => acting.Act(Seen(1), options: start)).Message.ShouldContain("language.0.attn");
    }

    [Fact]
    public void An_act_that_stops_behind_a_block_has_its_residual_and_no_action()
    {
        using var acting = policy.With(units: policy.UnitKeys.First());
        using var full = acting.Act(Seen(2), RunPlan.Capturing("language.0.resid_post"));
        using var part = acting.Act(Seen(2), new RunPlan { StopAfter = 0 });
        part.Run.Residual.ShouldHaveTheBitsOf(full.Run["language.0.resid_post"], "behind block 0");
        Should.Throw<VitrineException>(() => part.Actions).Message.ShouldContain("no action");
    }

    [Fact]
    public void A_derivative_of_what_an_act_decides_is_the_finite_difference()
    {
        const string Upstream = "language.0.resid_post";
        using var exact = OpenVlaPolicy.Open(fixture.Folder, OpenVlaCertifier.Options(fixture) with { Dtype = ScalarType.Float64 });
        using var scope = NewDisposeScope();
        var units = exact.UnitKeys.First();
        var edit = new Scale("language.1.attn.z", 1.5);
        using var acting = exact.With(units: units);
        using var run = acting.Act(Seen(1), new RunPlan { Gradients = [Upstream], Edits = [edit] });
        var gradient = run.Run.GradientsOf(Metric, [Address.Parse(Upstream)]).Values.Single();
        var direction = Direction(exact.Language.Shape.Width);
        var found = (gradient * direction.ToTensor(float64)).sum().item<double>();
        var expected = (At(1e-4) - At(-1e-4)) / 2e-4;
        found.ShouldBe(expected, 1e-5 * Math.Max(1, Math.Abs(expected)));
        found.ShouldNotBe(0);

        double At(double step)
        {
            var moved = new Add(Upstream, direction, step) { Scope = new EditScope { Steps = [0] } };
            using var act = acting.Act(Seen(1), RunPlan.Editing(moved, edit));
            return Metric(act.Run).item<double>();
        }

        // The first decision, and a later one, which reads the first pass through its keys and values.
        static Tensor Metric(Run run) => run.Logits[0, 0, 9] - run.Logits[0, 0, 4] + run.Logits[0, 2, 7];
    }

    [Fact]
    public void The_algebra_of_residuals_reads_an_act()
    {
        var shape = policy.Language.Shape;
        using var acting = policy.With(units: policy.UnitKeys.First());
        var run = acting.Act(Seen(1), new RunPlan { Capture = [.. ActivationCache.Needs(shape), $"language.{shape.Layers - 1}.resid_post"] }).Run;
        using var cache = ActivationCache.From(policy, run);
        var residual = cache.Activations[Address.Parse($"language.{shape.Layers - 1}.resid_post")];
        using var parts = cache.Decompose();
        parts.Sum().ShouldBeClose(residual, "what the parts write is the residual");
        cache.Ids[0].Count.ShouldBe((int)residual.shape[1]);
    }

    [Fact]
    public void A_bound_plan_serves_many_acts_with_the_same_bits()
    {
        using var acting = policy.With(Edited(policy), policy.UnitKeys.First());
        using var first = acting.Act(Seen(2));
        for (var i = 0; i < 20; i++)
        {
            using var run = acting.Act(Seen(2));
            run.Run.Logits.ShouldHaveTheBitsOf(first.Run.Logits, $"act {i}");
        }
    }

    [Fact]
    public void A_plan_that_was_disposed_says_so()
    {
        var acting = policy.With(RunPlan.Editing(new Scale("language.0.mlp.out", 2)), policy.UnitKeys.First());
        acting.Dispose();
        Should.Throw<ObjectDisposedException>(() => acting.Act(Seen(1)));
    }

    internal static RunPlan Edited(Policy policy) => RunPlan.Editing(
        new Clamp(new NeuronSet([new Neuron(0, 1), new Neuron(1, 3)]), 2),
        new Add("language.*.resid_post", Direction(policy.Language.Shape.Width), 0.1) { Scope = new EditScope { Positions = Positions.Last } });

    internal static Observation[] Seen(int count)
        => [.. Enumerable.Range(0, count)
            .Select(i => new Observation(new Picture(40, 30, [.. Enumerable.Range(0, 3600).Select(p => (byte)((p * (i + 3)) % 251))]),
                i == 0 ? "push" : "push the block"))];

    private static EditValue Direction(int width) => EditValue.Of([.. Enumerable.Range(0, width).Select(i => MathF.Sin((7 * i) + 1))]);
}
