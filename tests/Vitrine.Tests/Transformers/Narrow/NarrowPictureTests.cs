using Vitrine.Mechanisms.Pictures;
using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Tests.Transformers.Narrow;

/// <summary>Readings of a picture by a tower in 16 bits: the same sums, kept in float32, of activations that were rounded.</summary>
public sealed class NarrowPictureTests
{
    public static TheoryData<string, ScalarType> Towers()
    {
        var data = new TheoryData<string, ScalarType>();
        foreach (var name in new[] { "vit-classifier", "dinov2", "dinov2-registers", "siglip-head", "clip" })
        {
            data.Add(name, ScalarType.BFloat16);
            data.Add(name, ScalarType.Float16);
        }

        return data;
    }

    /// <remarks>Bounds: shares of attention and norms move by the roundings of some dozen operations a layer, 32 u of the largest.</remarks>
    [Theory, MemberData(nameof(Towers))]
    public void Attention_norms_and_writers_are_those_of_float32_within_roundings(string name, ScalarType dtype)
    {
        var (found, expected) = (Read(name, dtype), Read(name, ScalarType.Float32));
        var bound = 32 * (dtype == ScalarType.BFloat16 ? 1f / 256 : 1f / 2048);
        Near(found.Norms.Layers.SelectMany(l => l.Norms), expected.Norms.Layers.SelectMany(l => l.Norms));
        Near(found.Attention.SelectMany(h => h.Map.Values), expected.Attention.SelectMany(h => h.Map.Values));
        Near(found.Rollout.SelectMany(r => r.Map.Values), expected.Rollout.SelectMany(r => r.Map.Values));
        Near(found.Heads.SelectMany(h => h.Written.Values), expected.Heads.SelectMany(h => h.Written.Values));
        found.Rollout.ShouldAllBe(r => Math.Abs(r.Map.Values.Sum(v => (double)v) + r.OnPrefix.Sum(v => (double)v) - 1) < 1e-4, "rows sum to 1 in float32");

        void Near(IEnumerable<float> a, IEnumerable<float> b)
        {
            var largest = Math.Max(1e-3f, b.Max(MathF.Abs));
            a.Zip(b).Max(p => MathF.Abs(p.First - p.Second)).ShouldBeLessThan(bound * largest);
        }
    }

    [Theory, InlineData(ScalarType.BFloat16), InlineData(ScalarType.Float16)]
    public void Evidence_for_a_class_is_read(ScalarType dtype)
    {
        using var model = VisionModel.Open(Fixtures.Of("models", "vit-classifier"), new ModelOptions { Dtype = dtype });
        using var wide = VisionModel.Open(Fixtures.Of("models", "vit-classifier"));
        using var pixels = Pixels(model);
        var options = new EvidenceOptions { Class = 1, RandomSets = 2, Units = 2 };
        var (found, expected) = (new EvidenceReader(model, pixels, options).Read(), new EvidenceReader(wide, pixels, options).Read());
        found.Classes.OrderBy(c => c.Class).Zip(expected.Classes.OrderBy(c => c.Class)).ShouldAllBe(p => Math.Abs(p.First.Logit - p.Second.Logit) < 0.1);
        found.Classes.Sum(c => c.Probability!.Value).ShouldBe(1, 1e-9);
        found.Heads.ShouldAllBe(h => double.IsFinite(h.Gradient) && double.IsFinite(h.Ablated));
    }

    private static PictureReading Read(string name, ScalarType dtype)
    {
        using var model = VisionModel.Open(Fixtures.Of("models", name), new ModelOptions { Dtype = dtype });
        using var pixels = Pixels(model);
        return PictureReading.Of(model, pixels, new ReadingOptions { Query = "mean", Neurons = [new Neuron(0, 1), new Neuron(1, 2)] });
    }

    private static Tensor Pixels(VisionModel model)
    {
        using var generator = new Generator(6, CPU);
        return randn([1, 3, model.Tower.ImageSize, model.Tower.ImageSize], generator: generator);
    }
}
