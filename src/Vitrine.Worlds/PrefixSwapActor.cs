using Vitrine.Policies;
using Vitrine.Policies.Actions;
using Vitrine.Policies.Flow;
using Vitrine.Transformers;

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
            Observation[] other = [.. asked.Select(i => ObservingActor.TurnOf(turns[i], swap.Word).Seen)];
            using var run = Run(policy, swap, [.. acting.Select(t => t.Seen)], other, policy.NoiseOf(acting), null, cancellation);
            return [.. run.Actions.Select(a => a.Chunk)];
        });
    }

    /// <summary>One act.</summary>
    /// <param name="policy">Who acts.</param>
    /// <param name="swap">What is read of which instruction.</param>
    /// <param name="seen">What it acts on.</param>
    /// <param name="other">The same under the swap's instruction.</param>
    /// <param name="noise">Where it starts; the usual noise when null.</param>
    /// <param name="capture">What is read besides; null for nothing.</param>
    /// <param name="cancellation">Stops between flow steps.</param>
    internal static PolicyRun Run(
        FlowPolicy policy, PrefixSwap swap, IReadOnlyList<Observation> seen, IReadOnlyList<Observation> other, ActNoise? noise, RunPlan? capture,
        CancellationToken cancellation)
    {
        using var own = policy.Read(seen);
        using var said = policy.Read(other);
        return policy.Act(own, policy.Swapping(own, said, swap).Then(capture ?? RunPlan.Empty), noise, cancellation);
    }
}
