using System.Globalization;
using Vitrine.Mechanisms.Circuits;
using Vitrine.Mechanisms.Metrics;
using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Benchmarks;

/// <summary>
/// All edges of the GPT-2 small shape beside a clean forward, a corrupted forward and a backward of the same batch, written with TorchSharp alone; in one run
/// and in turns, ratios of processor time.
/// </summary>
internal static class EdgeBenchmark
{
    private const int Right = 11, Wrong = 23;

    public static void Run(Arguments arguments)
    {
        var folder = arguments.Text("--dir") ?? Path.Combine(Path.GetTempPath(), "vitrine-gpt2-small");
        var (rounds, pairs, tokens) = (arguments.Number("--rounds", 5), arguments.Number("--pairs", 8), arguments.Number("--tokens", 32));
        Gpt2Checkpoint.Write(folder);
        set_num_threads(arguments.Number("--threads", 1));
        Console.WriteLine($"the GPT-2 small shape, {pairs} pairs of {tokens} tokens, {get_num_threads()} thread(s), {rounds} rounds in turns, medians");
        using var watch = new MemoryWatch();
        using var model = TextModel.Open(folder);
        var (clean, other) = (Ids(pairs, tokens, 1), Ids(pairs, tokens, 2));
        var at = arguments.Has("--everywhere") ? 0 : tokens / 3;
        int[][] corrupted = arguments.Has("--everywhere") ? other : [.. clean.Select((row, r) => row.Select((id, t) => t == at ? other[r][t] : id).ToArray())];
        Console.WriteLine(arguments.Has("--everywhere") ? "the two texts of a pair differ in every token" : $"the two texts of a pair differ in token {at}");
        var axis = arguments.Has("--positions") ? EdgeAxis.Positions : EdgeAxis.None;
        EdgeScores? scores = null;
        if (arguments.Has("--memory"))
        {
            Score();
            Line("peak memory, edges alone", watch.ToString());
            return;
        }

        using var plain = new PlainGpt2(folder);
        var (edges, products) = (new List<double>(), new List<double>());
        for (var round = 0; round <= rounds; round++)
        {
            var own = Measured.Of(Score).Processor;
            var peer = Measured.Of(() => Plain(plain, clean, corrupted)).Processor;
            if (round > 0)
            {
                edges.Add(own);
                products.Add(peer);
            }
        }

        var (mine, forward) = (Measured.Median(edges), Measured.Median(products));
        var ratios = edges.Zip(products).Select(p => p.First / p.Second).ToArray();
        Line("W6 forward, forward, backward (plain)", $"{Number(forward / pairs)} s a pair");
        Line($"W6 {scores!.Count} edges", $"{Number(mine / pairs)} s a pair, {Number(mine / forward)} of the plain three "
            + $"(of each turn: {string.Join(", ", ratios.Select(Number))})");

        void Score()
        {
            using var pair = new CircuitPair(
                Subject.Of(model, TokenBatch.Of(clean)), Subject.Of(model, TokenBatch.Of(corrupted)), new LogitDifferenceMetric([Right], [Wrong]));
            scores = pair.Score(EdgeMethod.Eap, new EdgeOptions { Axis = axis });
        }
    }

    /// <summary>What no attribution can do without: one forward with a backward, one without.</summary>
    private static void Plain(PlainGpt2 plain, int[][] clean, int[][] corrupted)
    {
        using var scope = NewDisposeScope();
        using (no_grad())
        {
            plain.Forward(Batch(corrupted)).Dispose();
        }

        var ids = Batch(clean);
        var embedded = plain.Embedded(ids).detach().requires_grad_();
        var logits = plain.Forward(ids, embedded);
        var metric = (logits.select(1, Right) - logits.select(1, Wrong)).mean();
        autograd.grad([metric], [embedded]);
    }

    private static Tensor Batch(int[][] ids) => tensor(ids.SelectMany(r => r).Select(id => (long)id).ToArray(), [ids.Length, ids[0].Length]);

    private static int[][] Ids(int rows, int tokens, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, rows).Select(_ => Enumerable.Range(0, tokens).Select(_ => random.Next(Gpt2Checkpoint.Vocabulary)).ToArray())];
    }

    private static void Line(string what, string found) => Console.WriteLine($"{what,-44} {found}");

    private static string Number(double value) => value.ToString("0.000", CultureInfo.InvariantCulture);
}
