using Vitrine.Mechanisms.Doses;
using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;

namespace Vitrine.Mechanisms.Causes;

/// <summary>What a concept's edits are made from. Its states serve for nothing else: results are shown on others.</summary>
public sealed record ConceptSelection
{
    /// <summary>What is said to the robot, appended to instructions.</summary>
    public required string Word { get; init; }

    /// <summary>The states in which the word's difference is taken.</summary>
    public required IReadOnlyList<Observation> States { get; init; }

    /// <summary>Neurons that spell the concept.</summary>
    public required NeuronSet Neurons { get; init; }

    /// <summary>At which they are clamped.</summary>
    public required Dose Dose { get; init; }

    /// <summary>Natural activity, for doses and for matched neurons.</summary>
    public required Calibration Calibration { get; init; }

    /// <summary>Neurons that spell any concept: no control may draw them.</summary>
    public required IReadOnlySet<Neuron> Clustered { get; init; }

    /// <summary>Random draws of each control.</summary>
    public int Draws { get; init; } = 8;

    /// <summary>Of the draws.</summary>
    public int Seed { get; init; }
}

/// <summary>
/// A concept's edits with their controls: its neurons clamped, beside matched random neurons; what its word changes on average, added, beside random
/// directions.
/// </summary>
public sealed class ConceptEdits : IDisposable
{
    /// <summary>Makes them: two acts in the selection's states, one with the word.</summary>
    /// <remarks>
    /// The last bits of the difference depend on libtorch's number of threads, as those of any act do; the edits themselves travel with the study.
    /// </remarks>
    /// <param name="policy">Whose edits.</param>
    /// <param name="selection">What they are made from.</param>
    /// <param name="cancellation">Stops between passes.</param>
    public ConceptEdits(Policy policy, ConceptSelection selection, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(selection);
        Dose = selection.Dose;
        Difference = new WordDifference(policy, selection.States, selection.Word, selection.Draws, selection.Seed, cancellation);
        Clamp = Dose.Clamp(selection.Neurons, selection.Calibration);
        ClampControls = Controls.For(
            policy.Decoders.Single(d => d.Shape.Name == selection.Neurons.Stack), selection.Neurons, Dose, selection.Calibration, selection.Clustered,
            selection.Draws, selection.Seed);
    }

    /// <summary>The word that stands for the concept.</summary>
    public string Word => Difference.Word;

    /// <summary>What the word changes on average.</summary>
    public WordDifference Difference { get; }

    /// <summary>At which neurons are clamped.</summary>
    public Dose Dose { get; }

    /// <summary>The concept's neurons, clamped.</summary>
    public Clamp Clamp { get; }

    /// <summary>The controls of the clamp.</summary>
    public ClampControls ClampControls { get; }

    /// <summary>Random draws of each control.</summary>
    public int Draws => Difference.Draws;

    /// <summary>Layers of the stack that decides, all of them.</summary>
    public IReadOnlyList<int> Layers => Difference.Layers;

    /// <summary>The mean difference of a component added where actions are decided.</summary>
    /// <param name="component">Which component.</param>
    /// <param name="at">In which layers; all when null.</param>
    /// <param name="factor">0 is the zero dose.</param>
    public RunPlan MeanDifference(Component component, IReadOnlyList<int>? at = null, double factor = 1) => Difference.Added(component, at, factor);

    /// <summary>A random direction with the norms of the mean difference, added in all layers.</summary>
    /// <param name="draw">Which one, from 0.</param>
    /// <param name="component">Which component.</param>
    public RunPlan RandomDirection(int draw, Component component) => Difference.RandomDirection(draw, component);

    /// <inheritdoc/>
    public void Dispose() => Difference.Dispose();
}
