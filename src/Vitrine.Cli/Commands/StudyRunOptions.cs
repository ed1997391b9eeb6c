using System.CommandLine;
using Vitrine.Cluster;
using Vitrine.Policies;
using Vitrine.Worlds;
using Vitrine.Worlds.Studies;
using Vitrine.Worlds.Studies.Files;

namespace Vitrine.Cli.Commands;

/// <summary>Where the chunks of <c>study run</c> are run: here, on the silos of a cluster, or by a scheduler that starts a process a share.</summary>
internal sealed class StudyRunOptions
{
    private readonly Option<string?> array = new("--array")
    {
        Description = "Run share I of N over a shared folder, I/N, or 'slurm' inside a job array; --collect makes the results.",
    };

    private readonly Option<bool> collect = new("--collect") { Description = "Make the results of finished shares; runs nothing, and names what is missing." };
    private readonly Option<bool> spread = new("--cluster")
    {
        Description = "Run chunks on silos: one in this process, and those of --postgres (vitrine silo).",
    };
    private readonly ClusterOptionSet cluster = new(port: 11110);

    public void AddTo(Command command)
    {
        command.Add(array);
        command.Add(collect);
        command.Add(spread);
        cluster.AddTo(command);
    }

    /// <summary>Whether results are only to be made of what has been run.</summary>
    public bool IsCollecting(ParseResult parsed) => parsed.GetValue(collect);

    /// <summary>How many workers this process needs of its own: none where silos may have some.</summary>
    public int FewestWorkers(ParseResult parsed) => parsed.GetValue(spread) && parsed.GetValue(cluster.Postgres) is not null ? 0 : 1;

    /// <summary>The share that is to be run; null for the whole study.</summary>
    /// <exception cref="VitrineException">It is none, options exclude each other, the study has looks, or there is nothing to collect.</exception>
    public StudyShare? ShareOf(ParseResult parsed, StudyFile file, StudyHome home)
    {
        var (shared, wide, collecting) = (parsed.GetValue(array), parsed.GetValue(spread), parsed.GetValue(collect));
        if ((shared is null ? 0 : 1) + (wide ? 1 : 0) + (collecting ? 1 : 0) > 1)
        {
            throw new VitrineException("--array, --collect and --cluster exclude each other.");
        }

        if (collecting && !File.Exists(home.PlanPath))
        {
            throw new VitrineException($"{home.Path}: holds no plan; run the study's shares with --array first.");
        }

        if (parsed.GetValue(cluster.Postgres) is not null && !wide)
        {
            throw new VitrineException("--postgres is where the silos of --cluster find each other; say --cluster too.");
        }

        if (shared is null)
        {
            return null;
        }

        return file.Looks is null
            ? shared == "slurm" ? StudyShare.OfSlurm(Environment.GetEnvironmentVariable) : StudyShare.Parse(shared)
            : throw new VitrineException($"study '{file.Name}': looks at its results {file.Looks.Count} times, each before the next layouts run, "
                + "so shares cannot run apart; leave --array out, or run it with --cluster.");
    }

    /// <summary>Runs one share, and tells what is still missing.</summary>
    public static async Task<int> RunShareAsync(
        StudyShare share, StudyFile file, PlannedStudy planned, StudyHome home, Policy policy, int workers, bool json, CancellationToken cancellation)
    {
        using var work = StudyWork.Of(planned.Study, policy, NewWorldOf(file));
        var missing = await Output.WithProgressAsync($"{file.Name}, share {share}", p => StudyRunner.RunShareAsync(
            work, share, new StudyOptions { Workers = workers, Folder = home.ChunksPath },
            new Progress<StudyProgress>(s => p.Report((double)s.Chunks / s.AllChunks)), cancellation)).ConfigureAwait(false);
        var ran = work.Chunks.Count(share.Has);
        if (json)
        {
            Output.Write(new { Share = share.ToString(), Chunks = ran, AllChunks = work.Chunks.Count, Missing = missing.Select(c => c.Number) });
        }
        else
        {
            Console.WriteLine($"share {share}: {ran} of {work.Chunks.Count} chunks are done; "
                + (missing.Count == 0 ? $"none is missing. 'vitrine study run FILE --out {home.Path} --collect' makes the results."
                    : $"{missing.Count} are missing, of other shares."));
        }

        return 0;
    }

    /// <summary>Carries out a study where it is asked for.</summary>
    public StudyExecution Execution(
        ParseResult parsed, StudyFile file, Policy? policy, int workers, IProgress<StudyProgress> progress, CancellationToken cancellation)
    {
        if (parsed.GetValue(collect))
        {
            return (study, chunks) => Task.FromResult(StudyRunner.Collect(study, new StudyOptions { Folder = chunks }));
        }

        var news = new Direct<string>(line => Console.Error.WriteLine(line));
        if (parsed.GetValue(spread))
        {
            var runner = new ClusterRunner(order => new OpenedStudy(StudyWork.Of(order.Study, policy!, PolicyShelf.NewWorldOf(order))), cluster.Of(parsed));
            return (study, chunks) => runner.RunAsync(
                new StudyOrder(study, file.World), new StudyOptions { Workers = workers, Folder = chunks }, progress, news, cancellation);
        }

        return async (study, chunks) =>
        {
            using var work = StudyWork.Of(study, policy!, NewWorldOf(file));
            return await StudyRunner.RunAsync(work, new StudyOptions { Workers = workers, Folder = chunks }, progress, cancellation).ConfigureAwait(false);
        };
    }

    private static Func<IWorld> NewWorldOf(StudyFile file) => WorldRegistry.Open(file.World.Name, file.World.Options);

    private sealed class Direct<T>(Action<T> what) : IProgress<T>
    {
        public void Report(T value) => what(value);
    }
}
