namespace Vitrine.Worlds;

/// <summary>A number read off an episode.</summary>
/// <param name="Name">As in results.</param>
/// <param name="Meaning">One line, with the unit.</param>
/// <param name="Of">Reads it.</param>
/// <remarks>
/// Speed and height look at the first steps only: over a whole episode they would depend on how long it lasted, and an edit that
/// merely breaks the task would seem to change the motion.
/// </remarks>
public sealed record Measure(string Name, string Meaning, Func<Episode, double> Of)
{
    private const int SpeedSteps = 6, HeightSteps = 10;

    /// <summary>1 where the task was solved, else 0.</summary>
    public static Measure Success { get; } = new("success", "share of episodes that solved the task", e => e.Succeeded ? 1 : 0);

    /// <summary>Mean length of the gripper's displacement in each of the first 6 steps, or of all where there are fewer.</summary>
    public static Measure Speed { get; } = new("speed", "displacement per step over the first 6 steps, in world units", SpeedOf);

    /// <summary>Mean height of the gripper after steps 1 to 10, or to the last where there are fewer.</summary>
    public static Measure Height { get; } = new("height", "mean height after steps 1 to 10, in world units", HeightOf);

    /// <summary>Actions taken.</summary>
    public static Measure Steps { get; } = new("steps", "actions taken", e => e.Steps);

    /// <summary>The measures that a study reports, in this order.</summary>
    public static IReadOnlyList<Measure> All { get; } = [Success, Speed, Height, Steps];

    private static double SpeedOf(Episode episode)
    {
        var steps = Math.Min(SpeedSteps, episode.Path.Count - 1);
        return steps == 0 ? 0 : Enumerable.Range(0, steps).Average(i => episode.Path[i].DistanceTo(episode.Path[i + 1]));
    }

    private static double HeightOf(Episode episode)
        => episode.Path.Count == 1 ? episode.Path[0].Z : episode.Path.Skip(1).Take(HeightSteps).Average(p => p.Z);
}
