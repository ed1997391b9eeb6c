using System.Diagnostics;
using System.Globalization;
using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Benchmarks;

/// <summary>
/// The same .gguf file and prompt through this engine and through llama.cpp, in turns, each in a process of its own: processor seconds and peak memory.
/// </summary>
/// <remarks>llama.cpp comes with LLamaSharp, which benchmarks/Vitrine.Peers alone refers to; it is built, and so downloaded, when this runs.</remarks>
internal static class PeersBenchmark
{
    private const int Prompt = 16, Decoded = 128, Long = 256;

    public static void Run(Arguments arguments)
    {
        var model = arguments.Text("--model") ?? throw new VitrineException("peers: --model FILE.gguf is missing.");
        var rounds = arguments.Number("--rounds", 5);
        var folder = arguments.Text("--dir") ?? Path.Combine(Path.GetTempPath(), "vitrine-peers");
        Directory.CreateDirectory(folder);
        var peer = arguments.Text("--peer") ?? Built(folder);
        var halves = Path.Combine(folder, $"{Path.GetFileNameWithoutExtension(model)}.F16.gguf");
        GgufTwin.WriteHalves(model, halves);
        int[] threads = arguments.Text("--threads") is { } given ? [int.Parse(given, CultureInfo.InvariantCulture)] : [1, 2];
        Console.WriteLine(
            $"whole processes in turns, {rounds} rounds, medians; {Decoded} tokens behind {Prompt}, and a prefill of {Long}; processor s / clock s / peak MB");
        foreach (var file in new[] { model, halves })
        {
            Console.WriteLine($"{Path.GetFileName(file)}, {new FileInfo(file).Length / 1e6:0} MB");
            Beside(file, peer, threads, rounds);
        }
    }

    /// <summary>What <c>peers-run</c> does: one prompt, and what follows greedily; then its peak memory, as an error's line.</summary>
    public static void RunOne(Arguments arguments)
    {
        using var model = TextModel.Open(arguments.Text("--model")!);
        var ids = Enumerable.Range(0, arguments.Number("--prompt", Prompt)).Select(i => 100 + (i * 7 % 1000)).ToArray();
        using var made = model.Generate(TokenBatch.Of(ids), new GenerationOptions(arguments.Number("--count", Decoded)) { KeepLogits = false });
        Console.WriteLine(string.Join(' ', made.Ids[0]));
        Console.Out.Flush();
        Console.Error.WriteLine(Measured.PeakMemory());
        _exit(0); // as the command ends

        [System.Runtime.InteropServices.DllImport("libc")]
        static extern void _exit(int code);
    }

    /// <summary>A random 8B Llama in Q4_K: opened, 8 tokens decoded, the neurons of a layer read.</summary>
    public static void RunLarge(Arguments arguments)
    {
        var file = Path.Combine(arguments.Text("--dir") ?? Path.GetTempPath(), "llama-8b-random.Q4_K.gguf");
        GgufTwin.WriteLlama8B(file, arguments.Number("--layers", 32));
        set_num_threads(arguments.Number("--threads", 2));
        TextModel? model = null;
        Say("open", Measured.Of(() => model = TextModel.Open(file)));
        Say("8 tokens behind 4", Measured.Of(() => model!.Generate(TokenBatch.Of(1, 2, 3, 4), new GenerationOptions(8) { KeepLogits = false }).Dispose()));
        Say("value vectors of layer 5 beside the unembedding, top 10", Measured.Of(() =>
        {
            using var vectors = new Mechanisms.ValueVectors.StackValueVectors(model!);
            using var projected = vectors.Vectors(5);
            using var unembedding = vectors.Unembedding();
            using var some = projected.narrow(0, 0, 64).matmul(unembedding.t());
            _ = some.topk(10);
        }));
        Console.WriteLine($"at most {Measured.PeakMemory() / 1e9:0.00} GB resident, of a file of {new FileInfo(file).Length / 1e9:0.00} GB");
        model!.Dispose();

        static void Say(string what, Measured took)
            => Console.WriteLine($"{what,-60} {took.Wall:0.00} s by the clock, {took.Processor:0.00} s of processor time");
    }

    /// <summary>Every work by both, with every number of threads, one after the other in each round.</summary>
    private static void Beside(string file, string peer, int[] threads, int rounds)
    {
        (string What, int Prompt, int Count)[] works =
            [("start and one token", Prompt, 1), ($"{Decoded} tokens", Prompt, Decoded), ($"prefill of {Long}", Long, 1)];
        foreach (var (what, prompt, count) in works)
        {
            var (ours, theirs) = (threads.ToDictionary(t => t, _ => new List<Spent>()), threads.ToDictionary(t => t, _ => new List<Spent>()));
            for (var round = 0; round < rounds; round++)
            {
                foreach (var number in threads)
                {
                    ours[number].Add(Spent.By(Environment.ProcessPath!,
                        [.. Own(), "peers-run", "--model", file, "--prompt", $"{prompt}", "--count", $"{count}"], number));
                    theirs[number].Add(Spent.By("dotnet", [peer, file, $"{number}", $"{prompt}", $"{count}"], number));
                }
            }

            foreach (var number in threads)
            {
                var ratio = Measured.Median(ours[number].Zip(theirs[number]).Select(p => p.First.Processor / p.Second.Processor));
                var same = ours[number][0].Said == theirs[number][0].Said ? "the same tokens" : "other tokens";
                Console.WriteLine($"  {number} thread(s), {what,-20} Vitrine {Spent.Median(ours[number])}   llama.cpp {Spent.Median(theirs[number])}   "
                    + $"processor time {ratio:0.00} of it, {same}");
            }

            if (threads is [var few, .., var many])
            {
                Console.WriteLine($"  {few} to {many} threads, {what}: by the clock {Faster(ours[few], ours[many]):0.00} times as fast, "
                    + $"llama.cpp {Faster(theirs[few], theirs[many]):0.00}");
            }
        }

        static double Faster(List<Spent> one, List<Spent> other) => Measured.Median(one.Zip(other).Select(p => p.First.Wall / p.Second.Wall));
    }

    /// <summary>This program again: it is dotnet with the program's file, or the program itself.</summary>
    private static string[] Own()
        => Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? [typeof(PeersBenchmark).Assembly.Location] : [];

    private static string Built(string folder)
    {
        var project = Path.Combine(Root(), "benchmarks", "Vitrine.Peers", "Vitrine.Peers.csproj");
        var output = Path.Combine(folder, "peer");
        using var build = Process.Start(new ProcessStartInfo("dotnet", ["build", "-c", "Release", "-v", "q", "-nologo", "-o", output, project]))!;
        build.WaitForExit();
        return build.ExitCode == 0 ? Path.Combine(output, "Vitrine.Peers.dll") : throw new VitrineException($"{project}: could not be built.");
    }

    private static string Root()
    {
        var at = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(at, "Vitrine.slnx")))
        {
            at = Path.GetDirectoryName(at.TrimEnd(Path.DirectorySeparatorChar)) ?? throw new VitrineException("peers: run it from a clone, or name --peer.");
        }

        return at;
    }

    /// <param name="Processor">Seconds of all its threads.</param>
    /// <param name="Wall">Seconds on the clock.</param>
    /// <param name="Peak">Bytes resident at most.</param>
    /// <param name="Said">Its output.</param>
    private sealed record Spent(double Processor, double Wall, long Peak, string Said)
    {
        public static Spent By(string program, string[] arguments, int threads)
        {
            var (watch, before) = (Stopwatch.StartNew(), OfChildren());
            var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
            start.Environment["OMP_NUM_THREADS"] = $"{threads}";
            using var process = Process.Start(start)!;
            var (said, peak) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
            process.WaitForExit();
            return process.ExitCode == 0
                ? new Spent(OfChildren() - before, watch.Elapsed.TotalSeconds, Number(peak.Result), said.Result.Trim())
                : throw new VitrineException($"{program} {string.Join(' ', arguments)}: ended with {process.ExitCode}.");
        }

        public static string Median(List<Spent> all)
            => $"{Measured.Median(all.Select(s => s.Processor)):0.00} / {Measured.Median(all.Select(s => s.Wall)):0.00} / {all.Max(s => s.Peak) / 1e6:0}";

        /// <summary>Processor seconds of all processes that this one started and that have ended.</summary>
        private static double OfChildren()
        {
            const int children = -1;
            var usage = new long[18];
            return getrusage(children, usage) == 0 ? usage[0] + usage[2] + ((usage[1] + usage[3]) / 1e6) : throw new VitrineException("getrusage: failed.");
        }

        [System.Runtime.InteropServices.DllImport("libc")]
        private static extern int getrusage(int who, long[] usage);

        private static long Number(string text) => long.Parse(text.Trim(), CultureInfo.InvariantCulture);
    }
}
