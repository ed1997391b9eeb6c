using Vitrine.Checkpoints;
using Vitrine.Policies;
using Vitrine.Policies.Flow;
using Vitrine.Transformers;
using Vitrine.Transformers.Engine;

namespace Vitrine.Mechanisms.Causes;

/// <summary>What some rows of a prompt do in one decision.</summary>
/// <param name="Rows">Which rows.</param>
/// <param name="Layer">Of the expert, from 0; null for all.</param>
/// <param name="Sufficient">Change of the metric where the expert reads them of the other prompt, state by state.</param>
/// <param name="Necessary">What remains of the word's effect where it reads all but them of the other prompt; null where that was not asked.</param>
public sealed record SwapEffect(SwappedRows Rows, int? Layer, IReadOnlyList<double> Sufficient, IReadOnlyList<double>? Necessary);

/// <summary>What some rows of a prompt do in one decision where several layers of the expert read them of the other prompt.</summary>
/// <param name="Rows">Which rows.</param>
/// <param name="Name">The layers in words.</param>
/// <param name="Layers">The layers, from 0.</param>
/// <param name="Sufficient">Change of the metric, state by state.</param>
public sealed record SwapRangeEffect(SwappedRows Rows, string Name, IReadOnlyList<int> Layers, IReadOnlyList<double> Sufficient);

/// <summary>What came of a <see cref="PrefixSwapExperiment"/>, state by state.</summary>
/// <param name="Baseline">The metric under the own word.</param>
/// <param name="Word">Change where the other word is said.</param>
/// <param name="Parts">By rows and layer.</param>
/// <param name="Ranges">By rows and several layers: those that read the prompt alone, those that read the chunk too, and all from one on.</param>
/// <param name="ZeroDose">Change where the expert reads its own keys and values again through the whole machinery.</param>
/// <param name="At">The layer of the random directions.</param>
/// <param name="RandomDirections">Change where the word's row of that layer is moved as far in a random direction; one a draw.</param>
public sealed record PrefixSwapEffects(
    IReadOnlyList<double> Baseline, IReadOnlyList<double> Word, IReadOnlyList<SwapEffect> Parts, IReadOnlyList<SwapRangeEffect> Ranges,
    IReadOnlyList<double> ZeroDose, int At, IReadOnlyList<IReadOnlyList<double>> RandomDirections);

/// <summary>
/// Where two words make a difference in one decision: the keys and values that an expert reads of some rows of the prompt are those of the other word's prompt,
/// for the same pictures, states and noise.
/// </summary>
/// <param name="policy">Whose expert.</param>
/// <param name="states">In what; instructions without the word.</param>
/// <param name="own">The word that is said.</param>
/// <param name="other">The word whose keys and values are read.</param>
/// <remarks>Both prompts are read once; every question starts at what was read.</remarks>
public sealed class PrefixSwapExperiment(FlowPolicy policy, IReadOnlyList<Observation> states, string own, string other)
{
    private static readonly SwappedRows[] Asked = [SwappedRows.Words, SwappedRows.State, SwappedRows.Image, SwappedRows.Others, SwappedRows.All];
    private static readonly SwappedRows[] AskedTogether = [SwappedRows.Keys, SwappedRows.Values];

    /// <summary>The single layer whose reading of the word's row gives most of what the word does.</summary>
    /// <param name="metric">Of the decided action.</param>
    /// <param name="cancellation">Stops between passes.</param>
    public int CarryingLayer(ActionMetric metric, CancellationToken cancellation = default)
    {
        using var asked = new Prompts(policy, states, own, other, metric, cancellation);
        var towards = Math.Sign(asked.Word().Average());
        return Layers().MaxBy(layer => towards * asked.Sufficient(new PrefixSwap(other, [layer])).Average());
    }

    /// <summary>Asks every kind of rows, layer by layer, in all layers together and in several, keys and values of all apart, with all controls.</summary>
    /// <remarks>It computes with one libtorch thread a worker.</remarks>
    /// <param name="metric">Of the decided action.</param>
    /// <param name="at">The layer in which the word's row is moved in random directions, as the control.</param>
    /// <param name="draws">How many of them.</param>
    /// <param name="progress">From 0 to 1.</param>
    /// <param name="cancellation">Stops between passes.</param>
    /// <exception cref="VitrineException">The two words are not of equally many tokens, or the prompt has no such rows.</exception>
    public PrefixSwapEffects Run(ActionMetric metric, int at, int draws, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(metric);
        using var threads = ComputeThreads.One();
        using var asked = new Prompts(policy, states, own, other, metric, cancellation);
        int[] all = [.. Layers()];
        SwappedRows[] kinds = [.. Asked.Where(asked.Has)];
        (SwappedRows Rows, int? Layer)[] parts =
            [.. kinds.SelectMany(rows => all.Select(l => (rows, (int?)l)).Append((rows, null))), .. AskedTogether.Select(rows => (rows, (int?)null))];
        (SwappedRows Rows, string Name, int[] Layers)[] several =
        [
            .. Sorts().SelectMany(sort => kinds.Select(rows => (rows, sort.Name, sort.Layers))),
            .. all[1..].Select(from => (SwappedRows.All, $"from layer {from} on", all[from..])),
        ];
        var (effects, ranges) = (new List<SwapEffect>(), new List<SwapRangeEffect>());
        double questions = parts.Length + several.Length + draws;
        foreach (var (rows, layer) in parts)
        {
            int[] layers = layer is { } one ? [one] : all;
            effects.Add(new SwapEffect(
                rows, layer, asked.Sufficient(new PrefixSwap(other, layers, rows)),
                rows == SwappedRows.Words ? asked.Necessary(new PrefixSwap(own, layers, rows)) : null));
            progress?.Report(effects.Count / questions);
        }

        foreach (var (rows, range, layers) in several)
        {
            ranges.Add(new SwapRangeEffect(rows, range, layers, asked.Sufficient(new PrefixSwap(other, layers, rows))));
            progress?.Report((effects.Count + ranges.Count) / questions);
        }

        var random = new List<IReadOnlyList<double>>();
        for (var draw = 0; draw < draws; draw++)
        {
            random.Add(asked.Sufficient(new PrefixSwap(other, [at], SwappedRows.Random) { Draw = draw }));
            progress?.Report((effects.Count + ranges.Count + draw + 1) / questions);
        }

        return new PrefixSwapEffects(asked.Baseline, asked.Word(), effects, ranges, asked.Zero(all), at, random);
    }

    /// <summary>Layers by what they read: the prompt alone, or the chunk too; none where all are of one sort.</summary>
    private IEnumerable<(string Name, int[] Layers)> Sorts()
    {
        int[] cross = [.. Layers().Where(l => policy.Expert.Blocks[l].Spec.Attention.Keys == KeySource.Prefix)];
        int[] self = [.. Layers().Except(cross)];
        return cross.Length == 0 || self.Length == 0 ? [] : [("cross-attention layers", cross), ("self-attention layers", self)];
    }

    private IEnumerable<int> Layers() => Enumerable.Range(0, policy.Expert.Shape.Layers);

    /// <summary>Both prompts, read once.</summary>
    private sealed class Prompts : IDisposable
    {
        private readonly FlowPolicy policy;
        private readonly FlowPrefix own, other;
        private readonly ActionMetric metric;
        private readonly CancellationToken cancellation;
        private readonly double[] said;

        public Prompts(
            FlowPolicy policy, IReadOnlyList<Observation> states, string ownWord, string otherWord, ActionMetric metric, CancellationToken cancellation)
        {
            (this.policy, this.metric, this.cancellation) = (policy, metric, cancellation);
            var step = new OneStep(policy, states);
            (own, other) = (policy.Read(step.Worded(ownWord)), policy.Read(step.Worded(otherWord)));
            (Baseline, said) = (Measured(own, null), Measured(other, null));
        }

        public double[] Baseline { get; }

        public double[] Word() => Less(said, Baseline);

        public bool Has(SwappedRows rows) => rows switch
        {
            SwappedRows.State => own.Layout.Rows.All(r => r.State.Count > 0),
            SwappedRows.Image => own.Layout.Rows.All(r => r.Pictures.Count > 0),
            _ => true,
        };

        public double[] Sufficient(PrefixSwap swap) => Less(Measured(own, policy.Swapping(own, other, swap)), Baseline);

        public double[] Necessary(PrefixSwap swap) => Less(Measured(other, policy.Swapping(other, own, swap)), Baseline);

        public double[] Zero(IReadOnlyList<int> layers)
            => Less(Measured(own, policy.Swapping(own, own, new PrefixSwap("", layers, SwappedRows.Others))), Baseline);

        public void Dispose()
        {
            own.Dispose();
            other.Dispose();
        }

        private double[] Measured(FlowPrefix from, RunPlan? plan)
        {
            using var run = policy.Act(from, plan, cancellation: cancellation);
            return [.. run.Actions.Select(a => metric.Of(a.Values))];
        }

        private static double[] Less(double[] a, double[] b) => [.. a.Zip(b, (x, y) => x - y)];
    }
}
