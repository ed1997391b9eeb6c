using Vitrine.Checkpoints;
using Vitrine.Policies;
using Vitrine.Transformers;

namespace Vitrine.Worlds.Studies;

/// <summary>How a study is carried out. Nothing here can change what comes out.</summary>
public sealed record StudyOptions
{
    /// <summary>Chunks that run at the same time.</summary>
    public int Workers { get; init; } = 1;

    /// <summary>Where finished chunks are kept; a run that was stopped goes on from there. Null keeps nothing.</summary>
    public string? Folder { get; init; }

    /// <summary>Whether a run goes on where an edit touches nothing in all episodes of its arm; it is then told by the run. Otherwise it is refused.</summary>
    public bool AllowUntouchedEdits { get; init; }
}

/// <summary>How far a study has come.</summary>
/// <param name="Arm">The arm of the chunk that was finished last.</param>
/// <param name="Chunks">Chunks finished.</param>
/// <param name="AllChunks">Chunks in all.</param>
/// <param name="Resumed">Chunks of them that were found finished.</param>
public sealed record StudyProgress(string Arm, int Chunks, int AllChunks, int Resumed);

/// <summary>Carries out studies.</summary>
/// <param name="newWorld">Makes the world; called for every episode.</param>
/// <remarks>
/// One, two and four workers give identical episodes: chunks are fixed by the study, random numbers by the layout, and every worker computes
/// with a single libtorch thread, so that no sum is split differently.
/// </remarks>
public sealed class StudyRunner(Func<IWorld> newWorld)
{
    /// <summary>libtorch threads of every worker, as <see cref="ComputeThreads.WorkersAsync"/> makes them: another number may round sums another way.</summary>
    internal const int ThreadsPerWorker = 1;

    /// <summary>Runs a study with its policy, each arm under its own plan.</summary>
    /// <param name="study">The plan.</param>
    /// <param name="policy">The study's own; shared by all workers.</param>
    /// <param name="options">How to carry it out.</param>
    /// <param name="progress">Told after every chunk.</param>
    /// <param name="cancellation">Stops; finished chunks stay in the folder.</param>
    /// <exception cref="VitrineException">
    /// The policy or the world is not the study's, an edit has no plan, or touches nothing, the study lacks controls, or the folder belongs to another one; or
    /// a file of the policy was written over meanwhile.
    /// </exception>
    /// <exception cref="NonFiniteException">The policy gives no number: arm, layout, step and the first point that was not finite are named.</exception>
    public async Task<StudyRun> RunAsync(
        Study study, Policy policy, StudyOptions? options = null, IProgress<StudyProgress>? progress = null, CancellationToken cancellation = default)
    {
        using var work = StudyWork.Of(study, policy, newWorld);
        return await RunAsync(work, options, progress, cancellation).ConfigureAwait(false);
    }

    /// <summary>Runs a pilot, which claims nothing and so needs no controls: nothing is kept.</summary>
    internal Task<StudyRun> PilotAsync(Study pilot, Policy policy, IProgress<StudyProgress>? progress, CancellationToken cancellation)
    {
        var unjudged = pilot with { Arms = [.. pilot.Arms.Select(a => a.Kind == ArmKind.Edit ? a with { Kind = ArmKind.Interchange } : a)] };
        return RunAsync(unjudged, policy, new StudyOptions { AllowUntouchedEdits = true }, progress, cancellation);
    }

    /// <summary>Runs a study with actors of one's own: a policy in another process, a model of one's own.</summary>
    /// <param name="study">The plan.</param>
    /// <param name="actorFor">
    /// Makes the actor of an arm. Called for every chunk, on the worker that runs it, and disposed after it where it can be; what the actors share must bear
    /// several threads. The arm's word is appended to the instruction by the runner.
    /// </param>
    /// <param name="options">How to carry it out.</param>
    /// <param name="progress">Told after every chunk.</param>
    /// <param name="cancellation">Stops; finished chunks stay in the folder.</param>
    /// <exception cref="VitrineException">The world is not the study's, the study lacks controls, or the folder belongs to another one.</exception>
    /// <remarks>Nothing here can tell whether the actors are the study's policy.</remarks>
    public async Task<StudyRun> RunAsync(
        Study study, Func<Arm, IActor> actorFor, StudyOptions? options = null, IProgress<StudyProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        using var work = StudyWork.Of(study, actorFor, newWorld);
        return await RunAsync(work, options, progress, cancellation).ConfigureAwait(false);
    }

    /// <summary>Runs a study with actors that see the worlds themselves.</summary>
    /// <inheritdoc cref="RunAsync(Study, Func{Arm, IActor}, StudyOptions?, IProgress{StudyProgress}?, CancellationToken)"/>
    public async Task<StudyRun> RunAsync(
        Study study, Func<Arm, IWorldActor> actorFor, StudyOptions? options = null, IProgress<StudyProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        using var work = StudyWork.Of(study, actorFor, newWorld);
        return await RunAsync(work, options, progress, cancellation).ConfigureAwait(false);
    }

    /// <summary>Runs one share of a study in a folder that the processes of all shares have in common; <see cref="Collect"/> makes the run of it.</summary>
    /// <param name="work">The study's work.</param>
    /// <param name="share">Which chunks are this process's.</param>
    /// <param name="options">How to carry it out; needs the folder.</param>
    /// <param name="progress">Told after every chunk of the share.</param>
    /// <param name="cancellation">Stops; finished chunks stay in the folder.</param>
    /// <returns>The chunks, of all shares, that are not finished yet.</returns>
    /// <exception cref="VitrineException">The folder belongs to another study, or another process runs this share or the whole study in it.</exception>
    public static async Task<IReadOnlyList<StudyChunk>> RunShareAsync(
        StudyWork work, StudyShare share, StudyOptions options, IProgress<StudyProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(work);
        ArgumentNullException.ThrowIfNull(share);
        ArgumentNullException.ThrowIfNull(options);
        var path = options.Folder ?? throw new VitrineException($"study '{work.Study.Name}': share {share} needs a folder that all shares have in common.");
        using var folder = StudyFolder.Open(path, work.Study, share);
        await WorkAsync(work, new StudyLedger(work.Study, folder, options, progress, share), options.Workers, cancellation).ConfigureAwait(false);
        return [.. work.Chunks.Where(chunk => folder.Read(chunk) is null)];
    }

    /// <summary>Makes the run of a study whose chunks are all in a folder. Runs nothing, and needs no policy.</summary>
    /// <param name="study">The plan.</param>
    /// <param name="options">The folder, and whether edits may touch nothing.</param>
    /// <exception cref="VitrineException">Chunks are missing (they are named), the folder is another study's, or another process is at work in it.</exception>
    public static StudyRun Collect(Study study, StudyOptions options)
    {
        ArgumentNullException.ThrowIfNull(study);
        ArgumentNullException.ThrowIfNull(options);
        study.Check();
        if (options.Folder is not { } path || !File.Exists(Path.Combine(path, StudyFolder.HeaderName)))
        {
            throw new VitrineException(
                $"{options.Folder ?? "no folder"}: holds no study; expected chunks of '{study.Name}' and their {StudyFolder.HeaderName}.");
        }

        using var folder = StudyFolder.Open(path, study);
        return new StudyLedger(study, folder, options).ToRun();
    }

    /// <summary>Runs the work of a study.</summary>
    /// <param name="work">The study, with whoever acts; stays the caller's.</param>
    /// <param name="options">How to carry it out.</param>
    /// <param name="progress">Told after every chunk.</param>
    /// <param name="cancellation">Stops; finished chunks stay in the folder.</param>
    /// <exception cref="VitrineException">An edit touches nothing, or the folder belongs to another study.</exception>
    public static async Task<StudyRun> RunAsync(
        StudyWork work, StudyOptions? options = null, IProgress<StudyProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(work);
        options ??= new();
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.Workers, nameof(options));
        using var folder = options.Folder is null ? null : StudyFolder.Open(options.Folder, work.Study);
        var ledger = new StudyLedger(work.Study, folder, options, progress);
        await WorkAsync(work, ledger, options.Workers, cancellation).ConfigureAwait(false);
        return ledger.ToRun();
    }

    /// <summary>Runs the ledger's open chunks on threads of this process.</summary>
    private static Task WorkAsync(StudyWork work, StudyLedger ledger, int workers, CancellationToken cancellation)
        => ComputeThreads.EachAsync(ledger.Open.Count, workers, (turn, stop) => ledger.Add(ledger.Open[turn], work.Run(ledger.Open[turn], stop)), cancellation);
}
