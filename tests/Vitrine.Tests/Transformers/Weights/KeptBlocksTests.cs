using Vitrine.Checkpoints;
using Vitrine.Checkpoints.Gguf;
using Vitrine.Tests.Checkpoints;
using Vitrine.Transformers;
using Vitrine.Transformers.Weights;
using static TorchSharp.torch;

namespace Vitrine.Tests.Transformers.Weights;

/// <summary>Matrices of .gguf files that stay as their blocks answer as widened ones do.</summary>
public sealed class KeptBlocksTests
{
    public static TheoryData<string> Models() => GgufModelTests.Convertible();

    [Theory, MemberData(nameof(Models))]
    public void Every_answer_is_that_of_widened_weights(string folder)
    {
        Assert.SkipUnless(folder.Length > 0, "the fixtures have no model of an architecture that GGUF files are read of");
        using var place = new Workplace();
        using var original = Checkpoint.Open(folder);
        foreach (var type in new[] { GgufType.F16, GgufType.Q8_0 })
        {
            var path = place.Write($"{type}.gguf", GgufModelTests.Convert(folder, original, type));
            using var kept = Open(path, WeightStorage.Auto);
            using var widened = Open(path, WeightStorage.Widened);
            // Rows of whole blocks alone are kept.
            (kept.Language.Blocks[0].Weights.Up.Blocks?.Type).ShouldBe(kept.Language.Shape.Width % 32 == 0 ? type : null);
            widened.Language.Blocks[0].Weights.Up.Blocks.ShouldBeNull();
            using var scope = NewDisposeScope();
            var batch = TokenBatch.Of([.. Enumerable.Range(0, 24).Select(i => (i * 7) % kept.Language.Shape.Vocabulary)]);
            using (var one = kept.Run(batch, RunPlan.Capturing("*.*.*")))
            using (var other = widened.Run(batch, RunPlan.Capturing("*.*.*")))
            {
                one.Logits.ShouldBeClose(other.Logits, $"{type} {folder}");
                foreach (var (address, value) in one.Activations)
                {
                    value.ShouldBeClose(other[address.ToString()], $"{type} {address}");
                }
            }

            using (var one = kept.Generate(batch, 8))
            using (var other = widened.Generate(batch, 8))
            {
                one.Ids[0].ShouldBe(other.Ids[0]);
                one.Run.Logits.ShouldBeClose(other.Run.Logits, "decoded");
            }

            kept.Language.ValueVectors(0).ShouldHaveTheBitsOf(widened.Language.ValueVectors(0), "value vectors");
            kept.Language.Unembedding().ShouldHaveTheBitsOf(widened.Language.Unembedding(), "unembedding");
            kept.Language.Parameters.ShouldBe(widened.Language.Parameters);
            foreach (var (key, value) in NamedWeights.OfLayer(widened, 0).Concat(NamedWeights.OutsideLayers(widened)))
            {
                (NamedWeights.OfLayer(kept, 0).GetValueOrDefault(key) ?? NamedWeights.OutsideLayers(kept)[key]).ShouldHaveTheBitsOf(value, key);
            }

            var plan = new RunPlan { Gradients = ["language.0.resid_pre"] };
            Gradient(kept).ShouldBeClose(Gradient(widened), "gradient");
            using var folded = kept.Processed(new Folding { ValueBiases = true, Norms = true });
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

    /// <remarks>The order of every sum is the same in both, so that greedy texts are.</remarks>
    [Fact]
    public void A_real_model_goes_on_for_200_tokens_alike()
    {
        var folder = Material.Shared is null ? "" : Path.Combine(Material.Shared, "models", "smollm2-135m-instruct");
        Assert.SkipUnless(Directory.Exists(folder), "../shared (VITRINE_SHARED) has no models/smollm2-135m-instruct");
        const string Prompt = "The most surprising thing about the history of the sea is";
        using var kept = TextModel.Open(folder);
        using var one = kept.Generate(kept.Encode(Prompt), new GenerationOptions(200) { KeepLogits = false });
        using var widened = TextModel.Open(folder, new ModelOptions { Storage = WeightStorage.Widened });
        using var other = widened.Generate(widened.Encode(Prompt), new GenerationOptions(200) { KeepLogits = false });
        one.Ids[0].ShouldBe(other.Ids[0]);
        one.Run.FusedBlocks.ShouldBe(199 * kept.Language.Shape.Layers);
    }

    private static TextModel Open(string path, WeightStorage storage)
    {
        var checkpoint = Checkpoint.Open(path);
        var config = new ConfigReader(GgufConfig.ToConfigJson(checkpoint.Gguf!), path);
        return TextModel.Open(config, checkpoint, new ModelOptions { Storage = storage });
    }
}
