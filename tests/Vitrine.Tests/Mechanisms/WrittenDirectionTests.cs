using Vitrine.Checkpoints;
using Vitrine.Mechanisms.ValueVectors;
using Vitrine.Transformers;
using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Tests.Mechanisms;

/// <summary>
/// What is read out of the weights is what the engine writes: neurons and heads of every stack of every family are driven hard, and the direction in which the
/// residual stream then moves is compared with the one that was read.
/// </summary>
public sealed class WrittenDirectionTests
{
    private const int Each = 3;

    public static TheoryData<string> Names() => OpenedModel.Names();

    /// <summary>Decoders with a vocabulary.</summary>
    public static TheoryData<string> Decoders() => Vitrine.Tests.Transformers.TextFixtures.Decoders();

    [Theory, MemberData(nameof(Names))]
    public void A_neuron_driven_hard_moves_the_stream_along_its_value_vector(string name)
    {
        using var driven = new Driven(name);
        foreach (var stack in driven.Stacks)
        {
            foreach (var neuron in Some(stack.Shape.Layers, stack.Shape.Neurons).Select(p => new Neuron(p.Layer, p.Index)))
            {
                using var scope = NewDisposeScope();
                Cosine(driven.ByNeuron(stack, neuron), stack.ValueVectors(neuron.Layer)[neuron.Index])
                    .ShouldBeGreaterThan(0.99999, $"{name} {stack.Shape.Name} {neuron}");
            }
        }
    }

    [Theory, MemberData(nameof(Names))]
    public void A_head_driven_hard_moves_the_stream_along_its_z_times_its_vectors(string name)
    {
        using var driven = new Driven(name);
        foreach (var stack in driven.Stacks)
        {
            foreach (var (layer, head) in Some(stack.Shape.Layers, stack.Shape.Heads))
            {
                using var scope = NewDisposeScope();
                var (added, z) = driven.ByHead(stack, layer, head);
                Cosine(added, z.matmul(stack.HeadVectors(layer)[head].to(float64))).ShouldBeGreaterThan(0.99999, $"{name} {stack.Shape.Name} {layer}:{head}");
            }
        }
    }

    [Theory, MemberData(nameof(Decoders))]
    public void The_first_word_of_a_neuron_is_the_one_that_the_engine_raises_most(string name)
    {
        using var driven = new Driven(name);
        var stack = driven.Stacks.Single();
        using var tokens = stack.Unembedding();
        var readings = Enumerable.Range(0, stack.Shape.Layers).Select(layer => VocabularyProjection.Read(stack, [layer], 1)[0]).ToArray();
        foreach (var (layer, index) in Some(stack.Shape.Layers, stack.Shape.Neurons))
        {
            using var scope = NewDisposeScope();
            var logits = tokens.to(float64).mv(driven.ByNeuron(stack, new Neuron(layer, index)));
            var read = logits[readings[layer][index].TopIds[0]].item<double>();
            read.ShouldBe(logits.max().item<double>(), 1e-4 * logits.abs().max().item<double>(), $"{name} {layer}:{index}");
        }
    }

    /// <summary>
    /// w and g by their names in the file: g * w, w without its mean where g is a LayerNorm's, 1 + g where the file holds the distance from 1.
    /// </summary>
    [Theory]
    [InlineData("gemma2", "model.layers.{0}.post_feedforward_layernorm.weight", true, false)]
    [InlineData("dinov2", "encoder.layer.{0}.layer_scale2.lambda1", false, false)]
    [InlineData("dinov2-registers", "encoder.layer.{0}.layer_scale2.lambda1", false, false)]
    [InlineData("timm-dinov2-reg", "blocks.{0}.ls2.gamma", false, false)]
    [InlineData("bert-classifier", "bert.encoder.layer.{0}.output.LayerNorm.weight", false, true)]
    [InlineData("distilbert-classifier", "distilbert.transformer.layer.{0}.output_layer_norm.weight", false, true)]
    [InlineData("llama", null, false, false)]
    [InlineData("neox", null, false, false)]
    [InlineData("siglip", null, false, false)]
    public void A_value_vector_is_the_file_s_column_behind_the_file_s_gain(string name, string? gain, bool fromOne, bool centred)
    {
        using var model = OpenedModel.Open(name);
        using var checkpoint = Checkpoint.Open(Fixtures.Of("models", name));
        using var scope = NewDisposeScope();
        var stack = OpenedModel.StacksOf(model).First();
        for (var layer = 0; layer < stack.Shape.Layers; layer++)
        {
            var w = OpenedModel.ValueVectors(checkpoint, stack.Shape.Name, layer);
            stack.RawValueVectors(layer).ShouldHaveTheBitsOf(w, $"{name} {layer}, raw");
            if (gain is null)
            {
                stack.BehindNeurons.ShouldBeNull();
                stack.ValueVectors(layer).ShouldHaveTheBitsOf(w, $"{name} {layer}: nothing stands in between");
                continue;
            }

            stack.BehindNeurons.ShouldNotBeNull();
            var g = checkpoint.Read(string.Format(System.Globalization.CultureInfo.InvariantCulture, gain, layer)).to(float32);
            w = centred ? w - w.mean([1], keepdim: true) : w;
            var expected = w * (fromOne ? g + ones_like(g) : g);
            stack.ValueVectors(layer).ShouldBeClose(expected, $"{name} {layer}");
            stack.ValueVectors(layer).allclose(stack.RawValueVectors(layer), rtol: 1e-2).ShouldBeFalse("the gain of the fixture is not 1");
        }
    }

    /// <remarks>E (g * w), g = 1 + post_feedforward_layernorm, and the engine itself say 190, 97 and 88; E w says 166, 239 and 215.</remarks>
    [Fact]
    public void Gemma_2_s_words_are_read_behind_the_norm_and_raw_ones_are_an_option()
    {
        var folder = Fixtures.Of("models", "gemma2");
        using var source = StackValueVectors.Open(folder);
        using var raw = StackValueVectors.Open(folder, raw: true);
        First(source).ShouldBe([190, 97, 88]);
        First(raw).ShouldBe([166, 239, 215]);
        (source.Form, raw.Form).ShouldBe(("behind the norm", "raw"));

        static int[] First(IValueVectorSource of)
        {
            var layer = VocabularyProjection.Read(of, [3], new() { Count = 1 })[0];
            return [layer[2].TopIds[0], layer[4].TopIds[0], layer[5].TopIds[0]];
        }
    }

    /// <remarks>With the final norm's gain f: E (f * (g * w)), and centred E (f * (g * w - mean (g * w))).</remarks>
    [Theory, InlineData(ReadingNorm.Gain), InlineData(ReadingNorm.CentredGain)]
    public void The_final_norm_s_gain_stands_behind_the_block_s(ReadingNorm norm)
    {
        var folder = Fixtures.Of("models", "gemma2");
        using var source = StackValueVectors.Open(folder);
        using var checkpoint = Checkpoint.Open(folder);
        using var scope = NewDisposeScope();
        var g = checkpoint.Read("model.layers.3.post_feedforward_layernorm.weight").to(float64) + 1;
        var f = checkpoint.Read("model.norm.weight").to(float64) + 1;
        var v = OpenedModel.ValueVectors(checkpoint, "language", 3).to(float64) * g;
        v = norm == ReadingNorm.CentredGain ? v - v.mean([1], keepdim: true) : v;
        var logits = (v * f).mm(checkpoint.Read("model.embed_tokens.weight").to(float64).t());
        var read = VocabularyProjection.Read(source, [3], new() { Count = 5, Norm = norm })[0];
        for (var i = 0; i < read.Count; i++)
        {
            var expected = logits[i].max().item<double>();
            read[i].TopScores[0].ShouldBe((float)expected, (float)(1e-4 * Math.Abs(expected)), $"neuron {i}");
            logits[i, read[i].TopIds[0]].item<double>().ShouldBe(expected, 1e-5 * Math.Abs(expected), $"neuron {i}");
        }
    }

    [Fact]
    public void A_gate_of_the_pass_leaves_no_fixed_direction_and_raw_vectors_remain()
    {
        using var scope = NewDisposeScope();
        var norm = new Norm(new NormSpec(NormKind.AdaptiveRms, 1e-6), ones(4), null) { Modulation = new Linear(ones(12, 2), null) };
        var any = new Linear(ones(4, 4), null);
        var weights = new BlockWeights { Query = any, Key = any, Value = any, Output = any, Up = any, Down = any, AttentionNorm = norm, MlpNorm = norm };
        foreach (var writing in new[] { weights.AttentionWriting, weights.MlpWriting })
        {
            writing.Between.ShouldBe("gate");
            Should.Throw<VitrineException>(() => writing.Direction(ones(3, 4))).Message.ShouldContain("raw");
            Should.Throw<VitrineException>(() => writing.Share(ones(3, 4), ones(3, 4))).Message.ShouldContain("raw");
        }
    }

    private static IEnumerable<(int Layer, int Index)> Some(int layers, int count)
        => Enumerable.Range(0, layers).SelectMany(layer => Enumerable.Range(0, Each).Select(i => (layer, ((i * count) + layer) / Each % count)));

    private static double Cosine(Tensor a, Tensor b)
    {
        var (x, y) = (a.to(float64), b.to(float64));
        return (x.dot(y) / (x.norm() * y.norm())).item<double>();
    }
}
