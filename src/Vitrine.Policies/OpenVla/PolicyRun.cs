using Vitrine.Transformers;

namespace Vitrine.Policies.OpenVla;

/// <summary>One action with what led to it, dimension by dimension.</summary>
/// <param name="TokenIds">Generated action tokens.</param>
/// <param name="Bins">Their bins.</param>
/// <param name="Normalised">Bin centres, in [-1, 1].</param>
/// <param name="Values">In the robot's units.</param>
/// <param name="Expected">Mean of the robot's units under the probabilities of the action tokens; smooth where <paramref name="Values"/> jumps by a bin.</param>
/// <param name="Entropy">Of those probabilities, in nats.</param>
/// <param name="Probability">Of the chosen token among the whole vocabulary.</param>
public sealed record PolicyAction(
    IReadOnlyList<long> TokenIds,
    IReadOnlyList<int> Bins,
    IReadOnlyList<double> Normalised,
    IReadOnlyList<double> Values,
    IReadOnlyList<double> Expected,
    IReadOnlyList<double> Entropy,
    IReadOnlyList<double> Probability)
{
    /// <summary>Whether each token is an action token. One that is none decodes to the largest action like the first action token does, without a word.</summary>
    public required IReadOnlyList<bool> IsActionToken { get; init; }

    /// <summary>Whether every token is an action token; otherwise the decoded action is not to be trusted.</summary>
    public bool EveryTokenIsAnAction => IsActionToken.All(t => t);
}

/// <summary>What a policy did for a batch of observations.</summary>
/// <param name="Actions">One per observation.</param>
/// <param name="Run">Its logits are (B, dimensions, V), the ones each action token was taken from; activations of row b belong to observation b.</param>
public sealed record PolicyRun(IReadOnlyList<PolicyAction> Actions, Run Run) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose() => Run.Dispose();
}
