using System.Globalization;
using Vitrine.Policies;
using Vitrine.Policies.Flow;
using Vitrine.Transformers;

namespace Vitrine.Mechanisms.Causes;

/// <summary>One decision of a policy in many states, with and without a change: the cheapest causal experiment there is.</summary>
/// <param name="policy">Who decides; shared by all arms, also side by side.</param>
/// <param name="states">The states, in the order that all arms keep.</param>
public sealed class OneStep(Policy policy, IReadOnlyList<Observation> states)
{
    private readonly Lazy<IReadOnlyList<PolicyAction>> baseline = new(() => Act(policy, states, null, null, default));
    private readonly FlowPrefix? read;

    /// <param name="policy">Who decides.</param>
    /// <param name="states">The states.</param>
    /// <param name="read">What a flow policy read of them, for arms that change nothing of it; stays the caller's.</param>
    internal OneStep(Policy policy, IReadOnlyList<Observation> states, FlowPrefix? read)
        : this(policy, states)
    {
        this.read = read;
        baseline = new(() => Act(policy, states, read, null, default));
    }

    /// <summary>The states.</summary>
    public IReadOnlyList<Observation> States => states;

    /// <summary>What is done without any change.</summary>
    public IReadOnlyList<PolicyAction> Baseline => baseline.Value;

    /// <summary>The same states with a word behind every instruction.</summary>
    public OneStep With(string word) => new(policy, Worded(word));

    /// <summary>The observations with a word behind every instruction.</summary>
    public IReadOnlyList<Observation> Worded(string word) => [.. states.Select(s => s with { Instruction = $"{s.Instruction} {word}" })];

    /// <summary>Acts under a plan.</summary>
    public IReadOnlyList<PolicyAction> Act(RunPlan? plan, CancellationToken cancellation = default) => Act(policy, states, read, plan, cancellation);

    /// <summary>Acts under a plan, and tells which of its edits touched nothing.</summary>
    internal (IReadOnlyList<PolicyAction> Actions, IReadOnlyList<UntouchedEdit> Untouched) ActUnder(RunPlan? plan, CancellationToken cancellation)
    {
        using var run = Run(policy, states, read, plan, cancellation);
        return (run.Actions, run.UntouchedEdits);
    }

    /// <summary>What each component puts out in these states.</summary>
    public ComponentOutputs Outputs(CancellationToken cancellation = default) => ComponentOutputs.Of(policy, states, cancellation: cancellation);

    /// <summary>The metric of what is done without any change, state by state.</summary>
    /// <exception cref="NonFiniteException">It is no number in a state.</exception>
    public IReadOnlyList<double> Measured(ActionMetric metric)
    {
        ArgumentNullException.ThrowIfNull(metric);
        return [.. Baseline.Select((action, state) => Measured("no edit", metric, state, action.Values))];
    }

    /// <summary>How actions differ from the baseline, state by state.</summary>
    /// <param name="arm">Name of the arm.</param>
    /// <param name="actions">What was done, one a state.</param>
    /// <param name="metric">What is compared.</param>
    /// <exception cref="NonFiniteException">The metric is no number in a state.</exception>
    public ArmEffect Effect(string arm, IReadOnlyList<PolicyAction> actions, ActionMetric metric)
    {
        ArgumentNullException.ThrowIfNull(metric);
        var pairs = actions.Zip(Baseline).ToArray();
        return new ArmEffect(
            arm,
            [.. pairs.Select((p, state) => Measured(arm, metric, state, p.First.Values) - Measured(arm, metric, state, p.Second.Values))],
            [.. pairs.Select((p, state) => Measured(arm, metric, state, p.First.Expected) - Measured(arm, metric, state, p.Second.Expected))],
            pairs.Average(p => p.First.IsSameAs(p.Second) ? 0.0 : 1),
            pairs.Average(p => Cosine(p.First.Values, p.Second.Values)));
    }

    private static double Cosine(IReadOnlyList<double> a, IReadOnlyList<double> b)
    {
        var (dot, x, y) = (0.0, 0.0, 0.0);
        for (var i = 0; i < Math.Min(3, a.Count); i++)
        {
            (dot, x, y) = (dot + (a[i] * b[i]), x + (a[i] * a[i]), y + (b[i] * b[i]));
        }

        return x < 1e-12 || y < 1e-12 ? 0 : dot / Math.Sqrt(x * y);
    }

    private double Measured(string arm, ActionMetric metric, int state, IReadOnlyList<double> action)
        => metric.Of(action) is var value && (double.IsFinite(value) || policy.AllowsNonFinite)
            ? value
            : throw new NonFiniteException($"one step{(arm.Length > 0 ? $", arm '{arm}'" : "")}: the metric '{metric.Name}' of state {state} is "
                + $"{value.ToString(CultureInfo.InvariantCulture)}; expected a finite number.");

    private static IReadOnlyList<PolicyAction> Act(
        Policy policy, IReadOnlyList<Observation> states, FlowPrefix? read, RunPlan? plan, CancellationToken cancellation)
    {
        using var run = Run(policy, states, read, plan, cancellation);
        return run.Actions;
    }

    private static PolicyRun Run(Policy policy, IReadOnlyList<Observation> states, FlowPrefix? read, RunPlan? plan, CancellationToken cancellation)
        => read is not null && policy.Unplanned is FlowPolicy flow && flow.StartsAtPrefix(plan)
            ? flow.Act(read, plan, cancellation: cancellation)
            : policy.Act(states, plan, cancellation: cancellation);
}
