using Vitrine.Mechanisms.Doses;

namespace Vitrine.Worlds;

/// <summary>One episode under every edit's schedule: how strong each is at the next control step.</summary>
/// <param name="edits">With their schedules.</param>
/// <param name="start">Where the gripper begins.</param>
internal sealed class ScheduleProgress(IReadOnlyList<ScheduledEdit> edits, Position start)
{
    private readonly ScheduleRun[] runs = [.. edits.Select(e => e.Schedule.Start())];
    private Position last = start;

    /// <summary>One an edit; null where it is off. Asked once a control step.</summary>
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
