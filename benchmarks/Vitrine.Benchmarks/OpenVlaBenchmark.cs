using Vitrine.Checkpoints;
using Vitrine.Inputs.Pictures;
using Vitrine.Mechanisms.ValueVectors;
using Vitrine.Policies;
using Vitrine.Policies.Actions;
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

        Act(folder, sizes, arguments.Text("--weights") switch
        {
            null or "kept" => WeightStorage.AsStored,
            "widened" => WeightStorage.Widened,
            var other => throw new VitrineException($"openvla: --weights is '{other}'; expected kept or widened."),
        });
        Project(folder, arguments.Number("--vectors", 2048));
    }

    private static void Project(string folder, int count)
    {
        using var memory = new MemoryWatch();
        using var source = StackValueVectors.Open(folder);
        using var scope = NewDisposeScope();
        using var reader = VocabularyReader.Open(source, new ProjectionSettings());
        var left = count;
        var (spent, read) = (default(Measured), 0);
        for (var layer = 0; layer < source.Layers && left > 0; layer++)
        {
            var rows = Math.Min(left, source.Neurons);
            spent += Measured.Of(() =>
            {
                using var vectors = source.Vectors(layer);
                using var slice = vectors.narrow(0, 0, rows);
                reader.Read(slice);
            });
            (left, read) = (left - rows, read + rows);
        }

        var flop = 2.0 * read * source.Vocabulary * source.Width;
        var all = (long)source.Layers * source.Neurons;
        Say($"projection, exact top 30 at both ends: {read:N0} of {all:N0} value vectors, {spent.Wall:0.0} s ({spent.Processor:0.0} s of processor time), "
            + $"{read / spent.Wall:0} vectors/s, {flop / spent.Wall / 1e9:0} GFLOP/s{(reader.IsScreening ? ", bfloat16 first" : "")}; all would take "
            + $"{spent.Wall * all / read / 60:0.0} min; {memory}");
    }

    private static void Act(string folder, OpenVlaSizes sizes, WeightStorage storage)
    {
        using var memory = new MemoryWatch();
        OpenVlaPolicy? policy = null;
        var opened = Measured.Of(() => policy = OpenVlaPolicy.Open(folder, new OpenVlaOptions { Storage = storage }));
        using var owned = policy!;
        Say($"opened, weights {(storage == WeightStorage.AsStored ? "kept in bfloat16" : "widened")}: {opened.Wall:0.0} s ({opened.Processor:0.0} s of "
            + $"processor time); {memory}");
        var picture = new Picture(224, 224, [.. Enumerable.Range(0, 224 * 224 * 3).Select(i => (byte)(i * 31))]);
        Observation[] observations = [new(picture, "pick up the red block")];
        var key = owned.UnitKeys.First();
        var tokens = owned.PromptIds(observations[0].Instruction).Length + owned.ImageTokens;
        var dimensions = owned.Statistics(key).Dimensions;
        using var acting = owned.With(units: key);
        var stages = Array.Empty<Measured>();
        foreach (var name in new[] { "first act", "second act" })
        {
            var watch = new Stages();
            using var run = acting.Act(observations, options: new ActOptions { Progress = watch });
            stages = watch.Spans();
            Say($"{name}: {Both(stages.Aggregate((a, b) => a + b))}; towers and projector {Both(stages[0])}, prefill of {tokens} tokens {Both(stages[1])}, "
                + $"{dimensions - 1} decoded tokens {Both(stages[2])}; every token an action token: {run.Actions[0].Tokens!.EveryTokenIsAnAction}; {memory}");
        }

        var products = new ActProducts(sizes, tokens, dimensions);
        Measured[] alone = [products.Towers(), products.Prefill(), products.Decode(owned)];
        var widening = storage == WeightStorage.AsStored ? products.Widening() : default;
        Say($"the same products alone: towers and projector {Both(alone[0])}, prefill {Both(alone[1])}, decoded tokens {Both(alone[2])}; widening alone "
            + $"{Both(widening)}");
        var (whole, inside) = (stages.Aggregate((a, b) => a + b), alone.Aggregate((a, b) => a + b));
        Say($"outside matrix products: {Math.Max(0, 1 - (inside.Wall / whole.Wall)):0 %} of the second act's wall time, "
            + $"{Math.Max(0, 1 - (inside.Processor / whole.Processor)):0 %} of its processor time (of which widening "
            + $"{widening.Processor / whole.Processor:0 %}); peak of the process {Measured.PeakMemory() / 1e9:0.00} GB");

        static string Both(Measured m) => FormattableString.Invariant($"{m.Wall:0.00} s ({m.Processor:0.00} s of processor time)");
    }

    /// <summary>When the picture was read, when the first token was chosen, and when the last.</summary>
    private sealed class Stages : IProgress<ActProgress>
    {
        private readonly List<Measured> at = [Measured.Now()];

        public void Report(ActProgress value)
        {
            if (value.Chosen <= 1 || value.Chosen == value.Dimensions)
            {
                at.Add(Measured.Now());
            }
        }

        public Measured[] Spans() => [.. at.Zip(at.Skip(1), (before, after) => after - before)];
    }

    private static void Say(string line) => Console.WriteLine(line);
}
