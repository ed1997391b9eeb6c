using Vitrine.Checkpoints;
using Vitrine.Policies;
using Vitrine.Policies.Flow;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;

namespace Vitrine.Mechanisms.Causes;

/// <summary>What is left out of a decision.</summary>
/// <param name="Stack">Whose part; the stack that reads, where tokens are hidden.</param>
/// <param name="Layer">From 0; null for all layers.</param>
/// <param name="Component">What is set to 0; null where tokens are hidden, or noise is drawn anew.</param>
/// <param name="Hidden">Kind of the tokens that the stack does not see: image, text or state; null where none are hidden.</param>
public sealed record LeftOut(string Stack, int? Layer, Component? Component, string? Hidden)
{
    /// <summary>In words.</summary>
    public override string ToString() => (Component, Hidden) switch
    {
        ({ } component, _) => $"{Stack}.{Layer}.{component.Point()} set to 0",
        (_, { } kind) => $"{kind} hidden from {Stack}",
        _ => "another noise",
    };
}

/// <summary>How far a decision goes away without a part.</summary>
/// <param name="Part">What is left out.</param>
/// <param name="Changes">
/// One a state: root mean square of the change, over rows of the chunk and over dx, dy, dz (over all numbers of actions that have none), in the robot's units.
/// </param>
public sealed record AblationEffect(LeftOut Part, IReadOnlyList<double> Changes);

/// <summary>
/// What each part of a policy is needed for in one decision: every block's attention and feed-forward set to 0, and what an expert reads hidden from it. It
/// says that something is needed, and not for what: see <see cref="OneStepExperiment"/>.
/// </summary>
/// <param name="policy">Who decides.</param>
/// <param name="states">In what.</param>
public sealed class AblationExperiment(Policy policy, IReadOnlyList<Observation> states)
{
    private const int OtherSeed = 1;
    private static readonly Component[] Zeroed = [Component.Attention, Component.FeedForward];

    /// <summary>Runs it. Every worker computes with one libtorch thread, so that nothing depends on how many there are.</summary>
    /// <param name="workers">Acts side by side.</param>
    /// <param name="progress">From 0 to 1.</param>
    /// <param name="cancellation">Stops between passes.</param>
    /// <returns>By stack, component and layer; then what is hidden; last another noise, which is the size that says nothing.</returns>
    /// <exception cref="VitrineException">There is no state.</exception>
    public IReadOnlyList<AblationEffect> Run(int workers = 1, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(workers);
        if (states.Count == 0)
        {
            throw new VitrineException("states: there is no observation; expected at least one.");
        }

        using var threads = ComputeThreads.One();
        var flow = policy.Unplanned as FlowPolicy;
        using var read = flow?.Read(states);
        var step = new OneStep(policy, states, read);
        var (baseline, motion) = (step.Baseline, Motion());
        LeftOut[] parts = [.. Parts(flow, read)];
        var effects = new AblationEffect[parts.Length];
        var done = 0;
        ComputeThreads.EachAsync(parts.Length, workers, Work, cancellation).GetAwaiter().GetResult();
        return effects;

        void Work(int turn, CancellationToken stop)
        {
            effects[turn] = new AblationEffect(parts[turn], [.. Without(parts[turn], stop).Zip(baseline, (a, b) => Distance(a, b, motion))]);
            progress?.Report((double)Interlocked.Increment(ref done) / parts.Length);
        }

        IReadOnlyList<PolicyAction> Without(LeftOut part, CancellationToken stop)
        {
            if (PlanOf(part) is { } plan)
            {
                return step.Act(plan, stop);
            }

            using var run = flow!.Act(read!, null, ActNoise.OfSeed(OtherSeed), stop);
            return run.Actions;
        }
    }

    private static RunPlan? PlanOf(LeftOut part) => part switch
    {
        { Component: { } component, Layer: { } layer } => RunPlan.Editing(new Zero(component.Place(part.Stack, layer))),
        { Hidden: { } kind } => RunPlan.Editing(new KnockOut($"{part.Stack}.*.attn.scores", Positions.Of(kind))),
        _ => null,
    };

    private static double Distance(PolicyAction a, PolicyAction b, IReadOnlyList<int> motion)
        => Math.Sqrt(a.Chunk.Zip(b.Chunk).Average(rows => motion.Average(d => (rows.First[d] - rows.Second[d]) * (rows.First[d] - rows.Second[d]))));

    private int[] Motion()
    {
        int[] translation = [.. policy.ActionNames.Index().Where(n => ActionMetric.Translation.Contains(n.Item)).Select(n => n.Index)];
        return translation.Length > 0 ? translation : [.. Enumerable.Range(0, policy.ActionNames.Count)];
    }

    private IEnumerable<LeftOut> Parts(FlowPolicy? flow, FlowPrefix? read)
    {
        foreach (var stack in policy.Decoders)
        {
            foreach (var component in Zeroed)
            {
                for (var layer = 0; layer < stack.Shape.Layers; layer++)
                {
                    yield return new LeftOut(stack.Shape.Name, layer, component, null);
                }
            }
        }

        if (flow is not null)
        {
            var rows = read!.Layout.Rows;
            (string Kind, bool IsThere)[] kinds =
            [
                (PromptLayout.Image, rows.All(r => r.Pictures.Count > 0)), (PromptLayout.Text, rows.All(r => r.Words.Count > 0)),
                (PromptLayout.State, rows.All(r => r.State.Count > 0)),
            ];
            foreach (var (kind, _) in kinds.Where(k => k.IsThere))
            {
                yield return new LeftOut(flow.Expert.Shape.Name, null, null, kind);
            }

            yield return new LeftOut(flow.Expert.Shape.Name, null, null, null);
        }
    }
}
