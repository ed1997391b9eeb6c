using Vitrine.Mechanisms.Doses;
using Vitrine.Policies;
using Vitrine.Policies.Actions;
using Vitrine.Transformers;

namespace Vitrine.Worlds;

/// <summary>A policy under edits whose strength changes from control step to control step, each world at its own.</summary>
/// <param name="policy">Stays the caller's; several actors may share it, also on several threads.</param>
/// <param name="edits">What is changed, and when.</param>
/// <param name="word">A word to append to every instruction, or null.</param>
/// <param name="steps">Rows of each chunk that are carried out; as many as the policy's checkpoint says when null.</param>
/// <remarks>
/// It is an actor of worlds and not of observations because a closed loop measures the world that it steers.
/// What can be measured: <c>speed</c> (how far the gripper moved in the last step, 0 before the first), <c>height</c>, and every measure of the world.
/// </remarks>
public sealed class ScheduledActor(Policy policy, IReadOnlyList<ScheduledEdit> edits, string? word = null, int? steps = null) : IWorldActor
{
    private readonly Dictionary<int, Progress> progress = [];
    private readonly ActionChunks chunks = new(steps ?? policy.ActionSteps);

    /// <summary>What holds in every step beside the edits; nothing when null.</summary>
    public RunPlan? Steady { get; init; }

    /// <inheritdoc/>
    public IReadOnlyList<double[]> Act(IReadOnlyList<WorldTurn> turns, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(turns);
        RunPlan[] plans = [.. turns.Select(PlanOf)];
        Turn[] seen = [.. turns.Select(t => ObservingActor.TurnOf(t, word))];
        return chunks.CarryOut(seen, asked =>
        {
            Turn[] acting = [.. asked.Select(i => seen[i])];
            var options = new ActOptions { Noise = policy.NoiseOf(acting) };
            using var run = policy.Act([.. acting.Select(t => t.Seen)], RunPlan.ForRows([.. asked.Select(i => plans[i])]), options, cancellation);
            return run.Actions;
        });
    }

    private RunPlan PlanOf(WorldTurn turn)
    {
        if (turn.Step == 0)
        {
            progress[turn.Episode] = new Progress(edits, turn.World.Gripper);
        }

        var strengths = progress[turn.Episode].Next(turn.World);
        var steady = Steady ?? RunPlan.Empty;
        return steady with { Edits = [.. steady.Edits, .. edits.Zip(strengths).Where(e => e.Second is not null).Select(e => e.First.At(e.Second!.Value))] };
    }

    /// <summary>One episode under every edit's schedule.</summary>
    private sealed class Progress(IReadOnlyList<ScheduledEdit> edits, Position start)
    {
        private readonly ScheduleRun[] runs = [.. edits.Select(e => e.Schedule.Start())];
        private Position last = start;

        public double?[] Next(IWorld world)
        {
            var now = world.Gripper;
            double?[] strengths = [.. runs.Select((run, i) => run.Next(edits[i]
                .Schedule.Measured is { } name ? Measured(name, world, now.DistanceTo(last)) : 0))];
            last = now;
            return strengths;
        }

        private static double Measured(string name, IWorld world, double speed) => name switch
        {
            "speed" => speed,
            "height" => world.Gripper.Z,
            _ => world.Measures.TryGetValue(name, out var value)
                ? value
                : throw new VitrineException($"schedule: the world does not measure '{name}'; it measures speed, height, "
                    + $"{string.Join(", ", world.Measures.Keys.Order(StringComparer.Ordinal))}."),
        };
    }
}
