using Vitrine.Policies;
using Vitrine.Policies.Actions;
using Vitrine.Policies.Flow;

namespace Vitrine.Worlds;

/// <summary>A policy whose expert, at every chunk, reads some keys and values of another instruction for what it sees now.</summary>
/// <param name="policy">Stays the caller's; several actors may share it, also on several threads.</param>
/// <param name="swap">What is read of which instruction.</param>
/// <param name="word">A word to append to the instruction that it acts on, or null.</param>
/// <param name="steps">Rows of each chunk that are carried out; as many as the policy's checkpoint says when null.</param>
public sealed class PrefixSwapActor(FlowPolicy policy, PrefixSwap swap, string? word = null, int? steps = null) : IWorldActor
{
    private readonly ActionChunks chunks = new(steps ?? policy.ActionSteps);

    /// <inheritdoc/>
    public IReadOnlyList<double[]> Act(IReadOnlyList<WorldTurn> turns, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(turns);
        Turn[] seen = [.. turns.Select(t => ObservingActor.TurnOf(t, word))];
        return chunks.CarryOut(seen, asked =>
        {
            Turn[] acting = [.. asked.Select(i => seen[i])];
            using var own = policy.Read([.. acting.Select(t => t.Seen)]);
            using var other = policy.Read([.. asked.Select(i => ObservingActor.TurnOf(turns[i], swap.Word).Seen)]);
            using var run = policy.Act(own, policy.Swapping(own, other, swap), policy.NoiseOf(acting), cancellation);
            return [.. run.Actions.Select(a => a.Chunk)];
        });
    }
}
