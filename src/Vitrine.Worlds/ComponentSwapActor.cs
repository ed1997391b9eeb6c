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
            Observation[] other = [.. asked.Select(i => ObservingActor.TurnOf(turns[i], swap.Word).Seen)];
            using var run = Run(policy, policy, swap, [.. acting.Select(t => t.Seen)], other, noise, cancellation);
            return [.. run.Actions.Select(a => a.Chunk)];
        });
    }

    /// <summary>One act.</summary>
    /// <param name="policy">Whose outputs are put in.</param>
    /// <param name="acting">Who acts: the same, under a plan that may capture.</param>
    /// <param name="swap">What is put in.</param>
    /// <param name="seen">What it acts on.</param>
    /// <param name="other">The same under the swap's instruction.</param>
    /// <param name="noise">Where both acts start; null for a policy without.</param>
    /// <param name="cancellation">Stops between passes.</param>
    public static PolicyRun Run(
        Policy policy, Policy acting, ComponentSwap swap, IReadOnlyList<Observation> seen, IReadOnlyList<Observation> other, ActNoise? noise,
        CancellationToken cancellation)
    {
        using var said = ComponentOutputs.Of(policy, other, noise, cancellation);
        return acting.Act(seen, new RunPlan { Edits = said.PutIn(swap.Component, swap.Layers) }, new ActOptions { Noise = noise }, cancellation);
    }
}
