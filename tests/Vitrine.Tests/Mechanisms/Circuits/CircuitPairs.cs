using Vitrine.Inputs.Pictures;
using Vitrine.Mechanisms.Circuits;
using Vitrine.Mechanisms.Metrics;
using Vitrine.Policies;
using Vitrine.Tests.Policies.Flow;
using Vitrine.Transformers;
using Vitrine.Worlds;
using Vitrine.Worlds.Tabletop;
using static TorchSharp.torch;

namespace Vitrine.Tests.Mechanisms.Circuits;

/// <summary>A model with two inputs that differ in one place.</summary>
internal sealed class CircuitPairs : IDisposable
{
    private readonly Model model;
    private readonly List<Tensor> owned = [];

    private CircuitPairs(Model model, Subject clean, Subject corrupted, Metric metric, params Tensor[] tensors)
    {
        (this.model, Pair) = (model, new CircuitPair(clean, corrupted, metric));
        owned.AddRange(tensors);
    }

    public static TheoryData<string> All =>
    [
        "gpt2", "llama", "gemma", "gemma2", "qwen2", "qwen3", "mistral", "neox", "neox-sequential", "siglip", "dinov2", "embedded:tabletop",
        "embedded:tabletop-flow", "smolvla", "pi0", "pi05",
    ];

    public CircuitPair Pair { get; }

    public static CircuitPairs Of(string name, ScalarType dtype = ScalarType.Float64) => name switch
    {
        "siglip" or "dinov2" => OfPictures(name, dtype),
        "embedded:tabletop" or "embedded:tabletop-flow" => OfTabletop(name, dtype),
        "smolvla" or "pi0" or "pi05" => OfFlow(name, dtype),
        _ => OfText(Fixtures.Of("models", name), dtype),
    };

    public static CircuitPairs OfText(string folder, ScalarType dtype = ScalarType.Float64)
    {
        var model = TextModel.Open(folder, new ModelOptions { Dtype = dtype });
        return new CircuitPairs(
            model, Subject.Of(model, TokenBatch.Of([[5, 6, 7, 8, 9, 10], [11, 12, 13, 14, 15, 16]])),
            Subject.Of(model, TokenBatch.Of([[5, 6, 20, 8, 9, 10], [11, 21, 13, 14, 15, 16]])), new LogitDifferenceMetric([3, 4], [7, 8]));
    }

    public static CircuitPairs OfTabletop(string name, ScalarType dtype = ScalarType.Float32, int count = 2, string word = "quickly", string against = "slowly")
    {
        var policy = Policy.Open(name, new ModelOptions { Dtype = dtype });
        var states = TabletopStates.Draw(5, LayoutSplit.Test, ["reach"], count);
        return new CircuitPairs(
            policy, Subject.Of(policy, [.. states.Select(s => s with { Instruction = $"{s.Instruction} {word}" })]),
            Subject.Of(policy, [.. states.Select(s => s with { Instruction = $"{s.Instruction} {against}" })]), MotionMetric.Speed);
    }

    /// <summary>A policy that sees a picture and then one of which a corner is a shade brighter: so little that every effect is linear in it.</summary>
    public static CircuitPairs OfNearPictures(string name)
    {
        var isTabletop = name.StartsWith("embedded:", StringComparison.Ordinal);
        var policy = isTabletop
            ? Policy.Open(name, new ModelOptions { Dtype = ScalarType.Float64 })
            : Policy.Open(FlowExample.Folder(name), FlowExample.Options(name) with { Dtype = ScalarType.Float64 });
        var seen = isTabletop ? TabletopStates.ForTest(5, 1)[0] : FlowExample.Observe(name);
        var (camera, picture) = seen.Cameras.First();
        byte[] pixels = [.. picture.Rgb];
        pixels[0] = (byte)(pixels[0] < 255 ? pixels[0] + 1 : 254);
        var near = seen with { Cameras = new Dictionary<string, Picture>(seen.Cameras) { [camera] = new(picture.Width, picture.Height, pixels) } };
        return new CircuitPairs(policy, Subject.Of(policy, [seen]), Subject.Of(policy, [near]), new ActionValueMetric(policy.ActionNames[0]));
    }

    public void Dispose()
    {
        Pair.Dispose();
        owned.ForEach(t => t.Dispose());
        model.Dispose();
    }

    private static CircuitPairs OfPictures(string name, ScalarType dtype)
    {
        var model = VisionModel.Open(Fixtures.Of("models", name), new ModelOptions { Dtype = dtype });
        using var generator = new Generator(3, CPU);
        var size = model.Tower.ImageSize;
        var clean = randn([2, 3, size, size], generator: generator).to(dtype).DetachFromDisposeScope();
        var corrupted = randn([2, 3, size, size], generator: generator).to(dtype).DetachFromDisposeScope();
        return new CircuitPairs(model, Subject.Of(model, clean), Subject.Of(model, corrupted), new LogitMetric([0]) { Position = 0 }, clean, corrupted);
    }

    private static CircuitPairs OfFlow(string name, ScalarType dtype)
    {
        var policy = Policy.Open(FlowExample.Folder(name), FlowExample.Options(name) with { Dtype = dtype });
        var seen = FlowExample.Observe(name);
        return new CircuitPairs(
            policy, Subject.Of(policy, [seen]), Subject.Of(policy, [FlowExample.Observe(name, "pick up red the block")]),
            new ActionValueMetric(policy.ActionNames[0]));
    }
}
