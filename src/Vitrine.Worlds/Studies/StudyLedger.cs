using Vitrine.Transformers;

namespace Vitrine.Worlds.Studies;

/// <summary>Which chunks of a study are finished, whoever runs them: keeps each whole in the folder, counts each once, and makes the run of them.</summary>
internal sealed class StudyLedger
{
    private readonly Study study;
    private readonly StudyFolder? folder;
    private readonly bool allowUntouchedEdits;
    private readonly IProgress<StudyProgress>? progress;
    private readonly IReadOnlyList<StudyChunk> chunks;
    private readonly FinishedChunk?[] finished;
    private readonly Lock gate = new();
    private readonly int all, resumed;
    private int ran;

    /// <param name="study">The plan.</param>
    /// <param name="folder">Where finished chunks are and are kept; null for none.</param>
    /// <param name="options">Whether edits may touch nothing.</param>
    /// <param name="progress">Told after every chunk.</param>
    /// <param name="share">The chunks that are to be run here; null for all.</param>
    /// <exception cref="VitrineException">It is plain before anything runs that an edit touches nothing.</exception>
    public StudyLedger(Study study, StudyFolder? folder, StudyOptions options, IProgress<StudyProgress>? progress = null, StudyShare? share = null)
    {
        (this.study, this.folder, allowUntouchedEdits, this.progress) = (study, folder, options.AllowUntouchedEdits, progress);
        if (!allowUntouchedEdits)
        {
            CheckEdits(study);
        }

        chunks = StudyChunk.Of(study);
        var mine = chunks.Where(chunk => share?.Has(chunk) != false).ToArray();
        finished = [.. chunks.Select(chunk => share?.Has(chunk) != false ? folder?.Read(chunk) : null)];
        Open = [.. mine.Where(chunk => finished[chunk.Number] is null)];
        (all, resumed) = (mine.Length, mine.Length - Open.Count);
    }

    /// <summary>The chunks that were to be run when the ledger was opened.</summary>
    public IReadOnlyList<StudyChunk> Open { get; }

    /// <summary>Takes a finished chunk. A second time counts for nothing.</summary>
    /// <exception cref="VitrineException">An edit of its arm has touched nothing in all its chunks; or this is not what came of the chunk.</exception>
    public void Add(StudyChunk chunk, FinishedChunk result)
    {
        if (!result.IsOf(chunk))
        {
            throw new VitrineException(
                $"study '{study.Name}': what came back for chunk {chunk} is of the arm '{result.Arm}', {result.Episodes.Count} episodes.");
        }

        if (Volatile.Read(ref finished[chunk.Number]) is not null)
        {
            return;
        }

        folder?.Write(chunk, result);
        lock (gate)
        {
            if (finished[chunk.Number] is not null)
            {
                return;
            }

            finished[chunk.Number] = result;
            progress?.Report(new(chunk.Arm.Name, resumed + ++ran, all, resumed));
        }

        RefuseIdle(chunk.Arm);
    }

    /// <summary>All episodes.</summary>
    /// <exception cref="VitrineException">Chunks are missing, or an edit has touched nothing.</exception>
    public StudyRun ToRun()
    {
        if (chunks.Where(chunk => finished[chunk.Number] is null).ToArray() is { Length: > 0 } missing)
        {
            throw new VitrineException(
                $"{(folder is null ? "" : $"{folder.Path}: ")}{missing.Length} of the {chunks.Count} chunks of study '{study.Name}' are missing: "
                + $"{Named(missing)}{folder?.SharesOf(missing)}.");
        }

        study.Arms.ToList().ForEach(RefuseIdle);
        return new(study, [.. study.Arms.Select(arm => new ArmEpisodes(arm.Label(), [.. Of(arm).SelectMany(chunk => chunk!.Episodes)]))])
        {
            UntouchedEdits = [.. study.Arms.SelectMany(Idle)],
        };
    }

    private static string Named(StudyChunk[] missing)
    {
        const int Shown = 6;
        return string.Join(", ", missing.Take(Shown)) + (missing.Length > Shown ? $" and {missing.Length - Shown} more" : "");
    }

    private IEnumerable<FinishedChunk?> Of(Arm arm) => chunks.Where(c => c.Arm.Name == arm.Name).Select(c => finished[c.Number]);

    /// <summary>Edits that no chunk of the arm has touched anything with; none while a chunk is missing.</summary>
    private IEnumerable<ArmUntouchedEdit> Idle(Arm arm)
    {
        var told = Of(arm).Select(chunk => chunk?.Untouched).ToArray();
        return Array.TrueForAll(told, t => t is not null) ? told[0]!.Where(edit => told.All(t => t!.Any(other => other.Index == edit.Index))) : [];
    }

    private void RefuseIdle(Arm arm)
    {
        if (!allowUntouchedEdits && Idle(arm).FirstOrDefault() is { } idle)
        {
            throw new VitrineException($"study '{study.Name}': {idle}. The arm would be its baseline under another name; mend its plan, or leave it out.");
        }
    }

    /// <summary>Refuses edits of which it is plain before anything runs that they touch nothing.</summary>
    private static void CheckEdits(Study study)
    {
        foreach (var arm in study.Arms)
        {
            var (plan, late) = (arm.Plan ?? RunPlan.Empty, arm.Schedule?.Begins(study.StepLimit) == false);
            if (UntouchedEdit.In(plan).FirstOrDefault() is { } idle)
            {
                throw new VitrineException($"study '{study.Name}': arm '{arm.Name}', {idle.What} can touch nothing: {idle.Why}.");
            }

            if (late)
            {
                throw new VitrineException($"study '{study.Name}': the edits of arm '{arm.Name}' touch nothing: their schedule does not begin within the "
                    + $"{study.StepLimit} steps of an episode.");
            }
        }
    }
}
