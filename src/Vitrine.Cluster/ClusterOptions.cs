using System.Net;

namespace Vitrine.Cluster;

/// <summary>Which cluster a silo belongs to, and where it is reached.</summary>
public sealed record ClusterOptions
{
    /// <summary>Connection string of the PostgreSQL database in which silos find each other; null for a silo that stands alone in its process.</summary>
    public string? Postgres { get; init; }

    /// <summary>Clusters of other names may use the same database.</summary>
    public string Name { get; init; } = "vitrine";

    /// <summary>Where other silos reach this one. Loopback by default: silos on other machines need an address of this machine that they can reach.</summary>
    public IPAddress Address { get; init; } = IPAddress.Loopback;

    /// <summary>Port for other silos; 0 for any that is free. After a crash a silo is taken in at once on its old port, and waits on another.</summary>
    public int Port { get; init; }

    /// <summary>Port for Orleans clients of one's own; 0 for none. Vitrine needs none.</summary>
    public int GatewayPort { get; init; }

    /// <summary>How long silos wait for each other.</summary>
    internal ClusterTimes Times { get; init; } = new();

    /// <summary>Whether Orleans' own messages are written to standard error.</summary>
    public bool Verbose { get; init; }
}
