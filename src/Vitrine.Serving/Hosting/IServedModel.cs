using Vitrine.Policies;
using Vitrine.Transformers;
using Vitrine.Worlds.Monitors;

namespace Vitrine.Serving.Hosting;

/// <summary>What a host serves: a policy, or anything else that answers observations with chunks (a recording, another server).</summary>
public interface IServedModel : IDisposable
{
    /// <summary>Its name.</summary>
    string Name { get; }

    /// <summary>Identifies it; empty where nothing does.</summary>
    string Fingerprint { get; }

    /// <summary>What it reads.</summary>
    PolicyNeeds Needs { get; }

    /// <summary>What the numbers of an action are, in order.</summary>
    IReadOnlyList<string> ActionNames { get; }

    /// <summary>Control steps of a chunk that are carried out before it acts again.</summary>
    int ActionSteps { get; }

    /// <summary>Refuses a plan that it cannot act under.</summary>
    /// <exception cref="VitrineException">An address or a value does not fit; it is named.</exception>
    void Require(RunPlan plan);

    /// <summary>Acts. Called by one thread.</summary>
    /// <param name="asked">Of one shape; at least one.</param>
    /// <param name="cancellation">Stops between passes.</param>
    /// <returns>One per request.</returns>
    /// <exception cref="VitrineException">A request is refused.</exception>
    IReadOnlyList<ServedAct> Act(IReadOnlyList<ServedAsk> asked, CancellationToken cancellation);
}

/// <summary>One row of a pass.</summary>
/// <param name="Request">What is asked.</param>
/// <param name="Plans">What is changed, one plan behind the other.</param>
/// <param name="Seed">Of the noise, where the request brings none.</param>
/// <param name="Session">Whose; its step is that of this request.</param>
public sealed record ServedAsk(ServedRequest Request, IReadOnlyList<RunPlan> Plans, long Seed, HostSession Session);

/// <summary>What a model did for one row.</summary>
/// <param name="Chunk">[control step][dimension], in the robot's units.</param>
public sealed record ServedAct(IReadOnlyList<IReadOnlyList<double>> Chunk)
{
    /// <summary>Seed of the noise that it started from; null where there is none.</summary>
    public long? Seed { get; init; }

    /// <summary>Why it is not to be trusted; null where nothing is wrong.</summary>
    public string? Problem { get; init; }

    /// <summary>Neurons that the host was asked to watch.</summary>
    public IReadOnlyList<WatchedNeuron> Watched { get; init; } = [];

    /// <summary>What monitors say.</summary>
    public IReadOnlyList<MonitorReading> Readings { get; init; } = [];

    /// <summary>Why the answer must not be given, though it was computed; null where it may.</summary>
    public VitrineException? Refusal { get; init; }
}
