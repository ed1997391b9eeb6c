using Vitrine.Policies;

namespace Vitrine.Worlds.Tabletop;

/// <summary>Single situations out of expert episodes, for experiments that need one decision and no episode.</summary>
public static class TabletopStates
{
    /// <summary>Draws situations: tasks in turn, a new world each, then 0 to 14 steps of the scripted expert, the task not yet solved.</summary>
    /// <param name="seed">Decides everything.</param>
    /// <param name="split">Selection or test; the two share no situation.</param>
    /// <param name="tasks">In turn.</param>
    /// <param name="count">How many.</param>
    /// <param name="adverbs">Whether instructions carry speed and height words.</param>
    public static IReadOnlyList<Observation> Draw(ulong seed, LayoutSplit split, IReadOnlyList<string> tasks, int count, bool adverbs = false)
    {
        ArgumentNullException.ThrowIfNull(tasks);
        var expert = new ExpertActor();
        return
        [
            .. Enumerable.Range(0, count).Select(i =>
            {
                var key = new LayoutKey(seed, split, tasks[i % tasks.Count], i / tasks.Count);
                var world = new TabletopWorld(new TabletopOptions { Adverbs = adverbs });
                var steps = key.Random("warm-up").Below(15);
                Advance(world, key, expert, steps);
                for (; world.HasSucceeded && steps > 0; steps--)
                {
                    Advance(world, key, expert, steps - 1);
                }

                return world.Observe();
            }),
        ];
    }

    private static void Advance(TabletopWorld world, LayoutKey key, ExpertActor expert, int steps)
    {
        world.Reset(key);
        for (var step = 0; step < steps; step++)
        {
            world.Step(expert.Act(world));
        }
    }
}
