namespace Vitrine.Worlds.Studies;

/// <summary>What came of a chunk. It travels as JSON, without loss.</summary>
/// <param name="Arm">Name of its arm.</param>
/// <param name="Episodes">In the order of its layouts.</param>
/// <param name="Untouched">Edits that touched nothing in it; null where an older file does not tell.</param>
public sealed record FinishedChunk(string Arm, IReadOnlyList<Episode> Episodes, IReadOnlyList<ArmUntouchedEdit>? Untouched = null)
{
    /// <summary>Whether this came of that very chunk.</summary>
    public bool IsOf(StudyChunk chunk)
    {
        ArgumentNullException.ThrowIfNull(chunk);
        return Arm == chunk.Arm.Name && Episodes.Select(e => e.Layout).SequenceEqual(chunk.Layouts);
    }

    /// <summary>The chunk as JSON: equal chunks give equal text.</summary>
    public string ToJson() => RecordJson.Write(this);

    /// <summary>Reads a finished chunk.</summary>
    /// <exception cref="VitrineException">The text is none.</exception>
    public static FinishedChunk FromJson(string json) => RecordJson.Read<FinishedChunk>(json, "finished chunk");
}
