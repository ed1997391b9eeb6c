using System.Globalization;
using Vitrine.Transformers;
using Vitrine.Transformers.Weights;
using static TorchSharp.torch;

namespace Vitrine.Benchmarks;

/// <summary>A forward pass, a capture, a decode and a load, each beside what it is made of, in one run and in turns; ratios of processor time.</summary>
internal static class LanguageBenchmark
{
    private const int PromptTokens = 256, ShortPrompt = 16, Decoded = 64;

    public static void Run(Arguments arguments)
    {
        var folder = arguments.Text("--dir") ?? Path.Combine(Path.GetTempPath(), "vitrine-llama-135m");
        var rounds = arguments.Number("--rounds", 5);
        LlamaCheckpoint.Write(folder);
        set_num_threads(arguments.Number("--threads", 1));
        Console.WriteLine($"a 135M Llama shape ({LlamaCheckpoint.Layers} layers, width {LlamaCheckpoint.Width}), {get_num_threads()} thread(s), {rounds} "
            + "rounds in turns, medians");
        var only = arguments.Text("--only");
        foreach (var (name, measure) in new (string, Action<string, int>)[] { ("load", Load), ("forward", Forward), ("decode", Decode) })
        {
            if (only is null || only == name)
            {
                measure(folder, rounds);
            }
        }
    }

    private static void Forward(string folder, int rounds)
    {
        using var mode = no_grad();
        using var plain = new PlainLlama(folder);
        using var model = TextModel.Open(folder);
        var prompt = Prompt(PromptTokens);
        using var ids = tensor(prompt, [1, PromptTokens]);
        string[] watched = ["language.*.resid_pre", "language.*.resid_mid", "language.*.resid_post", "language.*.attn.pattern", "language.*.mlp.neurons"];
        var times = InTurns(rounds, [
            () => plain.Products(PromptTokens),
            () => plain.Forward(ids).Dispose(),
            () => model.Run(TokenBatch.Of(prompt)).Dispose(),
            () => model.Run(TokenBatch.Of(prompt), new RunPlan { ExplicitAttention = true }).Dispose(),
            () => model.Run(TokenBatch.Of(prompt), new RunPlan { ExplicitAttention = true, Capture = watched }).Dispose(),
        ]);
        using (var a = plain.Forward(ids))
        {
            using var b = model.Run(TokenBatch.Of(prompt));
            Line("largest difference of the plain forward's logits", (a - b.Logits).abs().max().item<float>().ToString("0.0e+0", CultureInfo.InvariantCulture));
        }

        Line($"W2 matrix products of {PromptTokens} tokens", Seconds(times[0]));
        Line("W2 plain TorchSharp forward", $"{Seconds(times[1])}, {Ratio(times[1], times[0])} of the products");
        Line("W2 forward, empty plan", $"{Seconds(times[2])}, {Ratio(times[2], times[1])} of the plain forward, {Ratio(times[2], times[0])} of the products");
        Line("W2 forward, explicit attention", $"{Seconds(times[3])}, {Ratio(times[3], times[2])} of the fused one");
        Line("W2 the same, every residual, pattern and neuron kept", $"{Seconds(times[4])}, {Ratio(times[4], times[3])} of the same without");
    }

    private static void Decode(string folder, int rounds)
    {
        using var mode = no_grad();
        using var plain = new PlainLlama(folder);
        using var model = TextModel.Open(folder);
        var prompt = TokenBatch.Of(Prompt(ShortPrompt));
        var clamp = RunPlan.Editing(new Transformers.Edits.Clamp(new NeuronSet(Enumerable.Range(0, 10).Select(i => new Neuron(15, 100 * i))), 1));
        var ablation = RunPlan.Editing(new Transformers.Edits.Zero("language.15.attn.z") { Scope = new Transformers.Edits.EditScope { Heads = [1] } });
        var everything = RunPlan.Capturing("language.*.*") with { ExplicitAttention = true };
        using var from = ones(1L << 28);
        using var to = empty_like(from);
        var times = InTurns(rounds, [
            () => to.copy_(from),
            () => model.Generate(prompt, 1).Dispose(),
            () => model.Generate(prompt, Decoded + 1).Dispose(),
            () => model.Generate(prompt, Decoded + 1, clamp).Dispose(),
            () => { for (var i = 0; i < Decoded; i++) { plain.Products(1); } },
            () => model.Generate(prompt, Decoded + 1, ablation).Dispose(),
            () => model.Generate(prompt, Decoded + 1, new RunPlan { ExplicitAttention = true }).Dispose(),
            () => model.Generate(prompt, Decoded + 1, everything).Dispose(),
            () => plain.ReadMatrices(),
        ]);
        var copied = 2.0 * 4 * (1L << 28) / Median(times[0]);
        var token = (Median(times[2]) - Median(times[1])) / Decoded;
        var read = plain.MatrixBytes / token;
        Line("copy of 1 GiB, read and written", $"{copied / 1e9:0.0} GB/s");
        Line($"W4 {Decoded} tokens behind {ShortPrompt}",
            $"{1 / token:0.0} tokens/s; reads the weights at {read / 1e9:0.0} GB/s, {read / copied:0 %} of the copy rate");
        Line("W4 the same products one by one through libtorch", $"{plain.MatrixBytes * Decoded / Median(times[4]) / 1e9:0.0} GB/s");
        var reading = plain.MatrixBytes / Median(times[8]);
        Line("W4 the weights read and added up, nothing else", $"{reading / 1e9:0.0} GB/s; a token reads at {read / reading:0 %} of that");
        Line("W4 with 10 neurons clamped", $"{Ratio(times[3], times[2])} of the same without");
        Line("W4 with a head ablated", $"{Ratio(times[5], times[2])} of the same without");
        Line("W4 block by block, nothing fused", $"{Ratio(times[6], times[2])} of the fused one");
        Line("W4 the same, every point of every block kept", $"{Ratio(times[7], times[6])} of the same without, {Ratio(times[7], times[2])} of the fused one");
    }

    /// <remarks>One token is read, which reads every parameter once: a mapped file is really there then.</remarks>
    private static void Load(string folder, int rounds)
    {
        var size = new FileInfo(Path.Combine(folder, "model.safetensors")).Length;
        var before = Resident();
        using var model = TextModel.Open(folder);
        Touch(model);
        Line("W7 resident memory after opening and one forward pass", $"{(double)(Resident() - before) / size:0.00} of the file's {size / 1e6:0} MB");
        var buffer = new byte[1 << 22];
        var times = InTurns(rounds, [
            () =>
            {
                using var stream = new FileStream(Path.Combine(folder, "model.safetensors"), FileMode.Open, FileAccess.Read, FileShare.Read, 0);
                while (stream.Read(buffer) > 0)
                {
                }
            },
            () =>
            {
                using var other = TextModel.Open(folder);
                Touch(other);
            },
        ]);
        before = Resident();
        using var folded = model.Processed(Folding.All(model.Language), keep: true);
        var folding = Measured.Of(() => Touch(folded));
        Line("W7 norms folded, unembedding centred, every layer kept",
            FormattableString.Invariant($"{folding.Processor:0.000} s, {(double)(Resident() - before) / size:0.00} of the file in memory on top"));
        using (var lazy = model.Processed(Folding.All(model.Language)))
        {
            Line("W7 the same folded when asked for, one token",
                Seconds([.. Enumerable.Range(0, rounds).Select(_ => Measured.Of(() => Touch(lazy)).Processor)]));
        }

        Line("W7 reading the file into a buffer", Seconds(times[0]));
        Line("W7 opening the model, one token read", $"{Seconds(times[1])}, {Ratio(times[1], times[0])} of that");
    }

    private static void Touch(TextModel model) => model.Run(TokenBatch.Of(1)).Dispose();

    private static long Resident() => File.ReadLines("/proc/self/status").Where(l => l.StartsWith("VmRSS:", StringComparison.Ordinal))
        .Select(l => long.Parse(l.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) << 10).First();

    private static int[] Prompt(int tokens) => [.. Enumerable.Range(0, tokens).Select(i => (int)((i * 7919L) % LlamaCheckpoint.Vocabulary))];

    private static List<double>[] InTurns(int rounds, Action[] works)
    {
        var times = works.Select(_ => new List<double>()).ToArray();
        foreach (var work in works)
        {
            work(); // first touch of buffers and code
        }

        for (var round = 0; round < rounds; round++)
        {
            for (var i = 0; i < works.Length; i++)
            {
                times[i].Add(Measured.Of(works[i]).Processor);
            }
        }

        return times;
    }

    private static double Median(List<double> times) => Measured.Median(times);

    private static string Seconds(List<double> times) => FormattableString.Invariant($"{Median(times):0.000} s");

    /// <remarks>Of the two in the same round; the median over rounds.</remarks>
    private static string Ratio(List<double> a, List<double> b)
        => Measured.Median(a.Zip(b).Select(p => p.First / p.Second)).ToString("0.000", CultureInfo.InvariantCulture);

    private static void Line(string what, string value) => Console.WriteLine($"{what,-64} {value}");
}
