using Vitrine.Inputs.Pictures;

namespace Vitrine.Worlds;

/// <summary>Runs episodes in lock step: in each round one call of the actor answers all worlds that are still running.</summary>
/// <param name="newWorld">Makes a world of its own for every episode.</param>
/// <param name="stepLimit">An episode that has not succeeded by then has failed.</param>
public sealed class Rollouts(Func<IWorld> newWorld, int stepLimit)
{
    /// <summary>Whether episodes keep what the camera saw.</summary>
    public bool KeepsPictures { get; init; }

    /// <summary>Runs one batch.</summary>
    /// <returns>One episode per layout, in their order.</returns>
    public IReadOnlyList<Episode> Run(IWorldActor actor, IReadOnlyList<LayoutKey> layouts, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(actor);
        ArgumentNullException.ThrowIfNull(layouts);
        var all = layouts.Select(Begin).ToArray();
        for (var step = 0; step < stepLimit; step++)
        {
            var running = all.Where(e => !e.World.HasSucceeded).ToArray();
            if (running.Length == 0)
            {
                break;
            }

            cancellation.ThrowIfCancellationRequested();
            var actions = actor.Act([.. running.Select(e => new WorldTurn(e.World, e.Slot, step) { NoiseSeed = e.Layout.NoiseSeed(step) })], cancellation);
            if (actions.Count != running.Length)
            {
                throw new VitrineException($"{actor.GetType().Name}: {actions.Count} actions for {running.Length} worlds; expected one each.");
            }

            for (var i = 0; i < running.Length; i++)
            {
                running[i].Step(actions[i]);
            }
        }

        return [.. all.Select(e => e.Finish())];
    }

    private Running Begin(LayoutKey layout, int slot)
    {
        var world = newWorld();
        world.Reset(layout);
        return new Running(world, layout, slot, KeepsPictures);
    }

    private sealed class Running
    {
        private readonly List<double[]> actions = [];
        private readonly List<Position> path = [];
        private readonly List<Picture>? pictures;

        public Running(IWorld world, LayoutKey layout, int slot, bool keepsPictures)
        {
            (World, Layout, Slot, pictures) = (world, layout, slot, keepsPictures ? [] : null);
            Record();
        }

        public IWorld World { get; }

        public LayoutKey Layout { get; }

        public int Slot { get; }

        public void Step(double[] action)
        {
            World.Step(action);
            actions.Add([.. action]);
            Record();
        }

        public Episode Finish() => new()
        {
            Layout = Layout,
            Instruction = World.Observe().Instruction,
            Succeeded = World.HasSucceeded,
            Actions = actions,
            Path = path,
            Measures = World.Measures,
            Pictures = pictures,
        };

        private void Record()
        {
            path.Add(World.Gripper);
            pictures?.Add(World.Observe().Picture);
        }
    }
}
