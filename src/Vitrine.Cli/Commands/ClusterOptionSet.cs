using System.CommandLine;
using System.Net;
using Vitrine.Cluster;

namespace Vitrine.Cli.Commands;

/// <summary>Which cluster a silo belongs to and where it is reached: spelled alike by <c>silo</c> and <c>study run</c>.</summary>
internal sealed class ClusterOptionSet
{
    /// <param name="port">The port that a verb has by default, so that both can run on one machine.</param>
    public ClusterOptionSet(int port)
    {
        Port = new("--port") { Description = "Where other silos reach this one; keep it, or a restart after a crash waits.", DefaultValueFactory = _ => port };
    }

    public Option<string?> Postgres { get; } = new("--postgres")
    {
        Description = "Database in which silos find each other, e.g. \"Host=10.0.0.5;Username=vitrine;Database=vitrine\"; the password is in PGPASSWORD.",
    };

    public Option<string> Name { get; } = new("--cluster-name")
    {
        Description = "Clusters of several names may share a database.",
        DefaultValueFactory = _ => "vitrine",
    };

    public Option<string> Address { get; } = new("--address")
    {
        Description = "Address of this machine that the other silos reach; only trusted networks, nothing is encrypted.",
        DefaultValueFactory = _ => "127.0.0.1",
    };

    public Option<int> Port { get; }

    public void AddTo(Command command)
    {
        command.Add(Postgres);
        command.Add(Name);
        command.Add(Address);
        command.Add(Port);
    }

    /// <summary>The cluster that is asked for.</summary>
    /// <exception cref="VitrineException">An address or a port is none.</exception>
    public ClusterOptions Of(ParseResult parsed, int gatewayPort = 0) => new()
    {
        Postgres = parsed.GetValue(Postgres),
        Name = parsed.GetValue(Name)!,
        Address = Checked(parsed.GetValue(Address)!),
        Port = PortText.Checked(parsed.GetValue(Port), "--port"),
        GatewayPort = PortText.Checked(gatewayPort, "--gateway-port"),
        Verbose = parsed.GetValue(Output.Verbose),
    };

    private static IPAddress Checked(string address)
        => IPAddress.TryParse(address, out var read) && !read.Equals(IPAddress.Any) && !read.Equals(IPAddress.IPv6Any) ? read
            : throw new VitrineException($"--address is '{address}'; expected the address of this machine that other silos reach, e.g. 10.0.0.7.");
}
