using Vitrine.Mechanisms.Metrics;
using Vitrine.Mechanisms.Patching;
using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Benchmarks;

/// <summary>
/// Activation patching of the residual at every layer and position: beside one whole forward pass a cell, as hooked libraries do it, and beside a plan that
/// starts at the patched layer with all positions as one batch and unembeds the last position alone. In one run and in turns; ratios of processor time.
/// </summary>
internal static class SweepBenchmark
{
    public static void Run(Arguments arguments)
    {
        var folder = arguments.Text("--dir") ?? Path.Combine(Path.GetTempPath(), "vitrine-llama-135m");
        var (rounds, tokens, sampled) = (arguments.Number("--rounds", 3), arguments.Number("--tokens", 32), arguments.Number("--naive", 32));
        LlamaCheckpoint.Write(folder);
        set_num_threads(arguments.Number("--threads", 1));
        using var mode = no_grad();
        using var plain = new PlainLlama(folder);
        using var model = TextModel.Open(folder);
        var (clean, corrupted) = (Prompt(tokens, 7919), Prompt(tokens, 104_729));
        const int Right = 11, Wrong = 222;
        var patching = ActivationPatching.Between(
            Subject.Of(model, TokenBatch.Of(clean)), Subject.Of(model, TokenBatch.Of(corrupted)), new LogitDifferenceMetric([Right], [Wrong]));
        var sweep = new PatchSweep { By = [PatchAxis.Position] };
        var cells = LlamaCheckpoint.Layers * tokens;
        Console.WriteLine($"a 135M Llama shape, {cells} cells (every layer, {tokens} positions, prompts that differ everywhere), "
            + $"{get_num_threads()} thread(s), {rounds} rounds in turns, medians");

        var (loop, plan, ours) = (new double[cells], new double[cells], new double[cells]);
        int[] chosen = [.. Enumerable.Range(0, sampled).Select(i => (int)((long)i * cells / sampled) + (i % Math.Max(1, cells / sampled)))];
        var times = new[] { new List<double>(), [], [] };
        for (var round = 0; round <= rounds; round++)
        {
            double[] took = [Measured.Of(Loop).Processor * cells / sampled, Measured.Of(Plan).Processor, Measured.Of(Ours).Processor];
            for (var i = 0; round > 0 && i < took.Length; i++)
            {
                times[i].Add(took[i]);
            }
        }

        var asked = patching.Plan(sweep);
        Line("one whole forward pass a cell", FormattableString.Invariant($"{Measured.Median(times[0]):0.0} s ({sampled} cells, scaled)"));
        Line("from the patched layer, positions as one batch", FormattableString.Invariant($"{Measured.Median(times[1]):0.0} s"));
        Line("Vitrine", FormattableString.Invariant($"{Measured.Median(times[2]):0.00} s, both unpatched runs and the cached one included"));
        Line("the loop / Vitrine", Ratio(times[0], times[2]));
        Line("the plan / Vitrine", Ratio(times[1], times[2]));
        Line("planned: batches, whole passes, memory", FormattableString.Invariant($"{asked.Passes}, {asked.Forwards:0.0}, {asked.Memory / 1e6:0} MB"));
        Line("largest difference from the plan's metric", FormattableString.Invariant($"{plan.Zip(ours).Max(v => Math.Abs(v.First - v.Second)):0.0e+0}"));
        Line("largest difference from the loop's metric", FormattableString.Invariant($"{chosen.Max(i => Math.Abs(loop[i] - ours[i])):0.0e+0}"));

        void Loop()
        {
            using var scope = NewDisposeScope();
            using Tensor good = tensor(clean.Select(i => (long)i).ToArray(), [1, tokens]), bad = tensor(corrupted.Select(i => (long)i).ToArray(), [1, tokens]);
            var cached = Residuals(good);
            foreach (var cell in chosen)
            {
                using var inner = NewDisposeScope();
                var (layer, position) = (cell / tokens, cell % tokens);
                var logits = plain.Forward(bad, (at, x) => at == layer ? Patched(x, cached[at], position) : x);
                loop[cell] = (logits[0, -1, Right] - logits[0, -1, Wrong]).item<float>();
            }
        }

        void Plan()
        {
            using var scope = NewDisposeScope();
            using Tensor good = tensor(clean.Select(i => (long)i).ToArray(), [1, tokens]), bad = tensor(corrupted.Select(i => (long)i).ToArray(), [1, tokens]);
            var (from, into) = (Residuals(good), Residuals(bad));
            var diagonal = eye(tokens, dtype: ScalarType.Bool).unsqueeze(-1);                               // (T, T, 1)
            for (var layer = 0; layer < LlamaCheckpoint.Layers; layer++)
            {
                using var inner = NewDisposeScope();
                var rows = where(diagonal, from[layer].expand(tokens, -1, -1), into[layer].expand(tokens, -1, -1));
                var logits = plain.Unembedded(plain.Through(rows, layer)[.., -1]);                          // (T, V)
                var metric = (logits[.., Right] - logits[.., Wrong]).data<float>().ToArray();
                for (var position = 0; position < tokens; position++)
                {
                    plan[(layer * tokens) + position] = metric[position];
                }
            }
        }

        void Ours()
        {
            var result = patching.Run(sweep);
            for (var i = 0; i < cells; i++)
            {
                ours[i] = result.Cells[i].Mean;
            }
        }

        Tensor[] Residuals(Tensor ids)
        {
            var kept = new Tensor[LlamaCheckpoint.Layers];
            plain.Forward(ids, (layer, x) =>
            {
                kept[layer] = x.alias().DetachFromDisposeScope();
                return x;
            }).Dispose();
            return [.. kept.Select(t => t.MoveToOuterDisposeScope())];
        }
    }

    private static Tensor Patched(Tensor x, Tensor from, int position)
    {
        var changed = x.clone();
        changed.select(1, position).copy_(from.select(1, position));
        return changed;
    }

    private static int[] Prompt(int tokens, long step) => [.. Enumerable.Range(1, tokens).Select(i => (int)(i * step % LlamaCheckpoint.Vocabulary))];

    /// <remarks>Of the two in the same round; the median over rounds.</remarks>
    private static string Ratio(List<double> a, List<double> b)
        => FormattableString.Invariant($"{Measured.Median(a.Zip(b).Select(p => p.First / p.Second)):0.00}");

    private static void Line(string what, string value) => Console.WriteLine($"{what,-64} {value}");
}
