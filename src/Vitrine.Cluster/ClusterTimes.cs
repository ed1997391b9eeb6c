namespace Vitrine.Cluster;

/// <summary>How long silos wait for each other. All silos of a cluster should have the same.</summary>
internal sealed record ClusterTimes
{
    /// <summary>A call between silos without an answer by then has failed. Calls are short: a silo that hangs holds its chunks back for that long.</summary>
    public TimeSpan Call { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a call may wait for a chunk to end; well below <see cref="Call"/>.</summary>
    public TimeSpan Wait { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How often new silos and chunks that have come back are looked for.</summary>
    public TimeSpan Look { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>Silos ask each other for signs of life this often; three misses, and a silo is voted dead.</summary>
    public TimeSpan Probe { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// A silo writes this often that it is alive. A silo that starts waits for all that seem alive, so this decides how long a cluster that has crashed as a
    /// whole takes to come back: about 26 s with 5 s, 106 s with Orleans' own 30 s (measured with 10.4.2), unless silos keep their ports.
    /// </summary>
    public TimeSpan Alive { get; init; } = TimeSpan.FromSeconds(5);
}
