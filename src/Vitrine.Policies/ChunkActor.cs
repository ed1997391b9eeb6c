using Vitrine.Policies.Actions;
using Vitrine.Transformers;

namespace Vitrine.Policies;

/// <summary>Lets a policy act in episodes, carrying out several rows of every chunk before it acts again.</summary>
/// <param name="policy">Disposed with the actor.</param>
/// <param name="steps">Rows of each chunk; as many as the policy's checkpoint says (<see cref="Policy.ActionSteps"/>) when null.</param>
/// <remarks>It remembers what is left of each episode's chunk: one actor serves one batch of episodes at a time.</remarks>
public sealed class ChunkActor(Policy policy, int? steps = null) : IActor, IDisposable
{
    private readonly ActionChunks chunks = new(steps ?? policy.ActionSteps);

    /// <inheritdoc/>
    public IReadOnlyList<double[]> Act(IReadOnlyList<Turn> turns, CancellationToken cancellation = default) => chunks.CarryOut(turns, asked =>
    {
        Turn[] acting = [.. asked.Select(i => turns[i])];
        using var run = policy.Act([.. acting.Select(t => t.Seen)], options: new ActOptions { Noise = policy.NoiseOf(acting) }, cancellation: cancellation);
        return [.. run.Actions.Select(a => a.Chunk)];
    });

    /// <summary>Edits of the policy's own plan that touched nothing so far.</summary>
    public IReadOnlyList<UntouchedEdit> UntouchedEdits => policy.UntouchedEdits;

    /// <inheritdoc/>
    public void Dispose() => policy.Dispose();
}
