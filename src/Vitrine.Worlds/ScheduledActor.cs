using System.Runtime.CompilerServices;
using Vitrine.Mechanisms.Doses;
using Vitrine.Policies;
using Vitrine.Policies.OpenVla;
using Vitrine.Transformers;

namespace Vitrine.Worlds;

/// <summary>A policy under edits whose strength changes from control step to control step, each world at its own.</summary>
/// <param name="policy">Stays the caller's; several actors may share it, also on several threads.</param>
/// <param name="edits">What is changed, and when.</param>
/// <param name="unnormKey">Whose units to answer in.</param>
/// <remarks>
/// It is an actor of worlds and not of observations because a closed loop must know which world it steers: worlds that are done leave the batch, and rows move up.
/// What can be measured: <c>speed</c> (how far the gripper moved in the last step, 0 before the first), <c>height</c>, and every measure of the world.
/// </remarks>
public sealed class ScheduledActor(OpenVlaPolicy policy, IReadOnlyList<ScheduledEdit> edits, string? unnormKey = null) : IWorldActor
{
    private readonly ConditionalWeakTable<IWorld, Progress> progress = [];

    /// <inheritdoc/>
    public IReadOnlyList<double[]> Act(IReadOnlyList<IWorld> worlds, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(worlds);
        var strengths = worlds.Select(w => progress.GetValue(w, _ => new Progress(edits, w.Gripper)).Next(w)).ToArray();
        var plan = new RunPlan { Edits = [.. edits.SelectMany((e, i) => e.ForRows([.. strengths.Select(s => s[i])]))] };
        return new PlannedPolicy(policy, plan, unnormKey).Act([.. worlds.Select(w => w.Observe())], cancellation);
    }

    /// <summary>One world's episode under every edit's schedule.</summary>
    private sealed class Progress(IReadOnlyList<ScheduledEdit> edits, Position start)
    {
        private readonly ScheduleRun[] runs = [.. edits.Select(e => e.Schedule.Start())];
        private Position last = start;

        public double?[] Next(IWorld world)
        {
            var now = world.Gripper;
            double?[] strengths = [.. runs.Select((run, i) => run.Next(edits[i].Schedule.Measured is { } name ? Measured(name, world, now.DistanceTo(last)) : 0))];
            last = now;
            return strengths;
        }

        private static double Measured(string name, IWorld world, double speed) => name switch
        {
            "speed" => speed,
            "height" => world.Gripper.Z,
            _ => world.Measures.TryGetValue(name, out var value)
                ? value
                : throw new VitrineException($"schedule: the world does not measure '{name}'; it measures speed, height, {string.Join(", ", world.Measures.Keys.Order(StringComparer.Ordinal))}."),
        };
    }
}
