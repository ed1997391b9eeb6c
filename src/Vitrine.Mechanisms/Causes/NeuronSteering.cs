using Vitrine.Mechanisms.Doses;
using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;

namespace Vitrine.Mechanisms.Causes;

/// <summary>One decision with chosen neurons clamped, or added to, beside zero dose and matched-random neurons.</summary>
/// <param name="Neurons">Of the stack in which the policy decides.</param>
/// <param name="Dose">How strongly.</param>
/// <param name="Adds">Whether the dose is added to what the neurons say by themselves, instead of clamping them to it.</param>
public sealed record NeuronSteering(NeuronSet Neurons, Dose Dose, bool Adds = false)
{
    /// <summary>Neurons that no random set may hold: those of any concept.</summary>
    public IReadOnlySet<Neuron> Excluded { get; init; } = new HashSet<Neuron>();

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
        var stack = policy.DecidingStack(states);
        if (Neurons.Stack != stack.Shape.Name)
        {
            throw new VitrineException(
                $"steering: the neurons are of stack '{Neurons.Stack}'; {policy.Name} decides in '{stack.Shape.Name}', whose activity is known.");
        }

        calibration.RequireOf(policy, stack.Shape);
        var step = new OneStep(policy, states);
        var controls = Controls.For(stack, Neurons, Dose, calibration, Excluded, Draws, Seed);
        (string Name, IReadOnlyList<Edit> Edits)[] arms =
        [
            (Adds ? "addition" : "clamp", Dosed(Neurons)),
            ("zero dose", controls.ZeroDose),
            .. controls.Sets.Select((s, i) => ($"matched random {i + 1}", Dosed(s))),
        ];
        var baseline = step.Measured(metric).Average();
        var effects = new List<ArmEffect>();
        foreach (var (name, edits) in arms)
        {
            var (actions, untouched) = step.ActUnder(new RunPlan { Edits = edits }, cancellation);
            effects.Add(step.Effect(name, actions, metric) with { Untouched = untouched });
            progress?.Report((double)effects.Count / arms.Length);
        }

        return (baseline, effects);

        IReadOnlyList<Edit> Dosed(NeuronSet neurons) => Adds ? Dose.Add(neurons, calibration, stack.Shape.Neurons) : [Dose.Clamp(neurons, calibration)];
    }
}
