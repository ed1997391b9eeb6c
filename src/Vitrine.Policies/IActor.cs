namespace Vitrine.Policies;

/// <summary>One robot's turn.</summary>
/// <param name="Seen">What it sees now.</param>
/// <param name="Episode">Which of the episodes that run side by side, the same in every turn of an episode.</param>
/// <param name="Step">Its control step, from 0.</param>
public readonly record struct Turn(Observation Seen, int Episode, int Step)
{
    /// <summary>Seed of what is random in the turn: the noise that a flow policy starts from. The same in every arm of a comparison.</summary>
    public long NoiseSeed { get; init; }
}

/// <summary>Anything that turns observations into robot actions: a policy, a policy under edits, or a scripted expert.</summary>
public interface IActor
{
    /// <summary>Acts in several episodes at once; each is answered as if it were alone.</summary>
    /// <param name="turns">One per robot.</param>
    /// <param name="cancellation">Stops between forward passes.</param>
    /// <returns>One action per turn, in the robot's own (un-normalised) units.</returns>
    IReadOnlyList<double[]> Act(IReadOnlyList<Turn> turns, CancellationToken cancellation = default);
}
