using Vitrine.Policies;
using Vitrine.Transformers;

namespace Vitrine.Worlds;

/// <summary>Lets a policy act in worlds: it is shown what each world's camera sees, and nothing else.</summary>
/// <param name="actor">The policy.</param>
/// <param name="word">A word to append to every instruction, or null.</param>
public sealed class ObservingActor(IActor actor, string? word = null) : IWorldActor, IDisposable
{
    /// <inheritdoc/>
    public IReadOnlyList<double[]> Act(IReadOnlyList<WorldTurn> turns, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(turns);
        return actor.Act([.. turns.Select(t => new Turn(Worded(t.World.Observe(), word), t.Episode, t.Step))], cancellation);
    }

    /// <summary>Edits of the policy's own plan that touched nothing so far; none of an actor of another kind.</summary>
    public IReadOnlyList<UntouchedEdit> UntouchedEdits => (actor as Policy)?.UntouchedEdits ?? [];

    /// <summary>Disposes the policy where it can be disposed.</summary>
    public void Dispose() => (actor as IDisposable)?.Dispose();

    /// <summary>An observation with a word behind its instruction.</summary>
    internal static Observation Worded(Observation observation, string? word)
        => string.IsNullOrEmpty(word) ? observation : observation with { Instruction = $"{observation.Instruction} {word}" };
}
