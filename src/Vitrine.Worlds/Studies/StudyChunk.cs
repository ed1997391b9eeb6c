namespace Vitrine.Worlds.Studies;

/// <summary>A piece of a study's work that is the same wherever it runs: some layouts of one arm, run in lock step as one batch.</summary>
/// <param name="Number">From 0, arm by arm in the study's order.</param>
/// <param name="Arm">The condition.</param>
/// <param name="Layouts">Its starting situations.</param>
public sealed record StudyChunk(int Number, Arm Arm, IReadOnlyList<LayoutKey> Layouts)
{
    /// <summary>All chunks of a study: blocks of layouts in the study's order, arm by arm.</summary>
    public static IReadOnlyList<StudyChunk> Of(Study study)
    {
        ArgumentNullException.ThrowIfNull(study);
        return
        [
            .. study.Arms.SelectMany(arm => study.Layouts().Chunk(study.BlockSize), (arm, layouts) => (arm, layouts))
                .Select((c, number) => new StudyChunk(number, c.arm, c.layouts)),
        ];
    }

    /// <summary>Number and arm.</summary>
    public override string ToString() => $"{Number} (arm '{Arm.Name}')";
}
