using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Tests.Transformers;

/// <summary>The gradient at a point is what a small change at that point does, everything downstream recomputed, and nothing beside it.</summary>
public sealed class GradientTests
{
    public static TheoryData<string> Models() => Subject.Names();

    [Theory, MemberData(nameof(Models))]
    public void A_gradient_predicts_a_small_change_at_its_point(string name)
    {
        using var model = Subject.Open(name, ScalarType.Float64);
        Point[] points = [.. new[] { Point.ResidPre, Point.AttnIn, Point.AttnV, Point.AttnZ, Point.ResidMid, Point.MlpIn, Point.MlpNeurons }.Where(
            model.Shape.Points.Contains)];
        Address[] addresses = [.. points.Select(p => new Address(model.Shape.Name, model.Shape.Layers - 1, p))];
        using var run = model.Run(new RunPlan { Gradients = [.. addresses.Select(a => a.ToString())] });
        var gradients = run.GradientsOf(Metric);
        foreach (var address in addresses)
        {
            using var scope = NewDisposeScope();
            var direction = EditValue.Of(randn(run.Activations[address].shape, generator: new Generator(7)));
            const double Step = 1e-5;
            var change = (After(direction, Step) - After(direction, -Step)) / (2 * Step);
            var predicted = (gradients[address] * direction.ToTensor(ScalarType.Float64)).sum().item<double>();
            change.ShouldBe(predicted, 1e-6 * Math.Max(1, Math.Abs(predicted)), address.ToString());

            double After(EditValue value, double factor)
            {
                using var changed = model.Run(new RunPlan { Edits = [new Add(address.ToString(), value, factor)], ExplicitAttention = true });
                return Metric(changed).item<double>();
            }
        }
    }

    /// <remarks>Of the first row, weighed so that no direction cancels out.</remarks>
    private static Tensor Metric(Run run)
    {
        var first = run.Logits[0].flatten();
        return (first * arange(1, first.numel() + 1, float64).sin()).sum();
    }
}
