namespace Vitrine.Cluster.Messages;

/// <summary>How a chunk ended.</summary>
[GenerateSerializer]
internal enum ChunkEnd
{
    /// <summary>With its episodes.</summary>
    Finished,

    /// <summary>The silo cannot open the study: it lacks the policy, or has another; another silo may.</summary>
    NotOpened,

    /// <summary>With an error that it would have anywhere.</summary>
    Failed,
}

/// <summary>A chunk that has ended on a silo.</summary>
[GenerateSerializer, Immutable]
internal sealed record EndedChunk
{
    /// <summary>Its number in the study.</summary>
    [Id(0)]
    public required int Number { get; init; }

    /// <summary>How it ended.</summary>
    [Id(1)]
    public required ChunkEnd End { get; init; }

    /// <summary>Why it did not finish, in one line.</summary>
    [Id(2)]
    public string? Reason { get; init; }
}
