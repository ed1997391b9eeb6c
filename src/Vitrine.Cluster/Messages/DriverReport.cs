namespace Vitrine.Cluster.Messages;

/// <summary>How a study that is driven stands.</summary>
[GenerateSerializer, Immutable]
internal sealed record DriverReport
{
    /// <summary>Numbers of chunks whose episodes are there to be read.</summary>
    [Id(0)]
    public required int[] Finished { get; init; }

    /// <summary>Why the study ended without its episodes; null while it goes on.</summary>
    [Id(1)]
    public string? Failure { get; init; }

    /// <summary>What became of silos since the last report, a line each.</summary>
    [Id(2)]
    public required string[] News { get; init; }

    /// <summary>Whether the driver knows of no study: it was made anew because the silo that knew where it stood is gone.</summary>
    [Id(3)]
    public bool IsNew { get; init; }
}
