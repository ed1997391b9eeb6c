using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Vitrine.Certification;
using Vitrine.Certification.Models;
using Vitrine.Checkpoints;
using Vitrine.Transformers;
using Vitrine.Transformers.Engine;
using Vitrine.Transformers.Weights;
using static TorchSharp.torch;

namespace Vitrine.Tests.Transformers.Weights;

/// <summary>Weights that stay in 16 bits, as their file has them, change no answer.</summary>
public sealed class WeightStorageTests
{
    public static TheoryData<string> Models() => Subject.Names();

    public static TheoryData<string> Decoders() => TextFixtures.Decoders();

    [Theory, MemberData(nameof(Models))]
    public void Every_point_is_what_widened_weights_give(string name)
    {
        var original = Fixtures.Of("models", name);
        using var fixture = Fixture.Open(original);
        foreach (var narrow in new[] { ScalarType.BFloat16, ScalarType.Float16 })
        {
            using var twin = NarrowTwin.Of(original, narrow);
            using var scope = NewDisposeScope();
            var (kept, stored) = Everything(fixture, twin.Folder, WeightStorage.AsStored);
            var (widened, wide) = Everything(fixture, twin.Folder, WeightStorage.Widened);
            (stored, wide).ShouldBe((narrow, ScalarType.Float32));
            using (kept)
            using (widened)
            {
                kept.Activations.Keys.ShouldBe(widened.Activations.Keys);
                kept.Logits.ShouldBeClose(widened.Logits, $"{narrow} {name}");
                foreach (var (address, value) in kept.Activations)
                {
                    value.dtype.ShouldBe(ScalarType.Float32);
                    value.ShouldBeClose(widened[address.ToString()], $"{narrow} {address}");
                }
            }
        }
    }

    [Theory, MemberData(nameof(Decoders))]
    public void Generated_tokens_are_the_same(string name)
    {
        using var twin = NarrowTwin.Of(Fixtures.Of("models", name), ScalarType.BFloat16);
        using var kept = TextModel.Open(twin.Folder, new ModelOptions { Storage = WeightStorage.AsStored });
        using var widened = TextModel.Open(twin.Folder, new ModelOptions { Storage = WeightStorage.Widened });
        SameAnswers.Generated(kept, widened, TokenBatch.Of(TextFixtures.Prompt(name)), name);
    }

    [Theory, MemberData(nameof(Decoders))]
    public void Value_vectors_and_the_unembedding_come_in_the_precision_that_is_computed_in(string name)
    {
        using var twin = NarrowTwin.Of(Fixtures.Of("models", name), ScalarType.BFloat16);
        using var kept = TextModel.Open(twin.Folder, new ModelOptions { Storage = WeightStorage.AsStored });
        using var widened = TextModel.Open(twin.Folder, new ModelOptions { Storage = WeightStorage.Widened });
        SameAnswers.WeightsRead(kept, widened);
    }

    [Theory, MemberData(nameof(Decoders))]
    public void Folded_weights_and_gradients_are_the_same(string name)
    {
        using var twin = NarrowTwin.Of(Fixtures.Of("models", name), ScalarType.BFloat16);
        using var kept = TextModel.Open(twin.Folder, new ModelOptions { Storage = WeightStorage.AsStored });
        using var widened = TextModel.Open(twin.Folder, new ModelOptions { Storage = WeightStorage.Widened });
        SameAnswers.GradientsAndFolding(
            kept, widened, TokenBatch.Of(TextFixtures.Prompt(name)), m => m.Processed(new Folding { ValueBiases = true }, keep: true));
    }

    /// <remarks>Products are added up in the same order, so not a bit may differ.</remarks>
    [Fact]
    public void A_single_row_times_bfloat16_weights_has_the_bits_of_the_float32_product()
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        using var generator = new Generator(3, CPU);
        foreach (var (outputs, inputs) in new[] { (1024, 32), (513, 96), (700, 4096) })
        {
            var narrow = randn([outputs, inputs], generator: generator).to(bfloat16);
            var x = randn([1, 1, inputs], generator: generator);
            var product = RowProduct.Of(narrow);
            Assert.SkipWhen(product is null, "this processor has no 256-bit vectors");
            product.Fits(x).ShouldBeTrue();
            product.Apply(x).ShouldHaveTheBitsOf(RowProduct.Of(narrow.to(float32))!.Apply(x), $"{outputs} x {inputs}");
        }
    }

    [Theory]
    [InlineData(2)]
    [InlineData(16)]
    [InlineData(17)]
    public void Several_rows_times_bfloat16_weights_are_the_rows_one_by_one(int rows)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        using var generator = new Generator(4, CPU);
        var linear = new Linear(randn([600, 96], generator: generator).to(bfloat16), randn([600], generator: generator), ScalarType.Float32);
        var x = randn([rows, 1, 96], generator: generator);
        var product = linear.Apply(x);
        product.shape.ShouldBe([rows, 1, 600]);
        for (var row = 0; row < rows; row++)
        {
            product[row].ShouldBeClose(linear.Apply(x.narrow(0, row, 1))[0], $"row {row}");
        }

        product.ShouldBeClose(nn.functional.linear(x, linear.Stored.to(float32), linear.Bias));
    }

    /// <remarks>Two tensors that look into the same mapping are as far from each other in memory as in the file.</remarks>
    [Fact]
    public void Opening_copies_no_matrix()
    {
        var folder = Fixtures.Of("models", "llama-sharded-bf16");
        using var model = TextModel.Open(folder, new ModelOptions { Storage = WeightStorage.AsStored });
        using var checkpoint = Checkpoint.Open(folder);
        var matrices = new List<(
            string Name, Tensor Stored)> { ("model.embed_tokens.weight", model.Language.Embedding.Words), ("lm_head.weight", model.Language.Head!.Stored) };
        for (var layer = 0; layer < model.Language.Shape.Layers; layer++)
        {
            var (w, at) = (model.Language.Blocks[layer].Weights, $"model.layers.{layer}");
            matrices.AddRange(
            [
                ($"{at}.self_attn.q_proj.weight",
                    w.Query.Stored), ($"{at}.self_attn.k_proj.weight", w.Key.Stored), ($"{at}.self_attn.v_proj.weight",
                        w.Value.Stored), ($"{at}.self_attn.o_proj.weight", w.Output.Stored),
                ($"{at}.mlp.gate_proj.weight", w.Gate!.Stored), ($"{at}.mlp.up_proj.weight", w.Up.Stored), ($"{at}.mlp.down_proj.weight", w.Down.Stored),
            ]);
        }

        foreach (var file in matrices.GroupBy(m => Home(folder, m.Name)))
        {
            using var shard = SafetensorsFile.Open(file.Key);
            var (first, start) = (file.First(), shard.Tensors[file.First().Name].Begin);
            foreach (var (name, stored) in file)
            {
                ((long)Unsafe.ByteOffset(ref MemoryMarshal.GetReference(first.Stored.bytes), ref MemoryMarshal.GetReference(stored.bytes)))
                    .ShouldBe(shard.Tensors[name].Begin - start, name);
            }
        }

        matrices.ShouldAllBe(m => m.Stored.dtype == ScalarType.BFloat16);
    }

    private static string Home(string folder, string tensor) => Directory.GetFiles(folder, "model-*.safetensors").Single(f =>
    {
        using var file = SafetensorsFile.Open(f);
        return file.Tensors.ContainsKey(tensor);
    });

    private static (Run Run, ScalarType Stored) Everything(Fixture fixture, string folder, WeightStorage storage)
    {
        if (new VisionCertifier().Knows(fixture))
        {
            using var vision = VisionModel.Open(folder, new ModelOptions { Storage = storage });
            using var pixels = fixture.Read($"{fixture.Meta.GetProperty("cases")[0].GetString()}/in.pixel_values");
            return (vision.Run(pixels, RunPlan.Capturing("*.*.*")), vision.Tower.Blocks[0].Weights.Down.Stored.dtype);
        }

        using var text = TextModel.Open(folder, new ModelOptions { Storage = storage });
        var batch = text.Sees ? Seeing.Batch(fixture, rows: 1) : TokenBatch.Of(fixture.IdRows("single/in.input_ids")[0]);
        return (text.Run(batch, RunPlan.Capturing("*.*.*")), text.Language.Blocks[0].Weights.Down.Stored.dtype);
    }
}
