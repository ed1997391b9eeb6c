namespace Vitrine.Worlds;

/// <summary>A number read off an episode.</summary>
/// <param name="Name">As in results.</param>
/// <param name="Meaning">One line.</param>
/// <param name="Of">Reads it.</param>
/// <remarks>
/// Speed and height look at the first steps only: over a whole episode they would depend on how long it lasted, and an edit that
/// merely breaks the task would seem to change the motion.
/// </remarks>
public sealed record Measure(string Name, string Meaning, Func<Episode, double> Of)
{
    private const int SpeedSteps = 6, HeightSteps = 10;

    /// <summary>The measure's unit in a world's own units; empty for a share.</summary>
    public Func<WorldUnits, string> Unit { get; init; } = _ => "";

    /// <summary>The same number step by step, from step 1 on; null where only a whole episode has one.</summary>
    public Func<Episode, IReadOnlyList<double>>? Course { get; init; }

    /// <summary>How many of the first steps count; null for all.</summary>
    public int? FirstSteps { get; init; }

    /// <summary>1 where the task was solved, else 0.</summary>
    public static Measure Success { get; } = new("success", "share of episodes that solved the task", e => e.Succeeded ? 1 : 0);

    /// <summary>Mean length of the gripper's displacement in each of the first 6 steps, or of all where there are fewer.</summary>
    public static Measure Speed { get; } = new("speed", "displacement per control step over the first 6 steps", SpeedOf)
    {
        Unit = units => $"{units.Length} per {units.Step}",
        Course = Displacements,
        FirstSteps = SpeedSteps,
    };

    /// <summary>Mean height of the gripper after steps 1 to 10, or to the last where there are fewer.</summary>
    public static Measure Height { get; } = new("height", "mean height after steps 1 to 10", HeightOf)
    {
        Unit = units => units.Length,
        Course = Heights,
        FirstSteps = HeightSteps,
    };

    /// <summary>Actions taken.</summary>
    public static Measure Steps { get; } = new("steps", "actions taken", e => e.Steps) { Unit = units => units.Step + "s" };

    /// <summary>The measures that a study reports, in this order.</summary>
    public static IReadOnlyList<Measure> All { get; } = [Success, Speed, Height, Steps];

    /// <summary>The measure of a name.</summary>
    /// <exception cref="VitrineException">There is none.</exception>
    public static Measure Named(string name) => All.FirstOrDefault(m => m.Name == name)
        ?? throw new VitrineException($"measure '{name}': there is none, only {string.Join(", ", All.Select(m => m.Name))}.");

    private static double SpeedOf(Episode episode) => Displacements(episode).Take(SpeedSteps).DefaultIfEmpty(0).Average();

    private static double HeightOf(Episode episode) => Heights(episode).Take(HeightSteps).DefaultIfEmpty(episode.Path[0].Z).Average();

    private static IReadOnlyList<double> Displacements(Episode episode) => [.. episode.Path.Zip(episode.Path.Skip(1), (a, b) => a.DistanceTo(b))];

    private static IReadOnlyList<double> Heights(Episode episode) => [.. episode.Path.Skip(1).Select(p => p.Z)];
}
