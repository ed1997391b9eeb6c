using Vitrine.Checkpoints;
using Vitrine.Inputs.Pictures;
using Vitrine.Policies;
using Vitrine.Worlds.Studies;

namespace Vitrine.Worlds.Records;

/// <summary>What came of computing a record again.</summary>
/// <param name="Steps">Steps that were compared.</param>
/// <param name="First">The first that departs; null where every action, chunk and token is the same bit by bit.</param>
/// <param name="Differing">How many depart. Each starts from what was recorded before it, so one departure does not make the next.</param>
/// <param name="Largest">Largest difference of a number in all of them, 0 where none departs.</param>
/// <param name="Machine">In what the machine differs from the recording's; none where bits may be expected to agree.</param>
/// <param name="Batched">Steps that were recorded in a pass of several observations, and computed alone now: their last bits may differ.</param>
public sealed record ReplayResult(int Steps, StepDifference? First, int Differing, double Largest, IReadOnlyList<string> Machine, int Batched)
{
    /// <summary>Whether nothing departs.</summary>
    public bool IsIdentical => First is null;
}

/// <summary>Computes records again: the same weights on the same observations under the same plan, one observation a pass.</summary>
public static class Replay
{
    /// <summary>Computes a record again and compares it bit by bit.</summary>
    /// <param name="record">The record; one that was cut off is compared as far as it goes.</param>
    /// <param name="policy">The record's own, under no plan.</param>
    /// <param name="newWorld">Makes the record's world; null for a record that has none, whose requests are asked again.</param>
    /// <param name="cancellation">Stops between acts.</param>
    /// <exception cref="VitrineException">The policy or the world is not the record's; both are named.</exception>
    /// <remarks>Computed with as many libtorch threads as the record was.</remarks>
    public static ReplayResult Run(EpisodeRecord record, Policy policy, Func<IWorld>? newWorld, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(record);
        ArgumentNullException.ThrowIfNull(policy);
        record.Header.Require(policy, record.Folder);
        using var threads = ComputeThreads.Of(record.Header.Machine.Threads);
        using var acting = policy.With(units: record.Header.Policy.Units);
        StepDifference[] differing =
        [
            .. record.Header.World is null ? OfRequests(record, acting, cancellation) : OfWorld(record, acting, WorldOf(record, newWorld), cancellation),
        ];
        return new ReplayResult(
            record.Steps.Count, differing.FirstOrDefault(), differing.Length, differing.Select(d => d.Largest).DefaultIfEmpty().Max(),
            record.Header.Machine.DifferencesTo(RecordedMachine.Of(policy)), record.Steps.Count(s => s.Batch > 1));
    }

    /// <summary>What would have been, had another condition begun at a step: the record's own actions up to there, then the policy under it.</summary>
    /// <param name="record">An episode of a world.</param>
    /// <param name="policy">The record's own, under no plan.</param>
    /// <param name="newWorld">Makes the record's world.</param>
    /// <param name="from">The first step that is decided anew, from 0.</param>
    /// <param name="condition">What holds from there on.</param>
    /// <param name="keepsPictures">Whether the episode is to hold what the camera saw.</param>
    /// <param name="cancellation">Stops between acts.</param>
    /// <returns>The whole episode, the recorded beginning included; it ends at the record's limit at the latest.</returns>
    /// <exception cref="VitrineException">Policy or world are not the record's, there is no such step, or the plan does not fit.</exception>
    public static WatchedEpisode Branch(
        EpisodeRecord record, Policy policy, Func<IWorld> newWorld, int from, Arm condition, bool keepsPictures = false,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(record);
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(condition);
        record.Header.Require(policy, record.Folder);
        if (from < 0 || from >= record.Steps.Count)
        {
            throw new VitrineException($"{record.Folder}: has the steps 0 to {record.Steps.Count - 1}; nothing can be put on from step {from}.");
        }

        using var threads = ComputeThreads.Of(record.Header.Machine.Threads);
        using var acting = policy.With(units: record.Header.Policy.Units);
        var (world, layout) = (WorldOf(record, newWorld), record.Header.Layout!);
        world.Reset(layout);
        var (actions, path, pictures) = (new List<double[]>(), new List<Position>(), new List<Picture>());
        foreach (var step in record.Steps.Take(from))
        {
            Carry([.. step.Action]);
        }

        using var actor = new SoloActor(acting, condition, record.Header.ActionSteps);
        for (var step = from; step < (record.Header.StepLimit ?? int.MaxValue) && !world.HasSucceeded; step++)
        {
            using var decided = actor.Act(world, layout.NoiseSeed(step), step, cancellation);
            Carry([.. decided.Step.Action]);
        }

        Look();
        var episode = new Episode
        {
            Layout = layout,
            Instruction = world.Observe().Instruction,
            Succeeded = world.HasSucceeded,
            Actions = actions,
            Path = path,
            Measures = world.Measures,
            Pictures = keepsPictures ? pictures : null,
        };
        return new WatchedEpisode(episode, world.HasSucceeded ? "solved" : "limit", [], null) { UntouchedEdits = actor.UntouchedEdits };

        void Carry(double[] action)
        {
            Look();
            world.Step(action);
            actions.Add(action);
        }

        void Look()
        {
            path.Add(world.Gripper);
            if (keepsPictures)
            {
                pictures.Add(world.Observe().Picture);
            }
        }
    }

    private static IWorld WorldOf(EpisodeRecord record, Func<IWorld>? newWorld)
    {
        var (named, world) = (record.Header.World, newWorld?.Invoke());
        return named is null || record.Header.Layout is null
            ? throw new VitrineException($"{record.Folder}: is of a server's requests; there is no world to go on in.")
            : world is null ? throw new VitrineException($"{record.Folder}: is of the world '{named.Description}'; expected one to replay it in.")
            : world.Description == named.Description ? world
            : throw new VitrineException($"{record.Folder}: is of the world '{named.Description}'; this one is '{world.Description}'.");
    }

    private static IEnumerable<StepDifference> OfWorld(EpisodeRecord record, Policy acting, IWorld world, CancellationToken cancellation)
    {
        var layout = record.Header.Layout!;
        world.Reset(layout);
        using var actor = new SoloActor(acting, record.Header.Condition, record.Header.ActionSteps);
        foreach (var kept in record.Steps)
        {
            cancellation.ThrowIfCancellationRequested();
            using var decided = actor.Act(world, layout.NoiseSeed(kept.Step), kept.Step, cancellation);
            if ((OfSeen(record, kept, decided.Seen, world.Gripper) ?? kept.DifferenceTo(decided.Step)) is { } found)
            {
                yield return found;
                actor.Follow(kept);
            }

            world.Step([.. kept.Action]);
        }
    }

    private static IEnumerable<StepDifference> OfRequests(EpisodeRecord record, Policy acting, CancellationToken cancellation)
    {
        var bound = new Dictionary<string, Policy>();
        try
        {
            foreach (var kept in record.Steps.Where(s => s.Acted))
            {
                cancellation.ThrowIfCancellationRequested();
                var (seen, options) = (record.Seen(kept.Step), new ActOptions { Noise = record.NoiseOf(kept.Step) });
                using var run = Planned(kept).Act([seen], options: options, cancellation: cancellation);
                var again = RecordedStep.Of(kept.Step, seen, run) with { Action = kept.Action };
                if (kept.DifferenceTo(again) is { } found)
                {
                    yield return found;
                }
            }
        }
        finally
        {
            bound.Values.ToList().ForEach(p => p.Dispose());
        }

        Policy Planned(RecordedStep step)
        {
            if (step.Plan is null && record.Header.Condition.Schedule is not null)
            {
                throw new VitrineException(
                    $"{record.Folder}: step {step.Step} was under a schedule and says no plan of its own; without a world it cannot be told.");
            }

            var name = step.Plan ?? "";
            return bound.TryGetValue(name, out var planned) ? planned
                : bound[name] = acting.With(step.Plan is null ? record.Header.Condition.Plan : record.PlanOf(step.Step));
        }
    }

    /// <summary>In what the world shows something else than was recorded.</summary>
    private static StepDifference? OfSeen(EpisodeRecord record, RecordedStep kept, Observation seen, Position gripper)
    {
        if (kept.Gripper is { } then && then != gripper)
        {
            return new StepDifference(kept.Step, "gripper", then.DistanceTo(gripper));
        }

        var recorded = record.Seen(kept.Step);
        foreach (var (camera, picture) in recorded.Cameras)
        {
            if (!seen.Cameras.TryGetValue(camera, out var now) || (now.Width, now.Height) != (picture.Width, picture.Height))
            {
                return new StepDifference(kept.Step, $"picture {camera}", double.PositiveInfinity);
            }

            if (!now.Rgb.AsSpan().SequenceEqual(picture.Rgb))
            {
                return new StepDifference(kept.Step, $"picture {camera}", now.Rgb.Zip(picture.Rgb).Max(p => Math.Abs(p.First - p.Second)));
            }
        }

        return null;
    }
}
