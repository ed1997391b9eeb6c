using System.Globalization;
using Vitrine.Inputs.Pictures;
using Vitrine.Transformers;

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
    /// <exception cref="NonFiniteException">An action, or what the world says of itself, is no number; step and layout are named.</exception>
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
            var actions = Act(actor, running, step, cancellation);
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

    private static IReadOnlyList<double[]> Act(IWorldActor actor, Running[] running, int step, CancellationToken cancellation)
    {
        try
        {
            return actor.Act([.. running.Select(e => new WorldTurn(e.World, e.Slot, step))], cancellation);
        }
        catch (NonFiniteException e)
        {
            throw e.In($"rollout, step {step}{(e.Row is { } row && row < running.Length ? $" of {running[row].Name}" : "")}");
        }
    }

    private Running Begin(LayoutKey layout, int slot)
    {
        var world = newWorld();
        world.Reset(layout);
        return new Running(world, layout, slot, KeepsPictures);
    }

    private sealed class Running
    {
        private readonly LayoutKey layout;
        private readonly List<double[]> actions = [];
        private readonly List<Position> path = [];
        private readonly List<Picture>? pictures;

        public Running(IWorld world, LayoutKey layout, int slot, bool keepsPictures)
        {
            (World, this.layout, Slot, pictures) = (world, layout, slot, keepsPictures ? [] : null);
            Record();
        }

        public IWorld World { get; }

        public string Name => $"{layout.Task} {layout.Index}";

        public int Slot { get; }

        public void Step(double[] action)
        {
            Require(action.Select((number, i) => ($"number {i} of the action", number)));
            World.Step(action);
            actions.Add([.. action]);
            Record();
        }

        public Episode Finish()
        {
            var measures = World.Measures;
            Require(measures.Select(m => ($"the world's measure '{m.Key}'", m.Value)));
            return new Episode
            {
                Layout = layout,
                Instruction = World.Observe().Instruction,
                Succeeded = World.HasSucceeded,
                Actions = actions,
                Path = path,
                Measures = measures,
                Pictures = pictures,
            };
        }

        private void Require(IEnumerable<(string What, double Value)> numbers)
        {
            foreach (var (what, value) in numbers.Where(n => !double.IsFinite(n.Value)).Take(1))
            {
                throw new NonFiniteException(
                    $"rollout, step {actions.Count} of {Name}: {what} is {value.ToString(CultureInfo.InvariantCulture)}; expected a finite number.");
            }
        }

        private void Record()
        {
            var gripper = World.Gripper;
            Require([("the gripper's x", gripper.X), ("the gripper's y", gripper.Y), ("the gripper's z", gripper.Z)]);
            path.Add(gripper);
            pictures?.Add(World.Observe().Picture);
        }
    }
}
