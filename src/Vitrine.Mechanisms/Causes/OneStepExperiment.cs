using Vitrine.Checkpoints;
using Vitrine.Policies;
using Vitrine.Policies.Flow;
using Vitrine.Transformers;

namespace Vitrine.Mechanisms.Causes;

/// <summary>Asks every part of a policy what it has to do with a word in one decision: mean difference, interchange both ways, and all controls.</summary>
/// <param name="policy">Who decides.</param>
/// <param name="edits">The concept's edits; made on other states than these.</param>
/// <param name="states">The states to report on.</param>
public sealed class OneStepExperiment(Policy policy, ConceptEdits edits, IReadOnlyList<Observation> states)
{
    private static readonly Component[] Adding = [Component.Attention, Component.FeedForward];

    /// <summary>
    /// Runs it. Everything computes with one libtorch thread, baseline and watched outputs too, so that no sum is split by how many run beside it. A flow
    /// policy reads pictures and words once for all parts.
    /// </summary>
    /// <param name="metric">What is measured of the decided action.</param>
    /// <param name="workers">Acts side by side; nothing depends on it.</param>
    /// <param name="progress">Told the share that is done.</param>
    /// <param name="cancellation">Stops between passes.</param>
    public OneStepEffects Run(ActionMetric metric, int workers = 1, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(metric);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(workers);
        using var threads = ComputeThreads.One();
        var flow = policy.Unplanned as FlowPolicy;
        using var read = flow?.Read(states);
        var without = new OneStep(policy, states, read);
        using var readWorded = flow?.Read(without.Worded(edits.Word));
        var with = new OneStep(policy, without.Worded(edits.Word), readWorded);
        using var worded = with.Outputs(cancellation);
        using var plain = without.Outputs(cancellation);
        var asked = new Questions("one step", without, metric);
        var word = asked.Ask(with, () => null);
        var zero = asked.Ask(without, () => edits.MeanDifference(Component.Attention, factor: 0));
        var clamp = asked.Ask(without, () => RunPlan.Editing(edits.Clamp));
        var parts = Parts().Select(part =>
        {
            IReadOnlyList<int> at = part.Layer is { } one ? [one] : edits.Layers;
            return (part.Component, part.Layer,
                Mean: asked.Ask(without, () => edits.MeanDifference(part.Component, at)),
                Sufficient: asked.Ask(without, () => new RunPlan { Edits = worded.PutIn(part.Component, at) }),
                Necessary: asked.Ask(with, () => new RunPlan { Edits = plain.PutIn(part.Component, at) }));
        }).ToArray();
        var matched = edits.ClampControls.MatchedRandom.Select(c => asked.Ask(without, () => RunPlan.Editing(c))).ToArray();
        var directions = Adding.Select(component => (
            Component: component,
            Draws: Enumerable.Range(0, edits.Draws).Select(d => asked.Ask(without, () => edits.RandomDirection(d, component))).ToArray())).ToArray();

        asked.Answer(workers, progress, cancellation);
        return new OneStepEffects
        {
            Baseline = without.Measured(metric),
            Word = word.Effect,
            ZeroDose = zero.Effect,
            Clamp = clamp.Effect,
            Parts = [.. parts.Select(p => new PartEffects(p.Component, p.Layer, p.Mean.Effect, p.Sufficient.Effect, p.Necessary.Effect))],
            MatchedRandom = [.. matched.Select(m => m.Effect)],
            RandomDirections = [.. directions.Select(d => new DirectionEffects(d.Component, [.. d.Draws.Select(a => a.Effect)]))],
        };
    }

    /// <remarks>The residual stream of a layer holds all that came before it, so its layers are not asked together.</remarks>
    private IEnumerable<(Component Component, int? Layer)> Parts()
        => Adding.Append(Component.Residual)
            .SelectMany(component => edits.Layers.Select(layer => (component, (int?)layer)).Concat(Adding.Contains(component) ? [(component, null)] : []));
}
