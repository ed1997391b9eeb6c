using Vitrine.Checkpoints;
using Vitrine.Policies;
using Vitrine.Policies.Flow;
using Vitrine.Transformers;

namespace Vitrine.Mechanisms.Causes;

/// <summary>What one part of the network does to the metric, asked in three ways; one number a state each.</summary>
/// <param name="Component">Which component; attention of a head.</param>
/// <param name="Layer">Which layer; null for all together.</param>
/// <param name="Head">Which head alone; null for the whole component.</param>
/// <param name="MeanDifference">Change where the mean difference that the word makes here is added.</param>
/// <param name="Sufficient">Change where its output alone is put in from the run with the word.</param>
/// <param name="Necessary">Change that remains of the word's where it is held at the run without.</param>
public sealed record LocatedPart(
    Component Component, int? Layer, int? Head, IReadOnlyList<double> MeanDifference, IReadOnlyList<double> Sufficient, IReadOnlyList<double> Necessary);

/// <summary>Where a word acts in one decision, state by state; no statistics.</summary>
/// <param name="Baseline">The metric without the word.</param>
/// <param name="Word">What the word changes.</param>
/// <param name="ZeroDose">The mean difference added with factor 0.</param>
/// <param name="Parts">Components by layer, a component's layers together, then heads.</param>
/// <param name="RandomDirections">The control of the mean differences, by component.</param>
public sealed record LocatedEffects(
    IReadOnlyList<double> Baseline, IReadOnlyList<double> Word, IReadOnlyList<double> ZeroDose, IReadOnlyList<LocatedPart> Parts,
    IReadOnlyList<DirectionEffects> RandomDirections);

/// <summary>
/// Where a word acts, before anything is clamped: attention outputs, feed-forward outputs, residuals and heads of the stack that decides, each by its mean
/// difference and by interchange both ways, in one decision; and the same as edits for a moving robot.
/// </summary>
public sealed class Localisation : IDisposable
{
    private static readonly Component[] Adding = [Component.Attention, Component.FeedForward];
    private readonly Policy policy;
    private readonly string? without;
    private readonly WordDifference difference;
    private readonly HeadOutputs? heads;

    /// <summary>Takes the mean difference that the word makes: two acts, or four with heads.</summary>
    /// <param name="policy">Who decides.</param>
    /// <param name="word">What is said, behind every instruction.</param>
    /// <param name="without">What is said instead in the other run; null for nothing.</param>
    /// <param name="selection">The states in which the difference is taken; they serve for nothing else.</param>
    /// <param name="draws">Random directions of each component.</param>
    /// <param name="withHeads">Whether heads are asked one by one.</param>
    /// <param name="seed">Of the draws.</param>
    /// <param name="cancellation">Stops between passes.</param>
    public Localisation(
        Policy policy, string word, string? without, IReadOnlyList<Observation> selection, int draws = 8, bool withHeads = true, int seed = 0,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(policy);
        (this.policy, this.without) = (policy, without);
        using var threads = ComputeThreads.One();
        var (own, other) = (new OneStep(policy, Said(selection, without)), new OneStep(policy, Said(selection, word)));
        using var said = other.Outputs(cancellation);
        using var plain = own.Outputs(cancellation);
        difference = new WordDifference(said.MeanDifference(plain), draws, seed) { Word = word };
        if (withHeads)
        {
            using var saidHeads = HeadOutputs.Of(policy, other.States, cancellation);
            using var plainHeads = HeadOutputs.Of(policy, own.States, cancellation);
            heads = saidHeads.MeanDifference(plainHeads);
        }
    }

    /// <summary>The word.</summary>
    public string Word => difference.Word;

    /// <summary>Layers of the stack that decides.</summary>
    public IReadOnlyList<int> Layers => difference.Layers;

    /// <summary>Random directions of each component.</summary>
    public int Draws => difference.Draws;

    /// <summary>The mean difference of a component, added where actions are decided.</summary>
    /// <param name="component">Which component.</param>
    /// <param name="layers">In which layers.</param>
    /// <param name="factor">0 is the zero dose.</param>
    public RunPlan MeanDifference(Component component, IReadOnlyList<int> layers, double factor = 1) => difference.Added(component, layers, factor);

    /// <summary>A random direction with the norms of the mean difference, added.</summary>
    /// <param name="draw">From 0.</param>
    /// <param name="component">Which component.</param>
    /// <param name="layers">In which layers.</param>
    public RunPlan RandomDirection(int draw, Component component, IReadOnlyList<int> layers) => difference.RandomDirection(draw, component, layers);

    /// <summary>
    /// Asks every part. Every worker computes with one libtorch thread, so that nothing depends on how many there are. A flow policy reads pictures and words
    /// once for all parts.
    /// </summary>
    /// <param name="states">The states to report on; none of the selection.</param>
    /// <param name="metric">What is measured of the decided action.</param>
    /// <param name="workers">Acts side by side.</param>
    /// <param name="progress">Told the share that is done.</param>
    /// <param name="cancellation">Stops between passes.</param>
    /// <exception cref="VitrineException">An edit touches nothing, or there is no state.</exception>
    public LocatedEffects Run(
        IReadOnlyList<Observation> states, ActionMetric metric, int workers = 1, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(states);
        ArgumentNullException.ThrowIfNull(metric);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(workers);
        using var threads = ComputeThreads.One();
        var flow = policy.Unplanned as FlowPolicy;
        var (usual, worded) = (Said(states, without), Said(states, Word));
        using var read = flow?.Read(usual);
        using var readWorded = flow?.Read(worded);
        var (own, other) = (new OneStep(policy, usual, read), new OneStep(policy, worded, readWorded));
        using var said = other.Outputs(cancellation);
        using var plain = own.Outputs(cancellation);
        using var saidHeads = heads is null ? null : HeadOutputs.Of(policy, other.States, cancellation);
        using var plainHeads = heads is null ? null : HeadOutputs.Of(policy, own.States, cancellation);
        (Component Component, int? Layer, int? Head)[] parts =
        [
            .. Adding.Append(Component.Residual)
                .SelectMany(c => Layers.Select(l => (c, (int?)l, (int?)null)).Concat(Adding.Contains(c) ? [(c, null, null)] : [])),
            .. heads is null ? Array.Empty<(Component, int?, int?)>()
                : Layers.SelectMany(l => Enumerable.Range(0, heads.HeadsOf(l)).Select(h => (Component.Attention, (int?)l, (int?)h))),
        ];
        var asked = new Questions("locate", own, metric);
        var word = asked.Ask(other, () => null);
        var zero = asked.Ask(own, () => MeanDifference(Component.Attention, Layers, factor: 0));
        var located = parts.Select(Asked).ToArray();
        var directions = Adding.Select(c => (
            Component: c, Draws: Enumerable.Range(0, Draws).Select(d => asked.Ask(own, () => RandomDirection(d, c, Layers))).ToArray())).ToArray();
        var baseline = own.Measured(metric);
        asked.Answer(workers, progress, cancellation);
        return new LocatedEffects(
            baseline, word.Effect, zero.Effect,
            [.. parts.Zip(located, (p, a) => new LocatedPart(p.Component, p.Layer, p.Head, a.Mean.Effect, a.Sufficient.Effect, a.Necessary.Effect))],
            [.. directions.Select(d => new DirectionEffects(d.Component, [.. d.Draws.Select(a => a.Effect)]))]);

        (Question Mean, Question Sufficient, Question Necessary) Asked((Component Component, int? Layer, int? Head) part)
        {
            IReadOnlyList<int> at = part.Layer is { } one ? [one] : Layers;
            return part.Head is { } head
                ? (asked.Ask(own, () => heads!.Added(at[0], head)), asked.Ask(own, () => saidHeads!.PutIn(at[0], head)),
                    asked.Ask(other, () => plainHeads!.PutIn(at[0], head)))
                : (asked.Ask(own, () => MeanDifference(part.Component, at)), asked.Ask(own, () => new RunPlan { Edits = said.PutIn(part.Component, at) }),
                    asked.Ask(other, () => new RunPlan { Edits = plain.PutIn(part.Component, at) }));
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        difference.Dispose();
        heads?.Dispose();
    }

    private IReadOnlyList<Observation> Said(IReadOnlyList<Observation> states, string? word)
        => word is null ? states : new OneStep(policy, states).Worded(word);
}
