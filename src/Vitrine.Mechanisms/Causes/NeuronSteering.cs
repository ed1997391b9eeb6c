using Vitrine.Mechanisms.Doses;
using Vitrine.Policies;
using Vitrine.Policies.Flow;
using Vitrine.Transformers;

namespace Vitrine.Mechanisms.Causes;

/// <summary>One decision with chosen neurons clamped, or added to, beside zero dose and matched-random neurons.</summary>
/// <param name="Neurons">Of one of the policy's decoders.</param>
/// <param name="Dose">How strongly.</param>
/// <param name="Adds">Whether the dose is added to what the neurons say by themselves, instead of clamping them to it.</param>
public sealed record NeuronSteering(NeuronSet Neurons, Dose Dose, bool Adds = false)
{
    /// <summary>Neurons that no random set may hold: those of any concept.</summary>
    public IReadOnlySet<Neuron> Excluded { get; init; } = new HashSet<Neuron>();

    /// <summary>Those of the neurons that take the dose on the other side (<see cref="Dose.Mirrored"/>); so do the random ones in their places.</summary>
    public IReadOnlySet<Neuron> Mirrored { get; init; } = new HashSet<Neuron>();

    /// <summary>Matched-random sets.</summary>
    public int Draws { get; init; } = 8;

    /// <summary>Of the draws.</summary>
    public int Seed { get; init; }

    /// <summary>Compares all arms with the unedited policy: the dose, zero dose, each matched-random set.</summary>
    /// <param name="policy">Who decides.</param>
    /// <param name="states">What it decides in.</param>
    /// <param name="calibration">Natural activity of the neurons.</param>
    /// <param name="metric">What is compared.</param>
    /// <param name="progress">From 0 to 1.</param>
    /// <param name="cancellation">Stops between passes.</param>
    /// <returns>What the policy does unedited, by the metric, and what each arm changes.</returns>
    /// <exception cref="VitrineException">The neurons are another stack's, or the calibration another model's.</exception>
    public (double Baseline, IReadOnlyList<ArmEffect> Arms) Measure(
        Policy policy, IReadOnlyList<Observation> states, Calibration calibration, ActionMetric metric,
        IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(states);
        ArgumentNullException.ThrowIfNull(calibration);
        ArgumentNullException.ThrowIfNull(metric);
        var arms = Arms(policy, calibration);
        using var read = policy.Unplanned is FlowPolicy flow && arms.Any(a => flow.StartsAtPrefix(a.Plan)) ? flow.Read(states) : null;
        var step = new OneStep(policy, states, read);
        var baseline = step.Measured(metric).Average();
        var effects = new List<ArmEffect>();
        foreach (var (name, plan) in arms)
        {
            var (actions, untouched) = step.ActUnder(plan, cancellation);
            effects.Add(step.Effect(name, actions, metric) with { Untouched = untouched });
            progress?.Report((double)effects.Count / arms.Count);
        }

        return (baseline, effects);
    }

    /// <summary>What is done in each arm: the dose, zero dose, each matched-random set.</summary>
    /// <param name="policy">Who decides.</param>
    /// <param name="calibration">Natural activity of the neurons.</param>
    /// <exception cref="VitrineException">The policy has no such stack, or the calibration is another's.</exception>
    public IReadOnlyList<(string Name, RunPlan Plan)> Arms(Policy policy, Calibration calibration)
    {
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(calibration);
        var stack = policy.Decoders.FirstOrDefault(s => s.Shape.Name == Neurons.Stack)
            ?? throw new VitrineException(
                $"steering: the neurons are of stack '{Neurons.Stack}'; {policy.Name} has {string.Join(", ", policy.Decoders.Select(s => s.Shape.Name))}.");
        calibration.RequireOf(policy, stack.Shape);
        var controls = Controls.For(stack, Neurons, Dose, calibration, Excluded, Draws, Seed);
        return SteeringArms.Of(stack, Neurons, Dose, Adds, calibration, controls, Mirrored);
    }
}
