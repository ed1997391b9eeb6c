using Vitrine.Transformers;
using Vitrine.Transformers.Weights;
using static TorchSharp.torch;

namespace Vitrine.Tests.Transformers.Weights;

/// <summary>A model whose weights are kept as their file has them answers as the same with widened ones does.</summary>
internal static class SameAnswers
{
    public static void Generated(TextModel kept, TextModel widened, TokenBatch batch, string what)
    {
        using var one = kept.Generate(batch, 8, cancellation: TestContext.Current.CancellationToken);
        using var other = widened.Generate(batch, 8, cancellation: TestContext.Current.CancellationToken);
        one.Ids[0].ShouldBe(other.Ids[0]);
        one.Run.Logits.ShouldBeClose(other.Run.Logits, what);
    }

    public static void WeightsRead(TextModel kept, TextModel widened)
    {
        using var scope = NewDisposeScope();
        kept.Language.Dtype.ShouldBe(ScalarType.Float32);
        kept.Language.ValueVectors(0).ShouldHaveTheBitsOf(widened.Language.ValueVectors(0), "value vectors");
        kept.Language.Unembedding().ShouldHaveTheBitsOf(widened.Language.Unembedding(), "unembedding");
        kept.Language.Parameters.ShouldBe(widened.Language.Parameters);
        var some = NamedWeights.OfLayer(kept, 0).Concat(NamedWeights.OutsideLayers(kept)).ToDictionary();
        foreach (var (key, value) in NamedWeights.OfLayer(widened, 0).Concat(NamedWeights.OutsideLayers(widened)))
        {
            some[key].ShouldHaveTheBitsOf(value, key);
        }
    }

    public static void GradientsAndFolding(TextModel kept, TextModel widened, TokenBatch batch, Func<TextModel, TextModel> fold)
    {
        using var scope = NewDisposeScope();
        var plan = new RunPlan { Gradients = ["language.0.resid_pre"] };
        Gradient(kept).ShouldBeClose(Gradient(widened), "gradient");
        using var folded = fold(kept);
        using var run = folded.Run(batch);
        using var expected = widened.Run(batch);
        run.Logits.ShouldBeClose(expected.Logits, "folded");

        Tensor Gradient(TextModel model)
        {
            using var run = model.Run(batch, plan);
            return run.GradientsOf(r => r.Logits.select(1, -1).logsumexp(-1).sum()).Values.Single();
        }
    }
}
