namespace Vitrine.Worlds.Studies;

/// <summary>The episodes of one arm.</summary>
/// <param name="Arm">The condition.</param>
/// <param name="Episodes">In the order of the study's layouts, the same in every arm.</param>
public sealed record ArmEpisodes(Arm Arm, IReadOnlyList<Episode> Episodes);

/// <summary>A study that was carried out: all its episodes.</summary>
/// <param name="Study">The plan.</param>
/// <param name="World">The description of the world in which it ran.</param>
/// <param name="Arms">In the plan's order.</param>
public sealed record StudyRun(Study Study, string World, IReadOnlyList<ArmEpisodes> Arms)
{
    /// <summary>The run as JSON, without loss: equal runs give equal text.</summary>
    public string ToJson() => RecordJson.Write(this);

    /// <summary>Reads a run.</summary>
    /// <exception cref="VitrineException">The text is none.</exception>
    public static StudyRun FromJson(string json) => RecordJson.Read<StudyRun>(json, "study run");
}
