using Vitrine.Transformers;

namespace Vitrine.Mechanisms.ValueVectors;

/// <summary>What fine-tuning did to one neuron's value vector.</summary>
/// <param name="Neuron">Which one.</param>
/// <param name="Cosine">Between the base's and the tuned value vector.</param>
/// <param name="Change">Norm of the difference, relative to the base's norm.</param>
/// <param name="BaseActions">Action tokens among the base's top tokens; null where there are none to look for.</param>
/// <param name="TunedActions">Action tokens among the tuned one's top tokens; null where there are none to look for.</param>
public sealed record NeuronChange(Neuron Neuron, double Cosine, double Change, int? BaseActions, int? TunedActions)
{
    internal bool BecameWriter => BaseActions < NeuronDiff.Enough && TunedActions >= NeuronDiff.Enough;

    internal bool CeasedToWrite => BaseActions >= NeuronDiff.Enough && TunedActions < NeuronDiff.Enough;
}

/// <summary>One layer of the comparison; shares are 0 to 1, and what is said of action tokens is null where there are none to look for.</summary>
/// <param name="Layer">From 0.</param>
/// <param name="Cosine">Mean cosine of a neuron with itself.</param>
/// <param name="CosineOfRandomPairs">The same for random pairs of neurons of the layer: the control.</param>
/// <param name="Change">Mean relative norm of the change.</param>
/// <param name="BaseActions">Action tokens among the base's top tokens.</param>
/// <param name="TunedActions">The same of the tuned model.</param>
/// <param name="ShuffledActions">The same of the tuned model when as many random tokens play the action tokens: the control.</param>
/// <param name="NewWriters">Neurons that became action writers.</param>
/// <param name="LostWriters">Neurons that ceased to be.</param>
public sealed record LayerChange(
    int Layer, double Cosine, double CosineOfRandomPairs, double Change, double? BaseActions, double? TunedActions, double? ShuffledActions,
    int? NewWriters, int? LostWriters);

/// <summary>How often a token stands among the top tokens of neurons.</summary>
/// <param name="Id">The token.</param>
/// <param name="Base">Neurons of the base that have it.</param>
/// <param name="Tuned">Neurons of the tuned model that have it.</param>
/// <param name="Z">The change of the count, in deviations over all tokens.</param>
public sealed record TokenChange(int Id, int Base, int Tuned, double Z);
