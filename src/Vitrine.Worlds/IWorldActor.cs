namespace Vitrine.Worlds;

/// <summary>Acts in several worlds at once. Unlike a policy it may look at the worlds themselves: a scripted expert needs their state.</summary>
public interface IWorldActor
{
    /// <summary>Chooses the next action of each world; each is answered as if it were alone.</summary>
    /// <returns>One action per world, in the robot's own units.</returns>
    IReadOnlyList<double[]> Act(IReadOnlyList<IWorld> worlds, CancellationToken cancellation = default);
}
