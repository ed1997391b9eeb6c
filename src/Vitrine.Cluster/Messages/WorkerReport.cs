namespace Vitrine.Cluster.Messages;

/// <summary>What a silo has of a study.</summary>
[GenerateSerializer, Immutable]
internal sealed record WorkerReport
{
    /// <summary>How many chunks it runs at a time.</summary>
    [Id(0)]
    public required int Workers { get; init; }

    /// <summary>Numbers of the study's chunks that it is running.</summary>
    [Id(1)]
    public required int[] Running { get; init; }

    /// <summary>The study's chunks that have ended and were not forgotten yet.</summary>
    [Id(2)]
    public required EndedChunk[] Ended { get; init; }
}
