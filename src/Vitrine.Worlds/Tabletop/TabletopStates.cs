using Vitrine.Policies;

namespace Vitrine.Worlds.Tabletop;

/// <summary>Single situations out of expert episodes, for experiments that need one decision and no episode.</summary>
public static class TabletopStates
{
    /// <summary>Situations to calibrate on: those that serve for selection, of every task, adverbs included.</summary>
    /// <param name="seed">Decides everything.</param>
    /// <param name="count">How many.</param>
    /// <param name="options">The world; the plain one when null.</param>
    public static IReadOnlyList<Observation> ForCalibration(ulong seed, int count, TabletopOptions? options = null)
        => Draw(seed, LayoutSplit.Selection, TabletopWorld.TaskNames, count, options ?? new TabletopOptions());

    /// <summary>Situations to measure one decision in: those that serve for tests, of the tasks that move the gripper to one thing, without adverbs.</summary>
    /// <param name="seed">Decides everything.</param>
    /// <param name="count">How many.</param>
    /// <param name="options">The world; the plain one without adverbs when null.</param>
    public static IReadOnlyList<Observation> ForTest(ulong seed, int count, TabletopOptions? options = null)
        => Draw(seed, LayoutSplit.Test, ["reach", "lift", "push"], count, options ?? new TabletopOptions { Adverbs = false });

    /// <summary>Draws situations: tasks in turn, a new world each, then 0 to 14 steps of the scripted expert, the task not yet solved.</summary>
    /// <param name="seed">Decides everything.</param>
    /// <param name="split">Selection or test; the two share no situation.</param>
    /// <param name="tasks">In turn.</param>
    /// <param name="count">How many.</param>
    /// <param name="adverbs">Whether instructions carry speed and height words.</param>
    public static IReadOnlyList<Observation> Draw(ulong seed, LayoutSplit split, IReadOnlyList<string> tasks, int count, bool adverbs = false)
        => Draw(seed, split, tasks, count, new TabletopOptions { Adverbs = adverbs });

    /// <summary>The same in a world with options.</summary>
    internal static IReadOnlyList<Observation> Draw(ulong seed, LayoutSplit split, IReadOnlyList<string> tasks, int count, TabletopOptions options)
        => [.. Worlds(seed, split, tasks, count, options).Select(world => world.Observe())];

    /// <summary>The same situations as worlds, which know where everything is.</summary>
    internal static IReadOnlyList<TabletopWorld> Worlds(ulong seed, LayoutSplit split, IReadOnlyList<string> tasks, int count, bool adverbs = false)
        => Worlds(seed, split, tasks, count, new TabletopOptions { Adverbs = adverbs });

    /// <summary>The same in a world with options.</summary>
    internal static IReadOnlyList<TabletopWorld> Worlds(
        ulong seed, LayoutSplit split, IReadOnlyList<string> tasks, int count, TabletopOptions options)
    {
        ArgumentNullException.ThrowIfNull(tasks);
        if (tasks.Count == 0)
        {
            throw new VitrineException("tabletop: no task is named to draw situations of; there are " + string.Join(", ", TabletopWorld.TaskNames) + ".");
        }

        var expert = new ExpertActor();
        return
        [
            .. Enumerable.Range(0, count).Select(i =>
            {
                var key = new LayoutKey(seed, split, tasks[i % tasks.Count], i / tasks.Count);
                var world = new TabletopWorld(options);
                var steps = key.Random("warm-up").Below(15);
                Advance(world, key, expert, steps);
                for (; world.HasSucceeded && steps > 0; steps--)
                {
                    Advance(world, key, expert, steps - 1);
                }

                return world;
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
