using System.Text.Json.Serialization;

namespace Vitrine.Worlds.Studies;

/// <summary>The episodes of one arm.</summary>
/// <param name="Arm">The condition.</param>
/// <param name="Episodes">In the order of the study's layouts, the same in every arm.</param>
public sealed record ArmEpisodes(ArmLabel Arm, IReadOnlyList<Episode> Episodes);

/// <summary>A study that was carried out: all its episodes.</summary>
/// <param name="Study">The plan.</param>
/// <param name="Arms">In the plan's order.</param>
public sealed record StudyRun(Study Study, IReadOnlyList<ArmEpisodes> Arms)
{
    [JsonConstructor]
    internal StudyRun(Study study, IReadOnlyList<ArmEpisodes> arms, int threadsPerWorker = StudyRunner.ThreadsPerWorker)
        : this(study, arms)
        => ThreadsPerWorker = threadsPerWorker;

    /// <summary>libtorch threads that every worker computed with; another number may round sums another way.</summary>
    public int ThreadsPerWorker { get; init; } = StudyRunner.ThreadsPerWorker;

    /// <summary>Edits that touched nothing in all episodes of their arm; only where <see cref="StudyOptions.AllowUntouchedEdits"/> let the run end.</summary>
    [JsonIgnore]
    public IReadOnlyList<ArmUntouchedEdit> UntouchedEdits { get; init; } = [];

    /// <summary>The measured episode of one arm in one layout.</summary>
    /// <exception cref="VitrineException">The run has no such arm or layout.</exception>
    public Episode EpisodeOf(string arm, LayoutKey layout)
        => (Arms.FirstOrDefault(a => a.Arm.Name == arm)
            ?? throw new VitrineException($"study '{Study.Name}': has no arm '{arm}', only {string.Join(", ", Arms.Select(a => a.Arm.Name))}."))
            .Episodes.FirstOrDefault(e => e.Layout == layout) ?? throw new VitrineException($"study '{Study.Name}': the arm '{arm}' met no layout {layout}.");

    /// <summary>The run as JSON, without loss: equal runs give equal text.</summary>
    public string ToJson() => RecordJson.Write(this);

    /// <summary>Reads a run.</summary>
    /// <exception cref="VitrineException">The text is none.</exception>
    public static StudyRun FromJson(string json) => RecordJson.Read<StudyRun>(json, "study run");
}
