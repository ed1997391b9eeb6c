using Vitrine.Mechanisms.InputAttribution;
using Vitrine.Mechanisms.Metrics;
using Vitrine.Mechanisms.Pictures;
using Vitrine.Policies;
using Vitrine.Tests.Cli;
using Vitrine.Tests.Mechanisms.Pictures;
using Vitrine.Tests.Transformers;
using Vitrine.Transformers;
using Vitrine.Transformers.Engine;
using Vitrine.Worlds.Tabletop;
using static TorchSharp.torch;
using Subject = Vitrine.Mechanisms.Metrics.Subject;

namespace Vitrine.Tests.Mechanisms.InputAttribution;

/// <summary>What must hold of attribution whatever the weights, for every family.</summary>
public sealed class ModelAttributionTests
{
    public static TheoryData<string> Decoders() => TextFixtures.Decoders();

    public static TheoryData<string> Encoders() => Encoder.Answering();

    [Theory, MemberData(nameof(Decoders))]
    public void Scores_of_a_text_are_complete(string name)
    {
        using var model = TextFixtures.Open(name, float64);
        var ids = TextFixtures.Prompt(name);
        using var function = AttributedSubject.Of(Subject.Of(model, TokenBatch.Of(ids)), new LogitMetric([3]));
        AreComplete(function, isLinearBehind: true);
        if (!HasBiases(model))
        {
            using var scope = NewDisposeScope();
            var relevance = Gradients.TimesInput(function, GradientRule.Relevance());
            relevance.sum().item<double>().ShouldBe(function.Values().item<double>(), 1e-6);
        }
    }

    [Theory, MemberData(nameof(Encoders))]
    public void Scores_of_a_picture_are_complete(string name)
    {
        using var encoder = Encoder.Open(name, asClassifier: true);
        using var model = VisionModel.Open(Fixtures.Of("models", name), new ModelOptions { Dtype = float64 });
        using var pixels = encoder.Pixels.to(float64);
        using var function = AttributedSubject.Of(Subject.Of(model, pixels), new LogitMetric([1]));
        AreComplete(function, isLinearBehind: model.Tower.Pool is null && model.Tower.Pooler is null);
    }

    [Theory]
    [InlineData("embedded:tabletop")]
    [InlineData("embedded:tabletop-flow")]
    public void Scores_of_an_action_are_complete(string name)
    {
        using var policy = Policy.Open(name, new ModelOptions { Dtype = float64 });
        Observation[] observations = [.. TabletopStates.ForTest(5, 1)];
        using var function = AttributedSubject.Of(Subject.Of(policy, observations), new ActionValueMetric(policy.ActionNames[0]) { Count = 1 });
        AreComplete(function, isLinearBehind: false, hasSlopes: name == "embedded:tabletop");
    }

    /// <summary>A norm in front of the embeddings is none of the function's, and post-norm blocks have slopes too.</summary>
    [Theory]
    [InlineData("bert-classifier")]
    [InlineData("distilbert-classifier")]
    public void Scores_of_an_encoder_of_texts_have_slopes(string name)
    {
        using var model = TextModel.Open(Fixtures.Of("models", name), new ModelOptions { Dtype = float64 });
        using var function = AttributedSubject.Of(Subject.Of(model, TokenBatch.Of(5, 6, 7, 8)), new LogitMetric([1]));
        using var scope = NewDisposeScope();
        var baseline = function.Baseline(AblationFill.Mean);
        var last = $"language.{model.Language.Shape.Layers - 1}.resid_post";
        var (of, by) = (function.Evaluate(function.Inputs, [0], Asked(last)), function.Evaluate(function.Spread(baseline), [0], Asked(last)));
        var weights = of.LayerGradient!;
        var written = (weights * (of.Activation! - by.Activation!)).sum().item<double>();
        var lifted = Gradients.DeepLift(function, baseline);
        var head = Gradients.DeepLift(function, baseline, last);
        head.sum().item<double>().ShouldBe(written, 1e-9, "behind the last block the head's own derivative stands");
        lifted.sum().item<double>().ShouldBe(written, 1e-9, "what the last block writes is explained");
        Math.Abs(written).ShouldBeGreaterThan(1e-4);

        static EvaluationQuery Asked(string layer) => new() { Layer = layer, LayerGradient = true };
    }

    /// <summary>Behind the last block's neurons there is no ReLU left: what comes back to them is the derivative, and the rule decides what goes on.</summary>
    [Fact]
    public void A_model_of_relus_has_guided_backprop_and_deconvolution()
    {
        var gpt2 = Fixtures.Of("methods", "_models/gpt2-tiny");
        using var folder = new TemporaryFolder();
        File.Copy(Path.Combine(gpt2, "model.safetensors"), folder["model.safetensors"]);
        File.WriteAllText(folder["config.json"], File.ReadAllText(Path.Combine(gpt2, "config.json")).Replace("gelu_new", "relu", StringComparison.Ordinal));
        using var model = TextModel.Open(Path.GetDirectoryName(folder["config.json"])!, new ModelOptions { Dtype = float64 });
        using var function = AttributedSubject.Of(Subject.Of(model, TokenBatch.Of(5, 6, 7, 8)), new LogitMetric([3]));
        using var scope = NewDisposeScope();
        var block = $"language.{model.Language.Shape.Layers - 1}.mlp";
        var (up, neurons) = (At($"{block}.up", GradientRule.Derivative), At($"{block}.neurons", GradientRule.Derivative));
        var positive = neurons.Slope.clamp_min(0);
        Same(At($"{block}.up", GradientRule.GuidedBackprop).Slope, positive * up.Value.gt(0));
        Same(At($"{block}.up", GradientRule.Deconvolution).Slope, positive);
        function.Evaluate(function.Inputs, [0], new EvaluationQuery { Gradient = true, Rule = GradientRule.GuidedBackprop }).Values.item<double>()
            .ShouldBe(function.Values().item<double>(), 1e-12, "a rule changes no value");

        (Tensor Value, Tensor Slope) At(string layer, GradientRule rule)
        {
            var at = function.Evaluate(function.Inputs, [0], new EvaluationQuery { Layer = layer, LayerGradient = true, Rule = rule });
            return (at.Activation!, at.LayerGradient!);
        }
    }

    /// <summary>What the slopes say of a layer's activations sums to the same change as what they say of the inputs.</summary>
    [Theory]
    [InlineData("embed")]
    [InlineData("1.resid_pre")]
    [InlineData("1.resid_post")]
    public void Slopes_are_complete_at_every_depth(string layer)
    {
        using var model = TextModel.Open(Fixtures.Of("methods", "_models/llama-tiny"), new ModelOptions { Dtype = float64 });
        using var function = AttributedSubject.Of(Subject.Of(model, TokenBatch.Of(5, 6, 7, 8)), new LogitDifferenceMetric([3], [4]));
        using var scope = NewDisposeScope();
        var baseline = function.Baseline(AblationFill.Mean);
        var lifted = Gradients.DeepLift(function, baseline, $"language.{layer}");
        function.Delta(lifted, baseline).item<double>().ShouldBe(0, 1e-9);
        lifted.abs().max().item<double>().ShouldBeGreaterThan(1e-3);
    }

    private static void Same(Tensor found, Tensor expected)
    {
        expected.abs().max().item<double>().ShouldBeGreaterThan(1e-6);
        (found - expected).abs().max().item<double>().ShouldBeLessThan(1e-9);
    }

    private static void AreComplete(AttributedSubject function, bool isLinearBehind, bool hasSlopes = true)
    {
        using var scope = NewDisposeScope();
        using var features = function.Features();
        var baseline = function.Baseline(AblationFill.Mean);
        var (whole, nothing) = (function.Values().item<double>(), function.Values(baseline, [0]).item<double>());
        var change = Math.Max(1e-3, Math.Abs(whole - nothing));
        // Halfway, where no path crosses a place so steep that steps would have to be many.
        var halfway = (baseline + function.Inputs) / 2;
        var integrated = new IntegratedGradients { Steps = 64 }.Of(function, halfway);
        function.Delta(integrated, halfway).item<double>().ShouldBe(0, 1e-4 * change);
        features.Sums(integrated).sum().item<double>().ShouldBe(integrated.sum().item<double>(), 1e-6 * change, "features hold every input that differs");
        if (hasSlopes)
        {
            var lifted = Gradients.DeepLift(function, baseline);
            if (isLinearBehind)
            {
                function.Delta(lifted, baseline).item<double>().ShouldBe(0, 1e-6 * change);
            }
        }

        var removal = new FeatureRemoval(function, features, baseline);
        var all = Enumerable.Repeat(true, features.Count).ToArray();
        removal.Values([(0, all)])[0].ShouldBe(nothing, 1e-6, "everything taken away is the baseline");
        removal.Values([(0, new bool[features.Count])])[0].ShouldBe(whole, 1e-6);
        new FeatureRemoval(function, features, function.Inputs).Ablation()[0].ShouldAllBe(v => Math.Abs(v) < 1e-9, "what stays in its place changes nothing");
        ShapleyValues.Sampled(removal, orders: 2, seed: 1)[0].Sum().ShouldBe(whole - nothing, 1e-6);
    }

    private static bool HasBiases(TextModel model)
        => model.Language.Specs.Any(s => s.Attention.Bias || s.Attention.OutputBias || s.Mlp.Bias || s.Norm.Kind == NormKind.LayerNorm);
}
