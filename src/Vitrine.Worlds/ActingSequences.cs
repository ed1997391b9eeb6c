using Vitrine.Policies;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Worlds;

/// <summary>What a policy sees each time that it acts anew, in order: out of episodes of its world, or given.</summary>
public static class ActingSequences
{
    private const int StepLimit = 40;

    /// <summary>Episodes of the tabletop in closed loop, tasks in turn; each ends when it is solved, or after 40 control steps.</summary>
    /// <param name="policy">Who acts.</param>
    /// <param name="seed">Decides layouts, sensor noise and the noise that the policy starts from.</param>
    /// <param name="episodes">How many.</param>
    /// <param name="carried">Rows of each chunk that are carried out.</param>
    /// <param name="cancellation">Stops between control steps.</param>
    public static IReadOnlyList<IReadOnlyList<Turn>> InTabletop(
        Policy policy, ulong seed, int episodes, int carried, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(policy);
        var names = TabletopWorld.TaskNames;
        LayoutKey[] layouts = [.. Enumerable.Range(0, episodes).Select(i => new LayoutKey(seed, LayoutSplit.Test, names[i % names.Count], i / names.Count))];
        using var acting = new ChunkActor(policy.With(null), carried);
        var watched = new Watched(acting, carried, episodes);
        new Rollouts(() => new TabletopWorld(), StepLimit).Run(new ObservingActor(watched), layouts, cancellation);
        return watched.Sequences;
    }

    /// <summary>One sequence of observations that follow each other whenever the policy acts anew.</summary>
    /// <param name="observations">In order.</param>
    /// <param name="carried">Rows of each chunk that were carried out in between.</param>
    /// <param name="seed">Of the noise.</param>
    public static IReadOnlyList<IReadOnlyList<Turn>> Given(IReadOnlyList<Observation> observations, int carried, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(observations);
        return [[.. observations.Select((o, i) => new Turn(o, 0, i * carried) { NoiseSeed = (long)(seed % int.MaxValue) + (1000L * i) })]];
    }

    /// <remarks>All episodes begin at step 0, so that each acts anew in the same steps.</remarks>
    private sealed class Watched(IActor actor, int carried, int episodes) : IActor
    {
        private readonly List<Turn>[] sequences = [.. Enumerable.Range(0, episodes).Select(_ => new List<Turn>())];

        public IReadOnlyList<IReadOnlyList<Turn>> Sequences => sequences;

        public IReadOnlyList<double[]> Act(IReadOnlyList<Turn> turns, CancellationToken cancellation)
        {
            foreach (var turn in turns.Where(t => t.Step % carried == 0))
            {
                sequences[turn.Episode].Add(turn);
            }

            return actor.Act(turns, cancellation);
        }
    }
}
