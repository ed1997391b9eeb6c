using Vitrine.Checkpoints;
using Vitrine.Policies;
using Vitrine.Transformers;

namespace Vitrine.Worlds.Studies;

/// <summary>A study ready to be worked on: its chunks, and whoever runs one. Any scheduler may hand out the chunks; what comes of them is the same.</summary>
/// <remarks>
/// One, two and four workers, processes and machines of one kind give identical episodes: chunks are fixed by the study, random numbers by the layout, and a
/// chunk is computed with a single libtorch thread (<see cref="ComputeThreads"/>), so that no sum is split differently.
/// </remarks>
public sealed class StudyWork : IDisposable
{
    private readonly Func<Arm, IWorldActor> actorFor;
    private readonly Action check;
    private readonly Rollouts rollouts;
    private readonly IDisposable? owned;

    private StudyWork(Study study, Func<Arm, IWorldActor> actorFor, Func<IWorld> newWorld, Action check, IDisposable? owned = null)
    {
        (Study, Chunks, this.actorFor, this.check, this.owned) = (study, StudyChunk.Of(study), actorFor, check, owned);
        rollouts = new Rollouts(newWorld, study.StepLimit);
    }

    /// <summary>The plan.</summary>
    public Study Study { get; }

    /// <summary>The study's chunks in their order.</summary>
    public IReadOnlyList<StudyChunk> Chunks { get; }

    /// <summary>The work of a study with its policy, each arm under its own plan.</summary>
    /// <param name="study">The plan.</param>
    /// <param name="policy">The study's own; stays the caller's, and may be shared by many.</param>
    /// <param name="newWorld">Makes the world; called for every episode.</param>
    /// <exception cref="VitrineException">The policy or the world is not the study's, an edit has no plan, or the study lacks controls.</exception>
    public static StudyWork Of(Study study, Policy policy, Func<IWorld> newWorld)
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

        CheckFor(study, newWorld);
        var acting = policy.With(units: named.Units);
        return new StudyWork(study, arm => arm.ActorOf(acting, study.ActionSteps), newWorld, () => named.Check(study.Name, policy), acting);
    }

    /// <summary>The work of a study with actors of one's own.</summary>
    /// <param name="study">The plan.</param>
    /// <param name="actorFor">
    /// Makes the actor of an arm. Called for every chunk, on the thread that runs it, and disposed after it where it can be; what the actors share must bear
    /// several threads. The arm's word is appended to the instruction by the work.
    /// </param>
    /// <param name="newWorld">Makes the world; called for every episode.</param>
    /// <exception cref="VitrineException">The world is not the study's, or the study lacks controls.</exception>
    /// <remarks>Nothing here can tell whether the actors are the study's policy.</remarks>
    public static StudyWork Of(Study study, Func<Arm, IActor> actorFor, Func<IWorld> newWorld)
    {
        ArgumentNullException.ThrowIfNull(actorFor);
        return Of(study, IWorldActor (arm) => new ObservingActor(actorFor(arm), arm.Word), newWorld);
    }

    /// <summary>The work of a study with actors that see the worlds themselves.</summary>
    /// <inheritdoc cref="Of(Study, Func{Arm, IActor}, Func{IWorld})"/>
    public static StudyWork Of(Study study, Func<Arm, IWorldActor> actorFor, Func<IWorld> newWorld)
    {
        ArgumentNullException.ThrowIfNull(study);
        ArgumentNullException.ThrowIfNull(actorFor);
        CheckFor(study, newWorld);
        return new StudyWork(study, actorFor, newWorld, () => { });
    }

    /// <summary>Runs one chunk on the calling thread, which must compute with a single libtorch thread.</summary>
    /// <exception cref="VitrineException">A file of the policy was written over meanwhile, or the policy refuses the arm.</exception>
    /// <exception cref="NonFiniteException">The policy gives no number: arm, layout, step and the first point that was not finite are named.</exception>
    public FinishedChunk Run(StudyChunk chunk, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(chunk);
        try
        {
            var actor = actorFor(chunk.Arm);
            using var ended = actor as IDisposable;
            var episodes = rollouts.Run(actor, chunk.Layouts, cancellation);
            var untouched = actor switch { ObservingActor seeing => seeing.UntouchedEdits, ScheduledActor scheduled => scheduled.UntouchedEdits, _ => [] };
            check();
            return new FinishedChunk(chunk.Arm.Name, episodes, [.. untouched.Select(e => new ArmUntouchedEdit(chunk.Arm.Name, e.Index, e.What, e.Why))]);
        }
        catch (NonFiniteException e)
        {
            throw e.In($"study '{Study.Name}', arm '{chunk.Arm.Name}'");
        }
    }

    /// <summary>Ends the work; the policy stays open.</summary>
    public void Dispose() => owned?.Dispose();

    private static void CheckFor(Study study, Func<IWorld> newWorld)
    {
        ArgumentNullException.ThrowIfNull(newWorld);
        study.Check();
        var world = newWorld();
        if (study.World != world.Description)
        {
            throw new VitrineException($"study '{study.Name}': is for the world '{study.World}'; this one is '{world.Description}'.");
        }

        if (study.Tasks.FirstOrDefault(task => !world.Tasks.Contains(task)) is { } unknown)
        {
            throw new VitrineException($"study '{study.Name}': the world has no task '{unknown}'; there are {string.Join(", ", world.Tasks)}.");
        }
    }
}
