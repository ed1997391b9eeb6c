using Vitrine.Mechanisms.ValueVectors;
using static TorchSharp.torch;

namespace Vitrine.Benchmarks;

/// <summary>Reading value vectors with exact top 30 at both ends, against plain float32 products of the same shapes in the same run, in turns.</summary>
internal static class ProjectionBenchmark
{
    private const int PlainRows = 256;

    private sealed record Shape(string Name, int All, int Slice, int Width, int Vocabulary);

    public static void Run(Arguments arguments)
    {
        var vectors = arguments.Number("--vectors", 2048);
        var rounds = arguments.Number("--rounds", 3);
        Shape[] shapes = [new("OpenVLA, 2 layers", 22_016, vectors, 4096, 32_064), new("SmolVLA, 16 layers", 40_960, 2 * vectors, 960, 49_280)];
        var all = arguments.Number("--threads", Environment.ProcessorCount);
        Console.WriteLine($"exact top 30 at both ends; slices of the vectors, {rounds} rounds in turns with plain products in tiles of {PlainRows}; medians");
        Console.WriteLine("shape                threads  product GFLOP/s  reading GFLOP/s  reading/product  in processor time  vectors/s  whole, s  peak MB");
        foreach (var shape in shapes)
        {
            foreach (var threads in new[] { 1, all }.Distinct())
            {
                Row(shape, threads, rounds, Screening.Never);
                if (arguments.Has("--screen"))
                {
                    Row(shape, threads, rounds, Screening.Always);
                }
            }
        }
    }

    private static void Row(Shape shape, int threads, int rounds, Screening screening)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var before = get_num_threads();
        set_num_threads(threads);
        using var generator = new Generator(1, CPU);
        var vectors = randn([shape.Width, shape.Slice], generator: generator).t();                         // as down projections lie
        var source = new Random(vectors, randn([shape.Vocabulary, shape.Width], generator: generator));
        using var reader = VocabularyReader.Open(source, new ProjectionSettings { Screening = screening });
        var (plain, reading) = (new List<Measured>(), new List<Measured>());
        Product(vectors, source.Tokens);                                                                   // first touch of buffers and code
        reader.Read(vectors.narrow(0, 0, Math.Min(128, shape.Slice)));
        for (var round = 0; round < rounds; round++)
        {
            plain.Add(Measured.Of(() => Product(vectors, source.Tokens)));
            reading.Add(Measured.Of(() => reader.Read(vectors)));
        }

        set_num_threads(before);
        var flop = 2.0 * shape.Slice * shape.Width * shape.Vocabulary;
        var wall = Measured.Median(plain.Zip(reading).Select(p => p.First.Wall / p.Second.Wall));
        var processor = Measured.Median(plain.Zip(reading).Select(p => p.First.Processor / p.Second.Processor));
        var seconds = Measured.Median(reading.Select(m => m.Wall));
        Console.WriteLine(
            $"{shape.Name + (reader.IsScreening ? " *" : ""),-20} {threads,7} {flop / Measured.Median(plain.Select(m => m.Wall)) / 1e9,16:0} "
                + $"{flop / seconds / 1e9,16:0} {wall,16:0 %} {processor,18:0 %} {shape.Slice / seconds,10:0} {seconds * shape.All / shape.Slice,9:0.0} "
                + $"{Measured.PeakMemory() >> 20,8}");
    }

    private static void Product(Tensor vectors, Tensor tokens)
    {
        using var scope = NewDisposeScope();
        var (buffer, transposed) = (empty([PlainRows, tokens.shape[0]], float32), tokens.t());
        for (long start = 0; start < vectors.shape[0]; start += PlainRows)
        {
            using var tile = NewDisposeScope();
            var rows = Math.Min(PlainRows, vectors.shape[0] - start);
            buffer.narrow(0, 0, rows).addmm_(vectors.narrow(0, start, rows).contiguous(), transposed, 0, 1);
        }
    }

    /// <summary>Random numbers in the shape of a model.</summary>
    private sealed class Random(Tensor vectors, Tensor tokens) : IValueVectorSource
    {
        public Tensor Tokens => tokens;

        public string Name => "random";

        public string Fingerprint => "random";

        public int Layers => 1;

        public int Neurons => (int)vectors.shape[0];

        public int Width => (int)tokens.shape[1];

        public int Vocabulary => (int)tokens.shape[0];

        public Tensor Vectors(int layer) => vectors.alias();

        public Tensor Unembedding() => tokens.alias();

        public Tensor Gain() => ones(tokens.shape[1]);
    }
}
