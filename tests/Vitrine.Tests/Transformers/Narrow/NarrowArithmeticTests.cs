using System.Text.RegularExpressions;
using Vitrine.Transformers;
using Vitrine.Transformers.Caches;
using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Weights;
using static TorchSharp.torch;

namespace Vitrine.Tests.Transformers.Narrow;

/// <summary>
/// Numbers and sums in 16 bits: a number that multiplies is not rounded first, and what is summed is summed in float32. u is the rounding of one number.
/// </summary>
public sealed partial class NarrowArithmeticTests
{
    /// <summary>libtorch rounds the number of an in-place product to 16 bits first; nothing here may depend on that.</summary>
    /// <remarks>What stands here works on float32, or on tensors alone: each is looked at once, and a new one is looked at when this test fails.</remarks>
    [Fact]
    public void Every_in_place_product_is_known()
    {
        var found = Directory.EnumerateFiles(Path.Combine(Fixtures.Repository, "src"), "*.cs", SearchOption.AllDirectories)
            .Where(f => !f.Split(Path.DirectorySeparatorChar).Any(part => part is "obj" or "bin"))
            .SelectMany(f => InPlace().Matches(File.ReadAllText(f)).Select(m => $"{Path.GetFileName(f)} {m.Groups[1].Value}"))
            .Order(StringComparer.Ordinal).ToArray();
        found.ShouldBe(
        [
            "AdamW.cs add_",                     // weights are trained in float32: moments,
            "AdamW.cs add_",
            "AdamW.cs addcdiv_",
            "AdamW.cs addcmul_",
            "AdamW.cs mul_",                     // and the weights themselves
            "AdamW.cs mul_",
            "AdamW.cs mul_",
            "AdamW.cs mul_",
            "EdgeSum.cs mul_",                   // derivatives in float32 at least, tensor by tensor
            "KMeans.cs index_add_",              // float32
            "LayerSimilarity.cs add_",           // float64, tensor by tensor
            "Numbers.cs addmm_",                 // float32 at least, times one
            "Parts.cs add_",                     // of float32 lengths
            "Parts.cs addmm_",                   // a tile of kept weights, times one
            "Parts.cs mul_",                     // a float32 row by its gain
            "Parts.cs mul_",                     // a 16-bit row by its gain, tensor by tensor
            "Parts.cs mul_",                     // a float32 row by a float32 gain, then rounded
            "Parts.cs mul_",                     // of float32 lengths
            "Rotary.cs addcmul_",                // tensor by tensor
            "VocabularyReader.cs addmm_",        // float32
        ]);
    }

    [Theory, InlineData(ScalarType.BFloat16), InlineData(ScalarType.Float16)]
    public void A_number_that_multiplies_is_not_rounded_first(ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(4, CPU);
        var x = randn([4, 128], generator: generator).to(dtype);
        var wide = x.to(float32);
        new SoftCap(30).Apply(x).ShouldHaveTheBitsOf(((wide * (float)(1.0 / 30)).to(dtype).to(float32).tanh().to(dtype).to(float32) * 30).to(dtype), "cap");
        Activation.QuickGelu.Apply(x).ShouldHaveTheBitsOf(
            ((wide * 1.702f).to(dtype).to(float32).sigmoid().to(dtype).to(float32) * wide).to(dtype), "quick gelu");
    }

    /// <remarks>x becomes round(0.1 x), 0.1 in float32, whether all rows or each has its factor; in 16 bits 0.1 alone is off by 0.04 %.</remarks>
    [Theory, InlineData(ScalarType.BFloat16), InlineData(ScalarType.Float16)]
    public void A_factor_is_the_same_number_for_all_rows_and_for_one(ScalarType dtype)
    {
        using var model = TextFixtures.Any(dtype);
        const string At = "language.0.mlp.out";
        var batch = TokenBatch.Of([TextFixtures.Prompt(TextFixtures.First())[..5], TextFixtures.Prompt(TextFixtures.First())[..5]]);
        using var scope = NewDisposeScope();
        using var plain = model.Run(batch, RunPlan.Capturing(At));
        var expected = (plain[At].to(float32) * 0.1f).to(dtype);
        using var whole = model.Run(batch, new RunPlan { Capture = [At], Edits = [new Scale(At, 0.1)] });
        using var each = model.Run(batch, RunPlan.ForRows(
            new RunPlan { Capture = [At], Edits = [new Scale(At, 0.1)] }, new RunPlan { Capture = [At], Edits = [new Scale(At, 0.3)] }));
        whole[At].ShouldHaveTheBitsOf(expected, "all rows");
        each[At][0].ShouldHaveTheBitsOf(expected[0], "a row of its own");
        each[At][1].ShouldHaveTheBitsOf((plain[At].to(float32) * 0.3f).to(dtype)[1], "the other");
        var vector = EditValue.Of([.. Enumerable.Range(0, model.Language.Shape.Width).Select(i => MathF.Sin(i))]);
        using var added = model.Run(batch, new RunPlan { Capture = [At], Edits = [new Add(At, vector, 0.1)] });
        using var addedEach = model.Run(batch, RunPlan.ForRows(
            new RunPlan { Capture = [At], Edits = [new Add(At, vector, 0.1)] }, new RunPlan { Capture = [At], Edits = [new Add(At, vector, 0.3)] }));
        addedEach[At][0].ShouldHaveTheBitsOf(added[At][0], "a dose");
    }

    /// <remarks>300 rows: a cell of bfloat16 that counts them stops at 256, and a sum loses every small number beside it.</remarks>
    [Theory, InlineData(ScalarType.BFloat16), InlineData(ScalarType.Float16)]
    public void Means_over_many_rows_and_positions_are_those_of_float64(ScalarType dtype)
    {
        using var model = TextFixtures.Any(dtype);
        const string At = "language.0.mlp.out";
        using var scope = NewDisposeScope();
        int[][] prompts = [.. Enumerable.Range(0, 300).Select(i => new int[] { (i % 250) + 3, (i % 240) + 4 })];
        Agrees(TokenBatch.Of(prompts), MeanOver.Rows, x => x.mean([0], keepdim: true));
        Agrees(TokenBatch.Of([.. Enumerable.Range(0, 300).Select(i => (i % 250) + 3)]), MeanOver.Positions, x => x.mean([1], keepdim: true));

        void Agrees(TokenBatch batch, MeanOver over, Func<Tensor, Tensor> mean)
        {
            if (batch.Lengths[0] > 200 && model.Language.Spec.Attention.Rotary is null)
            {
                return;                                                                                    // learned positions end before
            }

            using var plain = model.Run(batch, RunPlan.Capturing(At));
            using var edited = model.Run(batch, new RunPlan { Capture = [At], Edits = [new Mean(At) { Over = over }] });
            var expected = mean(plain[At].to(float64)).expand_as(plain[At]);
            (edited[At].to(float64) - expected).abs().max().item<double>()
                .ShouldBeLessThan(1.01 * Unit(dtype) * expected.abs().max().item<double>(), $"{over}: rounded once");
        }
    }

    /// <remarks>
    /// Each component is rounded once in the run; their sum in float32 is off by the roundings of the stream alone: 2 u a block of its largest number.
    /// </remarks>
    [Theory, MemberData(nameof(Decoders))]
    public void Parts_of_a_16_bit_residual_sum_to_it(string name, ScalarType dtype)
    {
        using var model = TextFixtures.Open(name, dtype);
        using var scope = NewDisposeScope();
        using var cache = ActivationCache.Of(model, TokenBatch.Of(TextFixtures.Prompt(name)[..6]));
        var residual = cache.Accumulated().Values[^1];
        residual.dtype.ShouldBe(ScalarType.Float32);
        var largest = cache.Accumulated().Values.abs().max().item<float>();
        var bound = 2 * model.Language.Shape.Layers * Unit(dtype) * Math.Max(1, largest);
        foreach (var (parts, what) in new[] { (cache.Decompose(), "components"), (cache.Full(), "heads"), (cache.Full(neurons: true), "neurons") })
        {
            parts.Values.dtype.ShouldBe(ScalarType.Float32);
            (parts.Sum() - residual).abs().max().item<float>().ShouldBeLessThan((float)(what == "components" ? bound : 3 * bound), what);
        }

        using var attribution = cache.LogitAttribution(cache.Decompose(), [5], [9], gain: true);
        attribution.dtype.ShouldBe(ScalarType.Float32);
        attribution.isfinite().all().item<bool>().ShouldBeTrue();
        cache.Unembedded(cache.Renormed(cache.Accumulated())).Values.isfinite().all().item<bool>().ShouldBeTrue();
    }

    /// <remarks>Folded in float32 and rounded once, the weights answer as the raw ones do within roundings.</remarks>
    [Theory, MemberData(nameof(Decoders))]
    public void Folded_16_bit_weights_answer_as_the_raw_ones(string name, ScalarType dtype)
    {
        using var model = TextFixtures.Open(name, dtype);
        using var wide = TextFixtures.Open(name);
        var batch = TokenBatch.Of(TextFixtures.Prompt(name));
        using var scope = NewDisposeScope();
        using var folded = model.Processed(Folding.All(model.Language));
        using var exact = wide.Processed(Folding.All(wide.Language));
        using var found = folded.Run(batch);
        using var expected = exact.Run(batch);
        var (a, b) = (found.Logits.to(float32), expected.Logits);
        (a - b).abs().max().item<float>().ShouldBeLessThan((float)(32 * Unit(dtype) * Math.Max(1, b.abs().max().item<float>())));
    }

    public static TheoryData<string, ScalarType> Decoders() => NarrowPaddingTests.Decoders();

    private static double Unit(ScalarType dtype) => dtype == ScalarType.BFloat16 ? 1.0 / 256 : 1.0 / 2048;

    [GeneratedRegex(@"\.((?:mul|div|add|sub|addcmul|addcdiv|addmm|addmv|baddbmm|index_add|pow|lerp)_)\(")]
    private static partial Regex InPlace();
}
