using TorchSharp;
using Vitrine.Checkpoints;
using Vitrine.Policies;

namespace Vitrine.Worlds.Studies;

/// <summary>How a study is carried out. Nothing here can change what comes out.</summary>
public sealed record StudyOptions
{
    /// <summary>Chunks that run at the same time.</summary>
    public int Workers { get; init; } = 1;

    /// <summary>Where finished chunks are kept; a run that was stopped goes on from there. Null keeps nothing.</summary>
    public string? Folder { get; init; }
}

/// <summary>How far a study has come.</summary>
/// <param name="Arm">The arm of the chunk that was finished last.</param>
/// <param name="Chunks">Chunks finished.</param>
/// <param name="AllChunks">Chunks in all.</param>
/// <param name="Resumed">Chunks of them that were found finished.</param>
public sealed record StudyProgress(string Arm, int Chunks, int AllChunks, int Resumed);

/// <summary>A piece of work that is the same however many workers there are: some layouts of one arm, run in lock step as one batch.</summary>
internal sealed record StudyChunk(int Number, Arm Arm, IReadOnlyList<LayoutKey> Layouts);

/// <summary>Carries out studies.</summary>
/// <param name="newWorld">Makes the world; called for every episode.</param>
/// <remarks>
/// One, two and four workers give identical episodes: chunks are fixed by the study, random numbers by the layout, and every worker computes
/// with a single libtorch thread, so that no sum is split differently.
/// </remarks>
public sealed class StudyRunner(Func<IWorld> newWorld)
{
    /// <summary>Runs a study with policies.</summary>
    /// <param name="study">The plan.</param>
    /// <param name="actorFor">Makes the policy of an arm. Called for every chunk, on the worker that runs it, and disposed after it where it can be; what the policies share must bear several threads. The arm's word is appended to the instruction by the runner.</param>
    /// <param name="options">How to carry it out.</param>
    /// <param name="progress">Told after every chunk.</param>
    /// <param name="cancellation">Stops; finished chunks stay in the folder.</param>
    /// <exception cref="VitrineException">The study lacks controls, or the folder belongs to another one.</exception>
    public Task<StudyRun> RunAsync(
        Study study, Func<Arm, IActor> actorFor, StudyOptions? options = null, IProgress<StudyProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(actorFor);
        return RunAsync(study, IWorldActor (arm) => new ObservingActor(actorFor(arm), arm.Word), options, progress, cancellation);
    }

    /// <summary>Runs a study with actors that see the worlds themselves.</summary>
    /// <inheritdoc cref="RunAsync(Study, Func{Arm, IActor}, StudyOptions?, IProgress{StudyProgress}?, CancellationToken)"/>
    public async Task<StudyRun> RunAsync(
        Study study, Func<Arm, IWorldActor> actorFor, StudyOptions? options = null, IProgress<StudyProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(study);
        ArgumentNullException.ThrowIfNull(actorFor);
        options ??= new();
        study.Check();
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.Workers, nameof(options));
        var world = newWorld();
        CheckTasks(study, world);

        using var folder = options.Folder is null ? null : StudyFolder.Open(options.Folder, study, world.Description);
        StudyChunk[] chunks = [.. ChunksOf(study)];
        var finished = chunks.Select(chunk => folder?.Read(chunk)).ToArray();
        int[] open = [.. Enumerable.Range(0, chunks.Length).Where(i => finished[i] is null)];
        var ledger = new Ledger(chunks.Length, chunks.Length - open.Length, progress);

        NativeCompute.Prepare();
        var threads = torch.get_num_threads();
        using var failure = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var next = -1;
        try
        {
            await Task.WhenAll(Enumerable.Range(0, Math.Min(options.Workers, open.Length))
                .Select(_ => Task.Factory.StartNew(Work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default))).ConfigureAwait(false);
        }
        finally
        {
            torch.set_num_threads(threads);
        }

        cancellation.ThrowIfCancellationRequested();
        return new(study, world.Description, [.. study.Arms.Select(arm =>
            new ArmEpisodes(arm, [.. chunks.Where(c => c.Arm == arm).SelectMany(c => finished[c.Number]!)]))]);

        void Work()
        {
            torch.set_num_threads(1);
            var rollouts = new Rollouts(newWorld, study.StepLimit);
            while (Interlocked.Increment(ref next) is var turn && turn < open.Length && !failure.IsCancellationRequested)
            {
                var chunk = chunks[open[turn]];
                try
                {
                    var episodes = Run(rollouts, chunk, actorFor, failure.Token);
                    folder?.Write(chunk, episodes);
                    finished[chunk.Number] = episodes;
                    ledger.Finish(chunk);
                }
                catch (OperationCanceledException) when (failure.IsCancellationRequested)
                {
                    return;
                }
                catch
                {
                    failure.Cancel();
                    throw;
                }
            }
        }
    }

    /// <summary>Blocks of layouts in the study's order, arm by arm.</summary>
    private static IEnumerable<StudyChunk> ChunksOf(Study study)
        => study.Arms.SelectMany(arm => study.Layouts().Chunk(study.BlockSize), (arm, layouts) => (arm, layouts)).Select((c, number) => new StudyChunk(number, c.arm, c.layouts));

    private static IReadOnlyList<Episode> Run(Rollouts rollouts, StudyChunk chunk, Func<Arm, IWorldActor> actorFor, CancellationToken cancellation)
    {
        var actor = actorFor(chunk.Arm);
        using var owned = actor as IDisposable;
        return rollouts.Run(actor, chunk.Layouts, cancellation);
    }

    private static void CheckTasks(Study study, IWorld world)
    {
        if (study.Tasks.FirstOrDefault(task => !world.Tasks.Contains(task)) is { } unknown)
        {
            throw new VitrineException($"study '{study.Name}': the world has no task '{unknown}'; there are {string.Join(", ", world.Tasks)}.");
        }
    }

    private sealed class Ledger(int all, int resumed, IProgress<StudyProgress>? progress)
    {
        private readonly Lock _lock = new();
        private int _ran;

        public void Finish(StudyChunk chunk)
        {
            lock (_lock)
            {
                progress?.Report(new(chunk.Arm.Name, resumed + ++_ran, all, resumed));
            }
        }
    }
}
