using Vitrine.Mechanisms.Causes;
using Vitrine.Policies;
using Vitrine.Policies.Actions;
using Vitrine.Transformers;

namespace Vitrine.Worlds;

/// <summary>A policy in which, at every act, a component puts out what it would for another instruction and what is seen now.</summary>
/// <param name="policy">Stays the caller's; several actors may share it, also on several threads.</param>
/// <param name="swap">What is put in.</param>
/// <param name="word">A word to append to the instruction that it acts on, or null.</param>
/// <param name="steps">Rows of each chunk that are carried out; as many as the policy's checkpoint says when null.</param>
internal sealed class ComponentSwapActor(Policy policy, ComponentSwap swap, string? word = null, int? steps = null) : IWorldActor
{
    private readonly ActionChunks chunks = new(steps ?? policy.ActionSteps);

    public IReadOnlyList<double[]> Act(IReadOnlyList<WorldTurn> turns, CancellationToken cancellation = default)
    {
        Turn[] seen = [.. turns.Select(t => ObservingActor.TurnOf(t, word))];
        return chunks.CarryOut(seen, asked =>
        {
            Turn[] acting = [.. asked.Select(i => seen[i])];
            var noise = policy.NoiseOf(acting);
            using var other = ComponentOutputs.Of(policy, [.. asked.Select(i => ObservingActor.TurnOf(turns[i], swap.Word).Seen)], noise, cancellation);
            var plan = new RunPlan { Edits = other.PutIn(swap.Component, swap.Layers) };
            using var run = policy.Act([.. acting.Select(t => t.Seen)], plan, new ActOptions { Noise = noise }, cancellation);
            return [.. run.Actions.Select(a => a.Chunk)];
        });
    }
}
