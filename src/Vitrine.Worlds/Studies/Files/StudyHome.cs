using Vitrine.Checkpoints;
using Vitrine.Mechanisms.Statistics;
using Vitrine.Policies;

namespace Vitrine.Worlds.Studies.Files;

/// <summary>Carries out one study, or a part of its layouts.</summary>
/// <param name="study">The whole study, or the layouts between two looks.</param>
/// <param name="chunks">Folder for finished chunks.</param>
public delegate Task<StudyRun> StudyExecution(Study study, string chunks);

/// <summary>
/// The folder of a study file that was run: <c>plan.json</c> (the study with its edits), <c>chunks</c>, <c>result.json</c>, <c>episodes.parquet</c>,
/// <c>comparisons.parquet</c>. One folder holds one study.
/// </summary>
/// <param name="path">The folder.</param>
public sealed class StudyHome(string path)
{
    /// <summary>The folder.</summary>
    public string Path => path;

    /// <summary>The result as JSON.</summary>
    public string ResultPath => At("result.json");

    /// <summary>One row an episode.</summary>
    public string EpisodesPath => At("episodes.parquet");

    /// <summary>One row a comparison.</summary>
    public string ComparisonsPath => At("comparisons.parquet");

    /// <summary>Folder of finished chunks, where the study is run without looks.</summary>
    public string ChunksPath => At("chunks");

    /// <summary>The study with its edits.</summary>
    public string PlanPath => At("plan.json");

    /// <summary>The study that the folder holds; made and kept where there is none yet, so that every process that joins runs the same edits.</summary>
    /// <param name="file">The study file.</param>
    /// <param name="make">Makes the study.</param>
    /// <exception cref="VitrineException">The folder holds another study, or cannot be written.</exception>
    public PlannedStudy Plan(StudyFile file, Func<PlannedStudy> make)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(make);
        AtomicFile.RequireFolder(path);
        if (Planned() is not { } planned)
        {
            planned = make();
            if (!AtomicFile.WriteAllTextOnce(PlanPath, RecordJson.Write(planned)))
            {
                planned = Planned()!;
            }
        }

        return planned.Registered == file.Hash
            ? planned
            : throw new VitrineException($"{path}: holds the study '{planned.Study.Name}' that was registered as {planned.Registered[..12]}; this file is "
                + $"{file.Hash[..12]}. What is decided after results were seen is another study: give it a folder of its own, or see 'study report --also'.");
    }

    /// <summary>Runs a study, or goes on with it, look by look where the file asks for looks, and writes what came of it.</summary>
    /// <param name="file">The study file.</param>
    /// <param name="planned">Of <see cref="Plan"/>.</param>
    /// <param name="execute">Carries it out.</param>
    /// <param name="also">Measures that were added after results were seen; those that an earlier result has when null.</param>
    /// <param name="cancellation">Stops between looks and files.</param>
    /// <exception cref="VitrineException">As of <see cref="StudyRunner"/>; or a file cannot be written.</exception>
    public async Task<StudyOutcome> RunAsync(
        StudyFile file, PlannedStudy planned, StudyExecution execute, IReadOnlyList<string>? also = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(planned);
        ArgumentNullException.ThrowIfNull(execute);
        also ??= Result()?.Comparisons.Where(c => c.IsExploratory).Select(c => c.Measure).Distinct().ToArray();
        var (run, looks) = await LookedAtAsync(file, planned.Study, execute, cancellation).ConfigureAwait(false);
        var outcome = StudyOutcome.Of(file, planned, run, also, looks);
        AtomicFile.WriteAllBytes(EpisodesPath, await StudyTables.EpisodesAsync(run, outcome.Registered, cancellation).ConfigureAwait(false));
        AtomicFile.WriteAllBytes(ComparisonsPath, await StudyTables.ComparisonsAsync(outcome, cancellation).ConfigureAwait(false));
        AtomicFile.WriteAllText(ResultPath, outcome.ToJson());
        return outcome;
    }

    /// <summary>Runs a study with its policy on this machine.</summary>
    /// <param name="file">The study file.</param>
    /// <param name="planned">Of <see cref="Plan"/>.</param>
    /// <param name="policy">Who acts.</param>
    /// <param name="workers">Chunks that run at the same time; nothing depends on it.</param>
    /// <param name="progress">Told after every chunk.</param>
    /// <param name="cancellation">Stops; finished chunks stay.</param>
    public Task<StudyOutcome> RunAsync(
        StudyFile file, PlannedStudy planned, Policy policy, int workers = 1, IProgress<StudyProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        StudyMaker.CheckPolicy(file, policy);
        var runner = new StudyRunner(NewWorldOf(file));
        return RunAsync(
            file, planned, (study, chunks) => runner.RunAsync(study, policy, new StudyOptions { Workers = workers, Folder = chunks }, progress, cancellation),
            cancellation: cancellation);
    }

    /// <summary>Compares a finished study again, with further measures: what they say is exploratory. Nothing is run.</summary>
    /// <param name="also">Names of measures; those that were added before stay.</param>
    /// <param name="cancellation">Stops between files.</param>
    /// <exception cref="VitrineException">The folder holds no finished study, or there is no such measure.</exception>
    public Task<StudyOutcome> ReportAsync(IReadOnlyList<string> also, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(also);
        var outcome = RequireResult();
        if (also.Count == 0)
        {
            return Task.FromResult(outcome);
        }

        string[] all = [.. outcome.Comparisons.Where(c => c.IsExploratory).Select(c => c.Measure).Concat(also.Select(m => Measure.Named(m).Name)).Distinct()];
        return RunAsync(outcome.File, Planned()!, ReadAsync, all, cancellation);
    }

    /// <summary>All episodes of a finished study.</summary>
    /// <param name="cancellation">Stops between chunks.</param>
    /// <exception cref="VitrineException">The folder holds no finished study.</exception>
    public async Task<StudyRun> EpisodesAsync(CancellationToken cancellation = default)
    {
        var outcome = RequireResult();
        return (await LookedAtAsync(outcome.File, Planned()!.Study, ReadAsync, cancellation).ConfigureAwait(false)).Run;
    }

    /// <summary>What the study came to; null where it is not finished.</summary>
    /// <exception cref="VitrineException">The file is none.</exception>
    public StudyOutcome? Result() => File.Exists(ResultPath) ? StudyOutcome.FromJson(File.ReadAllText(ResultPath), ResultPath) : null;

    /// <summary>What the study came to.</summary>
    /// <exception cref="VitrineException">The folder holds no finished study.</exception>
    public StudyOutcome RequireResult()
    {
        var outcome = Result() ?? throw new VitrineException($"{path}: holds no finished study; 'vitrine study run FILE --out {path}' runs one, or goes on.");
        return Planned() is { } planned && planned.Registered == outcome.Registered
            ? outcome
            : throw new VitrineException($"{path}: its plan.json is missing or of another study than its result.json.");
    }

    /// <summary>Makes the worlds of a file.</summary>
    internal static Func<IWorld> NewWorldOf(StudyFile file) => WorldRegistry.Open(file.World.Name, file.World.Options);

    private string At(string name) => System.IO.Path.Combine(path, name);

    private PlannedStudy? Planned() => File.Exists(PlanPath) ? RecordJson.Read<PlannedStudy>(File.ReadAllText(PlanPath), PlanPath) : null;

    /// <summary>Reads finished chunks and runs none.</summary>
    private static Task<StudyRun> ReadAsync(Study study, string chunks)
        => Task.FromResult(StudyRunner.Collect(study, new StudyOptions { Folder = chunks, AllowUntouchedEdits = true }));

    private async Task<(StudyRun Run, IReadOnlyList<StudyLook> Looks)> LookedAtAsync(
        StudyFile file, Study study, StudyExecution execute, CancellationToken cancellation)
    {
        if (file.Looks is not { } planned)
        {
            return (await execute(study, ChunksPath).ConfigureAwait(false), []);
        }

        var comparisons = ArmComparisons.Planned(file, [.. study.Arms.Select(a => a.Label())]);
        var levels = AlphaSpending.Levels(planned.Count, file.Alpha / comparisons.Count, planned.Spending);
        var (looks, run) = (new List<StudyLook>(), (StudyRun?)null);
        for (var look = 1; look <= planned.Count; look++)
        {
            cancellation.ThrowIfCancellationRequested();
            var (from, to) = ((look - 1) * study.LayoutsPerTask / planned.Count, look * study.LayoutsPerTask / planned.Count);
            var part = await execute(study with { FirstLayout = from, LayoutsPerTask = to - from }, At($"chunks-{look}")).ConfigureAwait(false);
            run = run is null ? part : Joined(run, part);
            string[] crossed =
            [
                .. comparisons.Where(c => StudyComparison.PValue(run, c.Arm, Measure.Named(c.Measure)) <= levels[look - 1])
                    .Select(c => NameOf(c.Arm, c.Measure))
                    .Union(looks.SelectMany(l => l.Crossed)),
            ];
            var isLast = look == planned.Count || crossed.Length == comparisons.Count;
            looks.Add(new StudyLook(look, run.Arms[0].Episodes.Count, levels[look - 1], crossed, isLast));
            if (isLast)
            {
                break;
            }
        }

        return (run!, looks);
    }

    /// <summary>A comparison as looks name it.</summary>
    internal static string NameOf(string arm, string measure) => $"{arm}: {measure}";

    private static StudyRun Joined(StudyRun before, StudyRun part) => new(
        before.Study with { LayoutsPerTask = before.Study.LayoutsPerTask + part.Study.LayoutsPerTask },
        [.. before.Arms.Zip(part.Arms, (a, b) => new ArmEpisodes(a.Arm, [.. a.Episodes, .. b.Episodes]))])
    {
        ThreadsPerWorker = before.ThreadsPerWorker,
    };
}
