namespace Vitrine.Policies.Actions;

/// <summary>How an action was said in tokens, dimension by dimension.</summary>
/// <param name="TokenIds">Generated action tokens.</param>
/// <param name="Bins">Their bins.</param>
/// <param name="Expected">Mean of the robot's units under the probabilities of the action tokens; smooth where the decoded value jumps by a bin.</param>
/// <param name="Entropy">Of those probabilities, in nats.</param>
/// <param name="Probability">Of the chosen token among the whole vocabulary.</param>
/// <param name="IsActionToken">
/// Whether each token is an action token. One that is none decodes to the largest action like the first action token does, without a word.
/// </param>
public sealed record TokenReading(
    IReadOnlyList<int> TokenIds,
    IReadOnlyList<int> Bins,
    IReadOnlyList<double> Expected,
    IReadOnlyList<double> Entropy,
    IReadOnlyList<double> Probability,
    IReadOnlyList<bool> IsActionToken)
{
    /// <summary>Whether every token is an action token; otherwise the decoded action is not to be trusted.</summary>
    public bool EveryTokenIsAnAction => IsActionToken.All(t => t);
}
