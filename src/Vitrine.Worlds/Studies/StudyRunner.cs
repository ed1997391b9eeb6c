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

/// <summary>A piece of work that is the same however many workers there are: some layouts of one arm, run in lock step as one batch.</summary>
internal sealed record StudyChunk(int Number, Arm Arm, IReadOnlyList<LayoutKey> Layouts);

/// <summary>What came of a chunk.</summary>
/// <param name="Episodes">In the order of its layouts.</param>
/// <param name="Untouched">Edits that touched nothing in it; null where an older file does not tell.</param>
internal sealed record FinishedChunk(IReadOnlyList<Episode> Episodes, IReadOnlyList<ArmUntouchedEdit>? Untouched);

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
        ArgumentNullException.ThrowIfNull(study);
        ArgumentNullException.ThrowIfNull(policy);
        var named = study.Policy
            ?? throw new VitrineException($"study '{study.Name}': names no policy; {nameof(StudyPolicy)}.{nameof(StudyPolicy.Of)} names one.");
        named.Check(study.Name, policy);
        if (study.Arms.FirstOrDefault(
            a => a.Kind is not (ArmKind.Baseline or ArmKind.Prompt) && (a.Plan, a.Swap, a.Part) is (null, null, null)) is { } planless)
        {
            throw new VitrineException($"study '{study.Name}': the arm '{planless.Name}' ({planless.Kind}) has no plan.");
        }

        using var acting = policy.With(units: named.Units);
        return await RunAsync(
            study, arm => arm.ActorOf(acting, study.ActionSteps), () => named.Check(study.Name, policy), options, progress, cancellation).ConfigureAwait(false);
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
    public Task<StudyRun> RunAsync(
        Study study, Func<Arm, IActor> actorFor, StudyOptions? options = null, IProgress<StudyProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(actorFor);
        return RunAsync(study, IWorldActor (arm) => new ObservingActor(actorFor(arm), arm.Word), options, progress, cancellation);
    }

    /// <summary>Runs a study with actors that see the worlds themselves.</summary>
    /// <inheritdoc cref="RunAsync(Study, Func{Arm, IActor}, StudyOptions?, IProgress{StudyProgress}?, CancellationToken)"/>
    public Task<StudyRun> RunAsync(
        Study study, Func<Arm, IWorldActor> actorFor, StudyOptions? options = null, IProgress<StudyProgress>? progress = null,
        CancellationToken cancellation = default)
        => RunAsync(study, actorFor, () => { }, options, progress, cancellation);

    /// <param name="study">The plan.</param>
    /// <param name="actorFor">Makes the actor of an arm.</param>
    /// <param name="check">Refuses what must not be kept, before a chunk is.</param>
    /// <param name="options">How to carry it out.</param>
    /// <param name="progress">Told after every chunk.</param>
    /// <param name="cancellation">Stops.</param>
    private async Task<StudyRun> RunAsync(
        Study study, Func<Arm, IWorldActor> actorFor, Action check, StudyOptions? options, IProgress<StudyProgress>? progress, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(study);
        ArgumentNullException.ThrowIfNull(actorFor);
        options ??= new();
        study.Check();
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.Workers, nameof(options));
        CheckWorld(study, newWorld());
        if (!options.AllowUntouchedEdits)
        {
            CheckEdits(study);
        }

        using var folder = options.Folder is null ? null : StudyFolder.Open(options.Folder, study);
        StudyChunk[] chunks = [.. ChunksOf(study)];
        var finished = chunks.Select(chunk => folder?.Read(chunk)).ToArray();
        int[] open = [.. Enumerable.Range(0, chunks.Length).Where(i => finished[i] is null)];
        var ledger = new Ledger(chunks.Length, chunks.Length - open.Length, progress);

        using var failure = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var next = -1;
        await ComputeThreads.WorkersAsync(Math.Min(options.Workers, open.Length), Work).ConfigureAwait(false);

        cancellation.ThrowIfCancellationRequested();
        study.Arms.ToList().ForEach(RefuseIdle);
        return new(study, [.. study.Arms.Select(arm => new ArmEpisodes(arm.Label(), [.. Of(arm).SelectMany(chunk => chunk!.Episodes)]))])
        {
            UntouchedEdits = [.. study.Arms.SelectMany(Idle)],
        };

        void Work()
        {
            var rollouts = new Rollouts(newWorld, study.StepLimit);
            while (Interlocked.Increment(ref next) is var turn && turn < open.Length && !failure.IsCancellationRequested)
            {
                var chunk = chunks[open[turn]];
                try
                {
                    var result = Run(rollouts, chunk, actorFor, failure.Token);
                    check();
                    folder?.Write(chunk, result);
                    finished[chunk.Number] = result;
                    ledger.Finish(chunk);
                    RefuseIdle(chunk.Arm);
                }
                catch (OperationCanceledException) when (failure.IsCancellationRequested)
                {
                    return;
                }
                catch (NonFiniteException e)
                {
                    failure.Cancel();
                    throw e.In($"study '{study.Name}', arm '{chunk.Arm.Name}'");
                }
                catch
                {
                    failure.Cancel();
                    throw;
                }
            }
        }

        IEnumerable<FinishedChunk?> Of(Arm arm) => chunks.Where(c => c.Arm.Name == arm.Name).Select(c => finished[c.Number]);

        // Edits that no chunk of the arm has touched anything with; none while a chunk is missing.
        IEnumerable<ArmUntouchedEdit> Idle(Arm arm)
        {
            var told = Of(arm).Select(chunk => chunk?.Untouched).ToArray();
            return Array.TrueForAll(told, t => t is not null) ? told[0]!.Where(edit => told.All(t => t!.Any(other => other.Index == edit.Index))) : [];
        }

        void RefuseIdle(Arm arm)
        {
            if (!options.AllowUntouchedEdits && Idle(arm).FirstOrDefault() is { } idle)
            {
                throw new VitrineException($"study '{study.Name}': {idle}. The arm would be its baseline under another name; mend its plan, or leave it out.");
            }
        }
    }

    /// <summary>Blocks of layouts in the study's order, arm by arm.</summary>
    private static IEnumerable<StudyChunk> ChunksOf(Study study)
        => study.Arms.SelectMany(arm => study.Layouts().Chunk(study.BlockSize), (arm, layouts) => (arm, layouts))
            .Select((c, number) => new StudyChunk(number, c.arm, c.layouts));

    private static FinishedChunk Run(Rollouts rollouts, StudyChunk chunk, Func<Arm, IWorldActor> actorFor, CancellationToken cancellation)
    {
        var actor = actorFor(chunk.Arm);
        using var owned = actor as IDisposable;
        var episodes = rollouts.Run(actor, chunk.Layouts, cancellation);
        var untouched = actor switch { ObservingActor seeing => seeing.UntouchedEdits, ScheduledActor scheduled => scheduled.UntouchedEdits, _ => [] };
        return new FinishedChunk(episodes, [.. untouched.Select(e => new ArmUntouchedEdit(chunk.Arm.Name, e.Index, e.What, e.Why))]);
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

    private static void CheckWorld(Study study, IWorld world)
    {
        if (study.World != world.Description)
        {
            throw new VitrineException($"study '{study.Name}': is for the world '{study.World}'; this one is '{world.Description}'.");
        }

        if (study.Tasks.FirstOrDefault(task => !world.Tasks.Contains(task)) is { } unknown)
        {
            throw new VitrineException($"study '{study.Name}': the world has no task '{unknown}'; there are {string.Join(", ", world.Tasks)}.");
        }
    }

    private sealed class Ledger(int all, int resumed, IProgress<StudyProgress>? progress)
    {
        private readonly Lock gate = new();
        private int ran;

        public void Finish(StudyChunk chunk)
        {
            lock (gate)
            {
                progress?.Report(new(chunk.Arm.Name, resumed + ++ran, all, resumed));
            }
        }
    }
}
