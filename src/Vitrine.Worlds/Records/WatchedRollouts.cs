using System.Globalization;
using Vitrine.Checkpoints;
using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Worlds.Monitors;
using Vitrine.Worlds.Studies;

namespace Vitrine.Worlds.Records;

/// <summary>What is kept of episodes, and who watches.</summary>
public sealed record WatchOptions
{
    /// <summary>Where records are kept, a folder each; what is there is gone on from. Null keeps none.</summary>
    public string? Folder { get; init; }

    /// <summary>What names of records begin with, so that several conditions can lie in one folder.</summary>
    public string Prefix { get; init; } = "";

    /// <summary>Addresses of activations that records keep, wildcards allowed.</summary>
    public IReadOnlyList<string> Points { get; init; } = [];

    /// <summary>Whether at all positions (<see cref="RecordHeader.KeepsAllPositions"/>).</summary>
    public bool KeepsAllPositions { get; init; }

    /// <summary>Watches every act.</summary>
    public IReadOnlyList<ActivationMonitor> Monitors { get; init; } = [];

    /// <summary>Whether an alarm ends the episode, before the action that it warns of is carried out.</summary>
    public bool StopsOnAlarm { get; init; }

    /// <summary>Rows of each chunk that are carried out; as many as the policy's checkpoint says when null.</summary>
    public int? ActionSteps { get; init; }

    /// <summary>Episodes side by side; nothing depends on it.</summary>
    public int Workers { get; init; } = 1;
}

/// <summary>Closed-loop episodes that are recorded or watched: each by itself, one observation a pass, with one libtorch thread.</summary>
/// <param name="newWorld">Makes a world for every episode.</param>
/// <param name="world">The world as records name it.</param>
/// <param name="stepLimit">An episode that has not succeeded by then has failed.</param>
/// <remarks>
/// Rollouts of studies run in lock step, and the size of a batch may touch the last bits of an action; a record's episode depends on nothing but itself, so
/// that it can be replayed alone.
/// </remarks>
public sealed class WatchedRollouts(Func<IWorld> newWorld, RecordedWorld world, int stepLimit)
{
    /// <summary>Runs episodes.</summary>
    /// <param name="policy">Who acts, under no plan of its own.</param>
    /// <param name="condition">Under what.</param>
    /// <param name="layouts">One episode each.</param>
    /// <param name="options">What is kept, and who watches.</param>
    /// <param name="progress">Share of the episodes that are done.</param>
    /// <param name="cancellation">Stops between acts; what was recorded stays, and is gone on from.</param>
    /// <returns>One a layout, in their order.</returns>
    /// <exception cref="VitrineException">A monitor is of other weights, a folder holds another record, or a point is not there.</exception>
    public async Task<IReadOnlyList<WatchedEpisode>> RunAsync(
        Policy policy, Arm condition, IReadOnlyList<LayoutKey> layouts, WatchOptions? options = null, IProgress<double>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(condition);
        ArgumentNullException.ThrowIfNull(layouts);
        var asked = options ?? new WatchOptions();
        foreach (var monitor in asked.Monitors)
        {
            monitor.Require(policy);
        }

        var done = new WatchedEpisode[layouts.Count];
        var finished = 0;
        await ComputeThreads.EachAsync(layouts.Count, asked.Workers, Work, cancellation).ConfigureAwait(false);
        return done;

        void Work(int turn, CancellationToken stop)
        {
            done[turn] = Run(policy, condition, layouts[turn], asked, stop);
            progress?.Report((double)Interlocked.Increment(ref finished) / layouts.Count);
        }
    }

    /// <summary>Runs one episode on the calling thread, with the libtorch threads that it has.</summary>
    /// <param name="policy">Who acts, under no plan of its own.</param>
    /// <param name="condition">Under what.</param>
    /// <param name="layout">The starting situation.</param>
    /// <param name="options">What is kept, and who watches.</param>
    /// <param name="cancellation">Stops between acts.</param>
    public WatchedEpisode Run(Policy policy, Arm condition, LayoutKey layout, WatchOptions options, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(condition);
        ArgumentNullException.ThrowIfNull(layout);
        ArgumentNullException.ThrowIfNull(options);
        var header = RecordHeader.Of(policy, condition, options.ActionSteps) with
        {
            World = world,
            Layout = layout,
            StepLimit = stepLimit,
            Points = options.Points,
            KeepsAllPositions = options.KeepsAllPositions,
            Monitors = [.. options.Monitors.Select(m => m.Name)],
        };
        var folder = options.Folder is null ? null
            : Path.Combine(
                options.Folder, string.Create(CultureInfo.InvariantCulture, $"{options.Prefix}{RecordFolder.Safe(layout.Task)}-{layout.Index:D4}"));
        if (folder is not null && File.Exists(Path.Combine(folder, RecordFolder.Header)) && EpisodeRecord.HeaderOf(folder) is { End: not null } found
            && found.IsOfSame(header))
        {
            var record = EpisodeRecord.Open(folder);
            return new WatchedEpisode(record.ToEpisode(), found.End.Reason, [.. record.Steps.Select(s => s.Readings)], folder);
        }

        // The actor first: a point or a plan that does not fit leaves no record that was begun.
        string[] wanted = [.. header.Points.Concat(options.Monitors.SelectMany(m => m.Points)).Distinct()];
        using var actor = new SoloActor(policy, header.Condition, header.ActionSteps, wanted.Length == 0 ? null : RunPlan.Capturing(wanted));
        using var recorder = folder is null ? null : EpisodeRecorder.Resume(folder, header);
        return Run(actor, header, options, recorder, cancellation);
    }

    private WatchedEpisode Run(SoloActor actor, RecordHeader header, WatchOptions options, EpisodeRecorder? recorder, CancellationToken cancellation)
    {
        var scene = newWorld();
        scene.Reset(header.Layout!);
        var steps = new List<RecordedStep>();
        var stopped = false;
        foreach (var kept in recorder?.Kept ?? [])
        {
            Recall(scene, actor, kept, recorder!.Folder);
            steps.Add(kept);
        }

        while (steps.Count < stepLimit && !scene.HasSucceeded && !stopped)
        {
            cancellation.ThrowIfCancellationRequested();
            using var decided = Act(actor, scene, header.Layout!, steps.Count, cancellation);
            var step = decided.Step with { Readings = decided.Run is { } run ? [.. options.Monitors.Select(m => m.Read(run))] : [] };
            stopped = options.StopsOnAlarm && step.Readings.Any(r => r.IsAlarm);
            recorder?.Add(step, decided.Seen, decided.Run, noise: decided.Noise);
            steps.Add(step);
            if (!stopped)
            {
                scene.Step([.. step.Action]);
            }
        }

        var reason = scene.HasSucceeded ? "solved" : stopped ? EpisodeRecord.Alarm : "limit";
        var end = new RecordEnd(steps.Count, reason, scene.HasSucceeded, scene.Measures, scene.Gripper);
        recorder?.Finish(end);
        var episode = EpisodeRecord.EpisodeOf(header.Layout!, scene.Observe().Instruction, steps, end);
        return new WatchedEpisode(episode, reason, [.. steps.Select(s => s.Readings)], recorder?.Folder)
        {
            UntouchedEdits = actor.UntouchedEdits,
        };
    }

    private static Decided Act(SoloActor actor, IWorld scene, LayoutKey layout, int step, CancellationToken cancellation)
    {
        try
        {
            return actor.Act(scene, layout.NoiseSeed(step), step, cancellation);
        }
        catch (NonFiniteException e)
        {
            throw e.In($"rollout, step {step} of {layout.Task} {layout.Index}");
        }
    }

    /// <summary>Carries out again what a record that was cut off has.</summary>
    private static void Recall(IWorld scene, SoloActor actor, RecordedStep kept, string folder)
    {
        if (kept.Gripper != scene.Gripper)
        {
            throw new VitrineException(
                $"{folder}: at step {kept.Step} the gripper is at {scene.Gripper}; the record has it at {kept.Gripper}. Is it of this world?");
        }

        actor.Recall(scene, kept);
        scene.Step([.. kept.Action]);
    }
}
