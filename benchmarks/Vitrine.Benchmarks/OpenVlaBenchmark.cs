using Vitrine.Inputs.Pictures;
using Vitrine.Mechanisms.ValueVectors;
using Vitrine.Policies;
using Vitrine.Policies.OpenVla;
using static TorchSharp.torch;

namespace Vitrine.Benchmarks;

/// <summary>A full-size OpenVLA checkpoint: one act, and the projection of a slice of its 352,256 value vectors.</summary>
internal static class OpenVlaBenchmark
{
    public static void Run(Arguments arguments)
    {
        var folder = arguments.Needed("--dir");
        var sizes = new OpenVlaSizes { Layers = arguments.Number("--layers", 32) };
        if (arguments.Text("--write") is { } form)
        {
            var like = arguments.Needed("--like");
            var written = Measured.Of(() =>
            {
                OpenVlaCheckpoint.Write(folder, sizes, random: form == "random");
                OpenVlaCheckpoint.WriteConfiguration(folder, like, sizes);
            });
            Say($"written: {sizes.Tensors().Count()} tensors, {sizes.Tensors().Sum(t => 2 * t.Count):N0} bytes, {written.Wall:0.0} s");
        }

        Project(folder, arguments.Number("--vectors", 2048));
        Act(folder, sizes, arguments.Text("--dtype") switch
        {
            null or "bfloat16" => bfloat16,
            "float32" => float32,
            var other => throw new VitrineException($"openvla: --dtype is '{other}'; expected float32 or bfloat16."),
        });
    }

    private static void Project(string folder, int count)
    {
        using var source = CheckpointValueVectors.Open(folder);
        using var scope = NewDisposeScope();
        using var reader = VocabularyReader.Open(source, new ProjectionSettings());
        var left = count;
        var (seconds, read) = (0.0, 0);
        for (var layer = 0; layer < source.Layers && left > 0; layer++)
        {
            using var vectors = source.Vectors(layer);
            using var slice = vectors.narrow(0, 0, Math.Min(left, source.Neurons));
            seconds += Measured.Of(() => reader.Read(slice)).Wall;
            (left, read) = (left - (int)slice.shape[0], read + (int)slice.shape[0]);
        }

        var flop = 2.0 * read * source.Vocabulary * WidthOf(source);
        Say($"projection: {read:N0} of {(long)source.Layers * source.Neurons:N0} value vectors, {seconds:0.0} s, {read / seconds:0} vectors/s, {flop / seconds / 1e9:0} GFLOP/s{(reader.IsScreening ? ", bfloat16 first" : "")}; all would take {seconds * source.Layers * source.Neurons / read / 60:0.0} min; peak memory {Measured.PeakMemory() / 1e9:0.00} GB");

        static long WidthOf(CheckpointValueVectors source)
        {
            using var gain = source.Gain();
            return gain.shape[0];
        }
    }

    private static void Act(string folder, OpenVlaSizes sizes, ScalarType dtype)
    {
        OpenVlaPolicy? policy = null;
        var opened = Measured.Of(() => policy = OpenVlaPolicy.Open(folder, dtype));
        using var owned = policy!;
        var picture = new Picture(224, 224, [.. Enumerable.Range(0, 224 * 224 * 3).Select(i => (byte)(i * 31))]);
        Observation[] observations = [new(picture, "pick up the red block")];
        var key = owned.UnnormKeys.First();
        var tokens = owned.PromptIds(observations[0].Instruction).Length + owned.ImageTokens;
        var dimensions = owned.Statistics(key).Dimensions;
        var acts = Enumerable.Range(0, 2).Select(_ => Measured.Of(() => owned.Act(observations, unnormKey: key).Dispose())).ToArray();
        var products = Products(sizes, tokens, dimensions).Sum(p => p.Times * SecondsOf(p.Rows, p.Inputs, p.Outputs, dtype));
        Say($"act in {dtype}: opened in {opened.Wall:0.0} s; first act {acts[0].Wall:0.0} s, second {acts[1].Wall:0.0} s ({acts[1].Processor:0.0} s of processor time); its {tokens} tokens and {dimensions - 1} steps need {products:0.0} s of products alone, {Math.Max(0, 1 - (products / acts[1].Wall)):0 %} is outside; peak memory {Measured.PeakMemory() / 1e9:0.00} GB");
    }

    /// <summary>The matrix products of one act: rows, inputs, outputs and how often.</summary>
    private static IEnumerable<(int Rows, int Inputs, int Outputs, int Times)> Products(OpenVlaSizes s, int tokens, int dimensions)
    {
        foreach (var (tower, rows) in new[] { (s.Dino, s.Dino.Patches + s.Dino.Registers + 1), (s.Siglip, s.Siglip.Patches) })
        {
            yield return (rows, tower.Width, 3 * tower.Width, tower.Blocks - 1);
            yield return (rows, tower.Width, tower.Width, tower.Blocks - 1);
            yield return (rows, tower.Width, tower.Neurons, tower.Blocks - 1);
            yield return (rows, tower.Neurons, tower.Width, tower.Blocks - 1);
        }

        var vision = s.Dino.Width + s.Siglip.Width;
        yield return (s.Dino.Patches, vision, 4 * vision, 1);
        yield return (s.Dino.Patches, 4 * vision, s.Width, 1);
        yield return (s.Dino.Patches, s.Width, s.Width, 1);
        foreach (var (rows, times) in new[] { (tokens, 1), (1, dimensions - 1) })
        {
            yield return (rows, s.Width, s.Width, 4 * s.Layers * times);
            yield return (rows, s.Width, s.Neurons, 2 * s.Layers * times);
            yield return (rows, s.Neurons, s.Width, s.Layers * times);
            yield return (1, s.Width, s.Vocabulary, times);
        }
    }

    private static double SecondsOf(int rows, int inputs, int outputs, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var (x, w) = (randn([rows, inputs]).to(dtype), randn([outputs, inputs]).to(dtype));
        nn.functional.linear(x, w).Dispose();
        return Measured.Median(Enumerable.Range(0, 3).Select(_ => Measured.Of(() => nn.functional.linear(x, w).Dispose()).Wall));
    }

    private static void Say(FormattableString line) => Console.WriteLine(FormattableString.Invariant(line));
}
