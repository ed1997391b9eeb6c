using Vitrine.Checkpoints;
using Vitrine.Mechanisms.Statistics;

namespace Vitrine.Worlds.Perturbations;

/// <summary>A world tried in many ways at once: which of its options decide whether a task is done, and where failures gather.</summary>
public sealed record PerturbationStudy
{
    /// <summary>Name of the world.</summary>
    public string World { get; init; } = "tabletop";

    /// <summary>Options that stay.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();

    /// <summary>Options that vary.</summary>
    public IReadOnlyList<PerturbationFactor> Factors { get; init; } = PerturbationFactor.OfTabletop;

    /// <summary>n of the <see cref="SobolDesign"/>; n (factors + 2) points are tried.</summary>
    public int Points { get; init; } = 32;

    /// <summary>Tasks.</summary>
    public required IReadOnlyList<string> Tasks { get; init; }

    /// <summary>Layouts of each task at every point: the same at all of them.</summary>
    public int LayoutsPerTask { get; init; } = 1;

    /// <summary>Steps of an episode at most.</summary>
    public int StepLimit { get; init; } = 80;

    /// <summary>Decides points, layouts and noise.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Tries all points.</summary>
    /// <param name="newActor">Makes an actor for every point; disposed behind it where it can be.</param>
    /// <param name="workers">Points that are tried at the same time; the result does not depend on it.</param>
    /// <param name="progress">Hears the share that is done.</param>
    /// <param name="cancellation">Stops between control steps.</param>
    /// <exception cref="VitrineException">The world or a value of an option does not exist, or there are too few points.</exception>
    public async Task<PerturbationResult> RunAsync(
        Func<IWorldActor> newActor, int workers = 1, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(newActor);
        if (Tasks.Count == 0 || LayoutsPerTask < 1 || StepLimit < 1)
        {
            throw new VitrineException($"perturbations: {Tasks.Count} tasks, {LayoutsPerTask} layouts of each, {StepLimit} steps; each must be at least 1.");
        }

        var design = new SobolDesign(Factors.Count, Points, Seed);
        IReadOnlyList<double>[] shares = [.. design.All()];
        Func<IWorld>[] worlds = [.. shares.Select(s => WorldRegistry.Open(World, SettingsAt(s)))];
        LayoutKey[] layouts = [.. Enumerable.Range(0, LayoutsPerTask).SelectMany(i => Tasks.Select(t => new LayoutKey(Seed, LayoutSplit.Test, t, i)))];
        var episodes = new IReadOnlyList<Episode>[shares.Length];
        var done = 0;
        await ComputeThreads.EachAsync(shares.Length, workers, (point, stop) =>
        {
            var actor = newActor();
            using var owned = actor as IDisposable;
            episodes[point] = new Rollouts(worlds[point], StepLimit).Run(actor, layouts, stop);
            progress?.Report((double)Interlocked.Increment(ref done) / shares.Length);
        }, cancellation).ConfigureAwait(false);
        return Sum(design, [.. shares.Zip(episodes, (s, e) => new PerturbationPoint(
            [.. Factors.Zip(s, (f, share) => f.At(share))], [.. e.Select(x => new PerturbedEpisode(x.Layout.Task, x.Layout.Index, x.Succeeded))]))]);
    }

    /// <summary>Sums up outcomes that are at hand.</summary>
    internal PerturbationResult Sum(SobolDesign design, IReadOnlyList<PerturbationPoint> points)
    {
        var sensitivity = design.Sensitivity([.. points.Select(p => p.Success)]);
        return new()
        {
            Study = this,
            Success = new Proportion(points.Sum(p => p.Episodes.Count(e => e.Succeeded)), points.Sum(p => p.Episodes.Count)),
            Sensitivity = [.. Factors.Zip(sensitivity, (f, s) => new FactorSensitivity(f.Option, s.First, s.Total))],
            Clusters = FailureCluster.Find(Factors, points, Seed),
            Points = points,
        };
    }

    private Dictionary<string, string> SettingsAt(IReadOnlyList<double> shares)
    {
        var settings = Settings.ToDictionary();
        foreach (var (factor, share) in Factors.Zip(shares))
        {
            if (!settings.TryAdd(factor.Option, factor.Text(share)))
            {
                throw new VitrineException($"perturbations: the option '{factor.Option}' is fixed, and varies too; name it once.");
            }
        }

        return settings;
    }
}

/// <summary>How one episode ended.</summary>
/// <param name="Task">Its task.</param>
/// <param name="Index">Of the layout within the task.</param>
/// <param name="Succeeded">Whether it was done.</param>
public sealed record PerturbedEpisode(string Task, int Index, bool Succeeded);

/// <summary>One way in which the world was.</summary>
/// <param name="Values">Of the factors, in their order.</param>
/// <param name="Episodes">What happened there.</param>
public sealed record PerturbationPoint(IReadOnlyList<double> Values, IReadOnlyList<PerturbedEpisode> Episodes)
{
    /// <summary>Share of episodes that were done.</summary>
    public double Success => Episodes.Count(e => e.Succeeded) / (double)Episodes.Count;
}

/// <summary>How much of the variance of success goes back to a factor; see <see cref="SobolDesign"/>.</summary>
/// <param name="Option">The factor.</param>
/// <param name="First">By itself.</param>
/// <param name="Total">With everything that it takes part in.</param>
public sealed record FactorSensitivity(string Option, Estimate First, Estimate Total);

/// <summary>What came of a <see cref="PerturbationStudy"/>.</summary>
public sealed record PerturbationResult
{
    /// <summary>What was asked.</summary>
    public required PerturbationStudy Study { get; init; }

    /// <summary>Over all points. The points spread evenly over the ranges, so this is success in that spread, not in the usual world.</summary>
    public required Proportion Success { get; init; }

    /// <summary>In the order of the factors.</summary>
    public required IReadOnlyList<FactorSensitivity> Sensitivity { get; init; }

    /// <summary>Where failures gather, the largest lift first.</summary>
    public required IReadOnlyList<FailureCluster> Clusters { get; init; }

    /// <summary>Every point, in the design's order.</summary>
    public required IReadOnlyList<PerturbationPoint> Points { get; init; }
}
