using Vitrine.Transformers;

namespace Vitrine.Serving.Hosting;

/// <summary>How a host serves its model.</summary>
public sealed record HostOptions
{
    /// <summary>
    /// Requests answered in one pass. 1 gives each answer the bits that <c>vitrine act</c> gives it; more are faster together, and a row of a batch may round
    /// in its last bits otherwise than alone.
    /// </summary>
    public int Batch { get; init; } = 1;

    /// <summary>Sessions at a time.</summary>
    public int Sessions { get; init; } = 64;

    /// <summary>Requests that wait, of all sessions together.</summary>
    public int Queue { get; init; } = 64;

    /// <summary>Requests that wait, of one session.</summary>
    public int QueueOfSession { get; init; } = 8;

    /// <summary>How long a request may take, waiting counted in.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>What holds in every act, besides what is set live; nothing when null.</summary>
    public RunPlan? Plan { get; init; }

    /// <summary>Seed of the noise where a request brings none: the same for every request, as <c>vitrine act</c> does.</summary>
    public long Seed { get; init; }

    /// <summary>Whether a request may bring edits of its own.</summary>
    public bool RequestEdits { get; init; } = true;

    /// <summary>Told once, with its trace, of each failure that peers are told no cause of; standard error when null.</summary>
    public Action<string>? Log { get; init; }

    /// <summary>What time it is; the system's when null.</summary>
    public TimeProvider? Time { get; init; }
}
