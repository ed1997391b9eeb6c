using Vitrine.Mechanisms.InputAttribution;
using Vitrine.Mechanisms.Metrics;
using Vitrine.Mechanisms.Pictures;
using Vitrine.Policies;
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
