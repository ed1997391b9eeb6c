using Vitrine.Policies;

namespace Vitrine.Worlds;

/// <summary>Lets a policy act in worlds: it is shown what each world's camera sees, and nothing else.</summary>
/// <param name="actor">The policy.</param>
/// <param name="word">A word to append to every instruction, or null.</param>
public sealed class ObservingActor(IActor actor, string? word = null) : IWorldActor, IDisposable
{
    /// <inheritdoc/>
    public IReadOnlyList<double[]> Act(IReadOnlyList<IWorld> worlds, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(worlds);
        return actor.Act([.. worlds.Select(world => Worded(world.Observe()))], cancellation);
    }

    /// <summary>Disposes the policy where it can be disposed.</summary>
    public void Dispose() => (actor as IDisposable)?.Dispose();

    private Observation Worded(Observation observation)
        => string.IsNullOrEmpty(word) ? observation : observation with { Instruction = $"{observation.Instruction} {word}" };
}
