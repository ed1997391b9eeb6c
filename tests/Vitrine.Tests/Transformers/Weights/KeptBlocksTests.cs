using TorchSharp;
using Vitrine.Checkpoints;
using Vitrine.Checkpoints.Gguf;
using Vitrine.Tests.Checkpoints;
using Vitrine.Transformers;
using Vitrine.Transformers.Families;
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

            SameAnswers.Generated(kept, widened, batch, "decoded");
            SameAnswers.WeightsRead(kept, widened);
            SameAnswers.GradientsAndFolding(kept, widened, batch, m => m.Processed(new Folding { ValueBiases = true, Norms = true }));
        }
    }

    [Theory, MemberData(nameof(Models))]
    public void A_matrix_of_another_shape_is_refused_before_it_is_read(string folder)
    {
        Assert.SkipUnless(folder.Length > 0, "the fixtures have no model of an architecture that GGUF files are read of");
        using var place = new Workplace();
        using var original = Checkpoint.Open(folder);
        using var reader = new WeightReader(
            Checkpoint.Open(place.Write("model.gguf", GgufModelTests.Convert(folder, original, GgufType.F16))), "config.json", new ModelOptions());
        var name = reader.Checkpoint.Names.FirstOrDefault(n => reader.Checkpoint.HasRows(n) && n.EndsWith(".weight", StringComparison.Ordinal));
        Assert.SkipWhen(name is null, "rows are no whole blocks");
        var (shape, before) = (reader.Shape(name), DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount);
        Should.Throw<VitrineException>(() => reader.Linear(name[..^".weight".Length], shape[0] + 1, shape[1], bias: false)).Message.ShouldContain(name);
        DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount.ShouldBe(before, "nothing was mapped that nobody owns");
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
