namespace Vitrine.Worlds;

/// <summary>One world's turn.</summary>
/// <param name="World">As it is now.</param>
/// <param name="Episode">Which of the episodes that run side by side, the same in every turn of an episode.</param>
/// <param name="Step">Its control step, from 0.</param>
public readonly record struct WorldTurn(IWorld World, int Episode, int Step)
{
    /// <summary>Seed of what is random in the turn (see <see cref="Vitrine.Policies.Turn.NoiseSeed"/>).</summary>
    public long NoiseSeed { get; init; }
}

/// <summary>Acts in several worlds at once. Unlike a policy it may look at the worlds themselves: a scripted expert needs their state.</summary>
public interface IWorldActor
{
    /// <summary>Chooses the next action of each world; each is answered as if it were alone.</summary>
    /// <returns>One action per turn, in the robot's own units.</returns>
    IReadOnlyList<double[]> Act(IReadOnlyList<WorldTurn> turns, CancellationToken cancellation = default);
}
