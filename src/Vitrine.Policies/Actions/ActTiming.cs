using System.Diagnostics;

namespace Vitrine.Policies.Actions;

/// <summary>What each phase of an act took, in order: one act fills it (<see cref="ActOptions.Timing"/>).</summary>
/// <remarks>Where a device computes on its own, a phase ends when its work is queued.</remarks>
public sealed class ActTiming
{
    private readonly List<ActPhase> phases = [];
    private long since = Stopwatch.GetTimestamp();

    /// <summary>Those that have ended.</summary>
    public IReadOnlyList<ActPhase> Phases => phases;

    /// <summary>Ends a phase and begins the next.</summary>
    /// <param name="name">What was done since the last one ended.</param>
    public void End(string name)
    {
        phases.Add(new ActPhase(name, Stopwatch.GetElapsedTime(since).TotalSeconds));
        since = Stopwatch.GetTimestamp();
    }

    /// <summary>Begins: what was done so far counts to no phase.</summary>
    public void Begin() => since = Stopwatch.GetTimestamp();
}

/// <summary>A phase of an act.</summary>
/// <param name="Name">What was done.</param>
/// <param name="Seconds">On the clock.</param>
public readonly record struct ActPhase(string Name, double Seconds);
