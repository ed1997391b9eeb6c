using Vitrine.Mechanisms.Metrics;
using Vitrine.Mechanisms.Patching;
using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using static TorchSharp.torch;

namespace Vitrine.Tests.Mechanisms.Patching;

public sealed class AttributionTests
{
    [Theory]
    [InlineData("mlp.out", PatchAxis.Position)]
    [InlineData("mlp.neurons", PatchAxis.Neuron)]
    public void On_a_linear_path_the_estimate_is_what_patching_does(string point, PatchAxis axis)
    {
        using var model = PatchExample.Gpt2();
        var (clean, corrupted) = PatchExample.Texts(model);
        var last = model.Language.Shape.Layers - 1;
        var (end, place) = ($"language.{last}.resid_post", $"language.{last}.{point}");
        var metric = new CoordinateMetric(end, 7);
        var estimated = AttributionPatching.Of(clean, corrupted, metric, new PatchSweep { Points = [point, "resid_post"], By = [axis], Layers = [last] });
        using var from = clean.Run(RunPlan.Capturing(place));
        using var own = corrupted.Run(RunPlan.Capturing(end));
        var largest = 0.0;
        foreach (var effect in estimated.Cells.Where(c => c.Cell.Point == point).Take(20))
        {
            using var patched = corrupted.Run(new RunPlan
            {
                Capture = [end],
                Edits =
                [
                    new Replace(place, EditValue.Of(from.Run[place])) with
                    {
                        Scope = new EditScope
                        {
                            Positions = effect.Cell.Position is { } at ? Positions.At(at) : null,
                            Neurons = effect.Cell.Neuron is { } neuron ? [neuron] : null,
                        },
                    },
                ],
            });
            using var change = (patched.Run[end] - own.Run[end]).select(1, -1).select(1, 7).mean();
            estimated.Change(effect).ShouldBe(change.item<float>(), 1e-5, effect.Cell.Name);
            largest = Math.Max(largest, Math.Abs(change.item<float>()));
        }

        largest.ShouldBeGreaterThan(1e-3);
    }

    [Fact]
    public void Gradients_along_the_way_of_an_activation_give_what_patching_does()
    {
        using var model = PatchExample.Gpt2();
        var (clean, corrupted) = PatchExample.Texts(model);
        var sweep = new PatchSweep { Points = ["resid_mid", "mlp.out"] };
        var patched = ActivationPatching.Between(clean, corrupted, PatchExample.Metric).Run(sweep);
        var rough = AttributionPatching.Of(clean, corrupted, PatchExample.Metric, sweep);
        var along = AttributionPatching.Of(
            clean, corrupted, PatchExample.Metric, sweep, new AttributionOptions { Path = AttributionPath.Activations, Steps = 64 });
        foreach (var ((a, b), c) in along.Cells.Zip(patched.Cells).Zip(rough.Cells))
        {
            along.Change(a).ShouldBe(patched.Change(b), Math.Max(2e-2 * Math.Abs(patched.Change(b)), 2e-3), a.Cell.Name);
        }

        rough.Cells.Zip(patched.Cells).Max(p => Math.Abs(rough.Change(p.First) - patched.Change(p.Second)))
            .ShouldBeGreaterThan(along.Cells.Zip(patched.Cells).Max(p => Math.Abs(along.Change(p.First) - patched.Change(p.Second))));
    }

    [Fact]
    public void Gradients_along_the_way_of_the_inputs_add_up_in_the_first_residual()
    {
        using var model = PatchExample.Gpt2();
        var (clean, corrupted) = PatchExample.Texts(model);
        var result = AttributionPatching.Of(
            clean, corrupted, PatchExample.Metric, new PatchSweep { By = [PatchAxis.Position], Layers = [0] },
            new AttributionOptions { Path = AttributionPath.Inputs, Steps = 64 });
        var whole = result.Source!.Average() - result.Baseline;
        result.Cells.Sum(result.Change).ShouldBe(whole, Math.Abs(whole) * 2e-2);
        result.Cells.Where(c => c.Cell.Position != 1).ShouldAllBe(c => result.Change(c) == 0);
    }

    [Theory]
    [InlineData("embedded:tabletop", AttributionPath.None)]
    [InlineData("embedded:tabletop-flow", AttributionPath.None)]
    public void A_policy_s_components_are_estimated_where_it_decides(string name, AttributionPath path)
    {
        using var policy = Policy.Open(name);
        var (clean, corrupted) = PatchExample.Acts(policy, 1);
        var sweep = new PatchSweep { Points = ["mlp.out"], Groups = ["deciding"] };
        var estimated = AttributionPatching.Of(clean, corrupted, MotionMetric.Speed, sweep, new AttributionOptions { Path = path });
        estimated.Cells.ShouldAllBe(c => double.IsFinite(estimated.Change(c)));
        estimated.Cells.ShouldContain(c => estimated.Change(c) != 0);
        Should.Throw<VitrineException>(() => AttributionPatching.Of(clean, corrupted, MotionMetric.Speed, sweep with { Ungrouped = true })).Message
            .ShouldContain("no gradient of their own");
    }

    [Fact]
    public void Paths_through_feed_forwards_are_others_than_direct_ones_and_the_last_layer_has_none()
    {
        using var model = PatchExample.Gpt2();
        var (clean, corrupted) = PatchExample.Texts(model);
        var paths = new PathPatching(clean, corrupted, PatchExample.Metric);
        var direct = paths.Run(new PathSweep { Into = ["q", "v"], From = [0] });
        var through = paths.Run(new PathSweep { Into = ["q", "v"], From = [0], ThroughMlps = true });
        direct.Cells.Select(c => c.Cell).ShouldBe(through.Cells.Select(c => c.Cell));
        direct.Cells.Zip(through.Cells).Max(p => Math.Abs(p.First.Mean - p.Second.Mean)).ShouldBeGreaterThan(1e-5);
        direct.Cells.ShouldAllBe(c => c.Cell.ToLayer > c.Cell.Layer);
        Should.Throw<VitrineException>(() => paths.Run(new PathSweep { From = [2] })).Message.ShouldContain("no later layer");
    }

    /// <summary>A coordinate of a residual that the run kept; the mean logit of runs that kept none, whose value no estimate's change depends on.</summary>
    private sealed record CoordinateMetric(string At, int Coordinate) : Metric
    {
        public override string Name => "coordinate";

        public override Tensor Of(SubjectRun run) => run.Run.Activations.ContainsKey(Vitrine.Transformers.Points.Address.Parse(At))
            ? run.Run[At].select(1, -1).select(1, Coordinate)
            : run.Run.Logits.mean([1, 2]);
    }
}
