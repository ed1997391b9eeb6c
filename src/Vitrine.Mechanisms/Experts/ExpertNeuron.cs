using Vitrine.Transformers;

namespace Vitrine.Mechanisms.Experts;

/// <summary>A neuron of an expert, read in the space of actions.</summary>
/// <param name="Neuron">Which one.</param>
/// <param name="Read">
/// What one of its deviations adds to each number of an action by its value vector alone, normalised; the final norm's size is left out, so that only numbers
/// of one flow step compare.
/// </param>
public sealed record ExpertNeuron(Neuron Neuron, IReadOnlyList<double> Read)
{
    /// <summary>What it adds in a direction; negative where less of the neuron moves the action there.</summary>
    public double Along(ActionDirection direction)
    {
        ArgumentNullException.ThrowIfNull(direction);
        return direction.Sign * Read[direction.Dimension];
    }
}
