using System.Diagnostics;
using Vitrine.Mechanisms.Doses;
using Vitrine.Policies;
using Vitrine.Policies.Flow;
using Vitrine.Transformers;
using Vitrine.Transformers.Edits;
using Vitrine.Worlds.Studies;

namespace Vitrine.Worlds.Records;

/// <summary>What was decided at a control step.</summary>
/// <param name="Seen">What the policy saw, or was to see.</param>
/// <param name="Step">The step as a record keeps it.</param>
/// <param name="Run">Where the policy acted anew; disposed with this.</param>
/// <param name="Noise">What the chunk started from; null where it started from none.</param>
internal sealed record Decided(Observation Seen, RecordedStep Step, PolicyRun? Run, ActNoise? Noise) : IDisposable
{
    public void Dispose() => Run?.Dispose();
}

/// <summary>Has a policy act in one episode under a condition, one observation a pass, so that no bit depends on what runs beside it.</summary>
/// <param name="policy">Who acts; stays the caller's.</param>
/// <param name="condition">Under what.</param>
/// <param name="actionSteps">Rows of each chunk that are carried out.</param>
/// <param name="capture">What is read besides; null for nothing.</param>
internal sealed class SoloActor(Policy policy, Arm condition, int actionSteps, RunPlan? capture = null) : IDisposable
{
    private readonly Queue<double[]> left = new();
    private readonly Policy planned = policy.With(Wanted(policy, condition, capture));
    private readonly ScheduledEdit[] scheduled = condition.Schedule is { } schedule
        ? [.. (condition.Plan ?? RunPlan.Empty).Edits.Select(e => new ScheduledEdit(e, schedule))]
        : [];

    private ScheduleProgress? progress;

    /// <summary>Edits of a plan without schedule that touched nothing so far.</summary>
    public IReadOnlyList<UntouchedEdit> UntouchedEdits => planned.UntouchedEdits;

    /// <summary>Decides a step.</summary>
    /// <param name="world">As it is now.</param>
    /// <param name="noiseSeed">Of what is random in the act.</param>
    /// <param name="step">Counts without gaps, from where the actor began.</param>
    /// <param name="cancellation">Stops between passes.</param>
    public Decided Act(IWorld world, long noiseSeed, int step, CancellationToken cancellation)
    {
        var seen = ObservingActor.Worded(world.Observe(), condition.Word);
        var edits = Acting(world);
        var isEdited = edits?.Length > 0 || condition.Swap is not null || condition.Part is not null
            || (scheduled.Length == 0 && condition.Plan?.Edits.Count > 0);
        if (left.TryDequeue(out var row))
        {
            return new Decided(seen, Placed(RecordedStep.Carried(step, seen, row)), null, null);
        }

        var noise = policy.NoiseShape is null ? null : ActNoise.OfSeed(noiseSeed);
        var begun = Stopwatch.GetTimestamp();
        var run = Run(world, seen, edits, noise, cancellation);
        var seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds;
        var decided = RecordedStep.Of(step, seen, run);
        Keep(decided, skip: 1);
        return new Decided(seen, Placed(decided) with { Seconds = seconds, NoiseSeed = noise is null ? null : noiseSeed }, run, noise);

        RecordedStep Placed(RecordedStep taken) => taken with { Gripper = world.Gripper, Measures = world.Measures, IsEdited = isEdited };
    }

    /// <summary>Goes on as if a step that was recorded had been decided here.</summary>
    /// <param name="world">Before the step's action.</param>
    /// <param name="step">The step.</param>
    public void Recall(IWorld world, RecordedStep step)
    {
        Acting(world);
        if (step.Acted)
        {
            Keep(step, skip: 1);
        }
        else
        {
            left.TryDequeue(out _);
        }
    }

    /// <summary>Carries out the rows of a recorded chunk from here on, in the place of those that were decided now.</summary>
    /// <param name="step">The step that was just decided.</param>
    public void Follow(RecordedStep step)
    {
        if (step.Acted)
        {
            Keep(step, skip: 1);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => planned.Dispose();

    /// <remarks>Scheduled edits are bound act by act; a plan that holds in every step is bound once.</remarks>
    private static RunPlan Wanted(Policy policy, Arm condition, RunPlan? capture)
    {
        condition.Check(policy);
        var steady = condition.Schedule is null ? condition.Plan : condition.Plan is null ? null : condition.Plan with { Edits = [] };
        return capture is null ? steady ?? RunPlan.Empty : (steady ?? RunPlan.Empty).Then(capture);
    }

    private void Keep(RecordedStep acted, int skip)
    {
        var rows = acted.Chunk!;
        if (rows.Count < actionSteps)
        {
            throw new VitrineException($"act: {actionSteps} rows of a chunk are to be carried out; it has {rows.Count}.");
        }

        left.Clear();
        foreach (var row in rows.Take(actionSteps).Skip(skip))
        {
            left.Enqueue([.. row]);
        }
    }

    /// <summary>The scheduled edits that act in this step; null where none is scheduled.</summary>
    private Edit[]? Acting(IWorld world)
    {
        if (scheduled.Length == 0)
        {
            return null;
        }

        progress ??= new ScheduleProgress(scheduled, world.Gripper);
        return [.. scheduled.Zip(progress.Next(world)).Where(e => e.Second is not null).Select(e => e.First.At(e.Second!.Value))];
    }

    private PolicyRun Run(IWorld world, Observation seen, Edit[]? edits, ActNoise? noise, CancellationToken cancellation)
    {
        return condition.Part is { } part ? ComponentSwapActor.Run(policy, planned, part, [seen], Other(part.Word), noise, cancellation)
            : condition.Swap is { } swap ? PrefixSwapActor.Run((FlowPolicy)policy.Unplanned, swap, [seen], Other(swap.Word), noise, capture, cancellation)
            : planned.Act([seen], edits is { Length: > 0 } ? RunPlan.Editing(edits) : null, new ActOptions { Noise = noise }, cancellation);

        Observation[] Other(string word) => [ObservingActor.Worded(world.Observe(), word)];
    }
}
