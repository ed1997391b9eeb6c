using Vitrine.Mechanisms.InputAttribution;
using static TorchSharp.torch;

namespace Vitrine.Tests.Mechanisms.InputAttribution;

/// <summary>Functions whose attributions can be written down.</summary>
public sealed class ClosedFormTests : IDisposable
{
    private readonly TorchSharp.DisposeScope scope = NewDisposeScope();
    private readonly Tensor x = tensor(new[] { 1.0, -2, 3, .5, 2, 1, -1, 4 }, [2, 4]);
    private readonly Tensor weight = tensor(new[] { 2.0, -1, .5, 3 });
    private readonly Tensor baseline = tensor(new[] { .5, 0, -1, 1 });

    public void Dispose() => scope.Dispose();

    [Fact]
    public void On_a_linear_function_every_method_says_weight_times_difference()
    {
        var function = Linear();
        var expected = weight * (x - baseline);
        using var features = InputFeatures.Each(x);
        var removal = new FeatureRemoval(function, features, baseline);
        var references = baseline.unsqueeze(0);
        Same(new IntegratedGradients { Steps = 1 }.Of(function, baseline), expected);
        Same(Gradients.DeepLift(function, baseline), expected);
        Same(Gradients.DeepLiftShap(function, references, out var deltas), expected);
        deltas.abs().max().item<double>().ShouldBeLessThan(1e-12);
        Same(Gradients.GradientShap(function, references, Gradients.Draws(2, 1, 3, seed: 5), out deltas), expected);
        deltas.abs().max().item<double>().ShouldBeLessThan(1e-12);
        Same(Table(removal.Ablation()), expected);
        Same(Table(ShapleyValues.Exact(removal)), expected);
        Same(Table(ShapleyValues.Sampled(removal, orders: 1, seed: 3)), expected);
        Same(Table([.. Enumerable.Range(0, 2).Select(row => LocalSurrogate.KernelShap(removal, row, samples: 14, seed: 0))]), expected);
        Same(Table([.. Enumerable.Range(0, 2).Select(row => LocalSurrogate.Lime(removal, row, LocalSurrogate.Draws(4, 30, seed: 1), off => 1))]), expected);
        Same(Gradients.TimesInput(function), weight * x);
        Same(Gradients.TimesInput(function, GradientRule.Relevance()), weight * x);
        var noise = randn([5, 2, 4], float64);
        AttributionChecks.Infidelity(function, weight.expand(2, 4), noise).abs().max().item<double>().ShouldBeLessThan(1e-20);
        AttributionChecks.MaxSensitivity(function, f => Gradients.Saliency(f), noise).abs().max().item<double>().ShouldBe(0);
    }

    [Fact]
    public void Shapley_values_keep_their_axioms()
    {
        // Features 0 and 1 multiply, 2 adds, 3 does nothing.
        Tensor F(Tensor at) => (at.select(1, 0) * at.select(1, 1)) + (at.select(1, 2) * 3);
        Tensor G(Tensor at) => (at.select(1, 3) * at.select(1, 0)).exp();
        using var features = InputFeatures.Each(x);
        double[][] Of(Func<Tensor, Tensor> f) => ShapleyValues.Exact(new FeatureRemoval(new AttributedFunction(x, (at, _, _) => f(at)), features, zeros(1)));
        var values = Of(F);
        values[0].ShouldBe([-1, -1, 9, 0], 1e-12, "a product is shared alike, and what does nothing has nothing");
        var sum = Of(at => F(at) + G(at));
        sum[1].ShouldBe(values[1].Zip(Of(G)[1], (a, b) => a + b), 1e-9, "values of a sum are sums of values");
        sum[1].Sum().ShouldBe((F(x) + G(x))[1].item<double>() - 1, 1e-9, "they sum to the whole change");
    }

    [Fact]
    public void Kernel_shap_over_every_set_is_exact()
    {
        var function = new AttributedFunction(x, (at, _, _) => (at.select(1, 0) * at.select(1, 1) * at.select(1, 2)) + at.select(1, 3).exp());
        using var features = InputFeatures.Each(x);
        var removal = new FeatureRemoval(function, features, baseline);
        LocalSurrogate.KernelShap(removal, 0, samples: 14, seed: 0).ShouldBe(ShapleyValues.Exact(removal)[0], 1e-9);
        var drawn = LocalSurrogate.KernelShap(removal, 0, samples: 10, seed: 2);
        drawn.Sum().ShouldBe(removal.Values([(0, new bool[4])])[0] - removal.Values([(0, [true, true, true, true])])[0], 1e-9);
    }

    [Fact]
    public void A_network_without_biases_conserves_relevance_and_lifts_completely()
    {
        Tensor first = randn([5, 4], float64), second = randn([1, 5], float64);
        var function = new AttributedFunction(x, (at, _, visits)
            => visits.Linear("out", visits.Relu("hidden", visits.Linear("in", at, first, null)), second, null).squeeze(1));
        Same(Gradients.TimesInput(function, GradientRule.Relevance()).sum(-1), function.Values());
        Same(Gradients.TimesInput(function, GradientRule.Relevance(gamma: .25)).sum(-1), function.Values());
        function.Delta(Gradients.DeepLift(function, baseline), baseline).abs().max().item<double>().ShouldBeLessThan(1e-12);
        var steps = new IntegratedGradients { Steps = 1000, Sum = PathSum.Middle };
        function.Delta(steps.Of(function, baseline), baseline).abs().max().item<double>().ShouldBeLessThan(.01);
        function.Delta(steps.Conductance(function, baseline, "hidden"), baseline).abs().max().item<double>().ShouldBeLessThan(.05);
    }

    [Fact]
    public void Guided_backprop_lets_only_what_is_positive_back_through_active_units()
    {
        // Units: x0 (active), -x0 (not active); the second speaks against.
        var function = new AttributedFunction(tensor(new[] { 2.0 }, [1, 1]), (at, _, visits) =>
        {
            var hidden = visits.Relu("hidden", cat([at, -at, at * 3], 1));
            return (hidden * tensor(new[] { 1.0, 1, -1 })).sum(-1);
        });
        Gradients.Saliency(function, absolute: false).item<double>().ShouldBe(-2);
        Gradients.Saliency(function, absolute: false, GradientRule.GuidedBackprop).item<double>().ShouldBe(1);
        Gradients.Saliency(function, absolute: false, GradientRule.Deconvolution).item<double>().ShouldBe(0);
    }

    [Fact]
    public void A_deletion_curve_of_the_right_order_lies_below_random_ones()
    {
        var many = arange(1, 21, dtype: float64).unsqueeze(0);
        var function = new AttributedFunction(many, (at, _, _) => at.sum(-1));
        using var features = InputFeatures.Each(many);
        var removal = new FeatureRemoval(function, features, zeros(1));
        double[] right = [.. Enumerable.Range(1, 20).Select(v => (double)v)];
        var curve = RemovalCurve.Deletion(removal, 0, right);
        (curve.Values[0], curve.Values[^1], curve.AsLow).ShouldBe((210, 0, 0));
        curve.Area.ShouldBeLessThan(curve.RandomLow);
        RemovalCurve.Deletion(removal, 0, [.. right.Reverse()]).Area.ShouldBeGreaterThan(curve.RandomHigh);
        RemovalCurve.Insertion(removal, 0, right).Area.ShouldBeGreaterThan(curve.RandomHigh);
        curve.RandomAreas.Average().ShouldBe(105, 10, "a random order falls along a line");
    }

    [Fact]
    public void Windows_cover_the_edges_and_share_what_they_overlap()
    {
        var picture = arange(25, dtype: float64).reshape(1, 1, 5, 5);
        var function = new AttributedFunction(picture, (at, _, _) => at.flatten(1).sum(-1));
        using var windows = InputFeatures.OfWindows([1, 5, 5], [1, 2, 3], [1, 2, 2]);
        windows.Count.ShouldBe(3 * 2);
        var scores = Table(new FeatureRemoval(function, windows, zeros(1)).Ablation());
        scores[0, 5].item<double>().ShouldBe(22 + 23 + 24, "the last row of windows is cut off");
        var spread = windows.Spread(scores, picture);
        spread[0, 0, 0, 2].item<double>().ShouldBe((scores[0, 0].item<double>() + scores[0, 1].item<double>()) / 2, 1e-12);
        Should.Throw<VitrineException>(() => InputFeatures.OfWindows([1, 5, 5], [1, 6, 3], [1, 2, 2])).Message.ShouldContain("no larger than the input");
    }

    [Fact]
    public void Weights_of_a_path_integrate_polynomials()
    {
        foreach (var steps in (int[])[1, 2, 5, 20, 64])
        {
            var points = IntegratedGradients.Weights(steps, PathSum.GaussLegendre);
            var power = (2 * steps) - 1;
            points.Sum(p => p.Weight * Math.Pow(p.At, power)).ShouldBe(1.0 / (power + 1), 1e-13, "exact up to degree 2n - 1");
        }

        IntegratedGradients.Weights(5, PathSum.Middle).Sum(p => p.Weight * p.At).ShouldBe(.5, 1e-15);
        Should.Throw<VitrineException>(() => IntegratedGradients.Weights(0, PathSum.Left)).Message.ShouldContain("at least 1");
    }

    [Fact]
    public void What_does_not_fit_is_named()
    {
        var function = Linear();
        Should.Throw<VitrineException>(() => Gradients.TimesActivation(function, "hiden")).Message.ShouldContain("'hiden'");
        Should.Throw<VitrineException>(() => new IntegratedGradients().Of(function, zeros(3))).Message.ShouldContain("[3]");
        var sigmoid = new AttributedFunction(x, (at, _, visits) => visits.Nonlinear("s", at, v => v.sigmoid()).sum(-1));
        Should.Throw<VitrineException>(() => Gradients.Saliency(sigmoid, rule: GradientRule.GuidedBackprop)).Message.ShouldContain("no ReLU");
        using var features = InputFeatures.Each(ones(1, 13));
        var wide = new FeatureRemoval(new AttributedFunction(ones(1, 13), (at, _, _) => at.sum(-1)), features, zeros(1));
        Should.Throw<VitrineException>(() => ShapleyValues.Exact(wide)).Message.ShouldContain("up to 12");
        Should.Throw<VitrineException>(() => LocalSurrogate.Lime(wide, 0, LocalSurrogate.Draws(13, 5, 0), _ => 1)).Message.ShouldContain("draw more");
    }

    private AttributedFunction Linear() => new(x, (at, _, visits) => visits.Linear("f", at, weight.unsqueeze(0), null).squeeze(1));

    private static Tensor Table(double[][] rows) => tensor(rows.SelectMany(r => r).ToArray(), [rows.Length, rows[0].Length]);

    private static void Same(Tensor found, Tensor expected)
    {
        found.shape.ShouldBe(expected.shape);
        (found - expected).abs().max().item<double>().ShouldBeLessThan(1e-7);
    }
}
