using Vitrine.Mechanisms.Pictures;
using Vitrine.Policies;
using Vitrine.Policies.Flow;
using Vitrine.Transformers;
using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Experts;

/// <summary>Where one layer of an expert looks: shares of its attention, mean over heads, rows of the chunk and flow steps; one a state.</summary>
/// <param name="Layer">From 0.</param>
/// <param name="Pictures">On tokens of pictures.</param>
/// <param name="Words">On words of the instruction.</param>
/// <param name="State">On the state's token, in the prefix or in front of the chunk.</param>
/// <param name="Chunk">On rows of the chunk itself; null where the layer reads the prefix alone.</param>
public sealed record ExpertLook(
    int Layer, IReadOnlyList<double> Pictures, IReadOnlyList<double> Words, IReadOnlyList<double> State, IReadOnlyList<double>? Chunk);

/// <summary>Where the expert of a flow policy looks while it denoises. What is read says nothing of what is done with it.</summary>
public static class ExpertAttention
{
    /// <summary>Every layer.</summary>
    /// <param name="policy">Whose expert.</param>
    /// <param name="states">In what.</param>
    /// <param name="progress">From 0 to 1.</param>
    /// <param name="cancellation">Stops between states.</param>
    public static IReadOnlyList<ExpertLook> Of(
        FlowPolicy policy, IReadOnlyList<Observation> states, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(states);
        var layers = policy.Expert.Shape.Layers;
        var shares = Enumerable.Range(0, layers).Select(_ => new List<(double Pictures, double Words, double State, double? Chunk)>()).ToArray();
        foreach (var (i, state) in states.Index())
        {
            using var watched = new Watched(policy, state, cancellation);
            for (var layer = 0; layer < layers; layer++)
            {
                var (weights, columns) = watched.Mean(layer);
                var (row, own, heads) = (watched.Row, watched.Prefix, weights.Length / columns);
                double[] mean = [.. Enumerable.Range(0, columns).Select(c => Enumerable.Range(0, heads).Average(h => weights[(h * columns) + c]))];
                long[] ahead = [.. row.DecidingState.Select(p => own + p)];
                shares[layer].Add((
                    Over(row.Pictures.Values.SelectMany(p => p.Positions())), Over(row.Words.Select(w => w.Position)),
                    Over(row.State.Concat(columns > own ? ahead : [])),
                    columns > own ? Over(Enumerable.Range(0, row.DecidingCount).Select(r => own + row.Deciding + r)) : null));

                double Over(IEnumerable<long> positions) => positions.Sum(p => mean[p]);
            }

            progress?.Report((i + 1.0) / states.Count);
        }

        return
        [
            .. shares.Select((of, layer) => new ExpertLook(
                layer, [.. of.Select(s => s.Pictures)], [.. of.Select(s => s.Words)], [.. of.Select(s => s.State)],
                of[0].Chunk is null ? null : [.. of.Select(s => s.Chunk!.Value)])),
        ];
    }

    /// <summary>The heads that look most at the picture, mean over rows of the chunk and flow steps; ordered by layer and head.</summary>
    /// <param name="policy">Whose expert.</param>
    /// <param name="observation">At what; the first of several pictures counts.</param>
    /// <param name="count">How many.</param>
    /// <param name="cancellation">Stops between flow steps.</param>
    /// <returns>None where there is no picture.</returns>
    public static IReadOnlyList<HeadLook> Strongest(FlowPolicy policy, Observation observation, int count, CancellationToken cancellation = default)
        => HeadLook.Strongest(All(policy, observation, cancellation), count);

    /// <summary>Every head, by layer and head, mean over rows of the chunk and flow steps.</summary>
    /// <param name="policy">Whose expert.</param>
    /// <param name="observation">At what; the first of several pictures counts.</param>
    /// <param name="cancellation">Stops between flow steps.</param>
    /// <returns>None where there is no picture.</returns>
    public static IReadOnlyList<HeadLook> All(FlowPolicy policy, Observation observation, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(policy);
        using var watched = new Watched(policy, observation, cancellation);
        if (watched.Row.Pictures.Count == 0)
        {
            return [];
        }

        var (shape, patches) = (policy.Expert.Shape, watched.Row.Pictures.Values.First());
        return [.. Enumerable.Range(0, shape.Layers).SelectMany(layer =>
        {
            var (weights, columns) = watched.Mean(layer);
            return Enumerable.Range(0, shape.Heads).Select(head => new HeadLook(
                shape.Name, layer, head, "the chunk", patches.Rows, patches.Columns,
                [.. patches.Positions().Select(p => weights[(head * columns) + p])])
            {
                FirstToken = patches.First,
                Visible = columns,
            });
        })];
    }

    /// <summary>One act on one observation, with all patterns of the expert.</summary>
    private sealed class Watched : IDisposable
    {
        private readonly FlowPrefix prefix;
        private readonly PolicyRun run;
        private readonly string expert;
        private readonly int steps;

        public Watched(FlowPolicy policy, Observation observation, CancellationToken cancellation)
        {
            (expert, steps) = (policy.Expert.Shape.Name, policy.FlowSteps);
            prefix = policy.Read([observation]);
            run = policy.Act(prefix, RunPlan.Capturing($"{expert}.*.attn.pattern@*"), cancellation: cancellation);
            Row = run.Layout.Rows[0];
            Prefix = Row.Pictures.Values.Sum(p => p.Count) + Row.Words.Count + Row.State.Count;
        }

        public PromptRow Row { get; }

        /// <summary>Positions of what was read; the expert's own stand behind them.</summary>
        public int Prefix { get; }

        /// <summary>[head x columns + column], mean over flow steps and rows of the chunk.</summary>
        public (double[] Weights, int Columns) Mean(int layer)
        {
            using var scope = NewDisposeScope();
            var patterns = Enumerable.Range(0, steps).Select(k => run.Run[$"{expert}.{layer}.attn.pattern@{k}"][0].Widened()).ToArray();    // (H, rows, T)
            var mean = stack(patterns).narrow(2, Row.Deciding, Row.DecidingCount).mean([0, 2]).to(float64).cpu().contiguous();              // (H, T)
            return (mean.data<double>().ToArray(), (int)mean.shape[1]);
        }

        public void Dispose()
        {
            run.Dispose();
            prefix.Dispose();
        }
    }
}
