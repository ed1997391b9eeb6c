using Vitrine.Inputs.Pictures;

namespace Vitrine.Policies.LeRobot;

/// <summary>What a policy's network reads of an observation.</summary>
/// <param name="Pictures">By camera, in the policy's order; a camera that the observation lacks is not there.</param>
/// <param name="State">In the network's units, not padded; none where the policy reads none.</param>
/// <param name="Prompt">The words as they are tokenised; the instruction where the policy reads none.</param>
/// <param name="Words">Their ids, padding left out; none where the policy reads none.</param>
public sealed record PreparedObservation(
    IReadOnlyDictionary<string, Pixels> Pictures, IReadOnlyList<float> State, string Prompt, IReadOnlyList<int> Words);
