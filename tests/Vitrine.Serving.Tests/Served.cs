using Vitrine.Policies;
using Vitrine.Serving.Clients;
using Vitrine.Serving.Hosting;
using Vitrine.Serving.Protocols;
using Vitrine.Worlds;
using Vitrine.Worlds.Tabletop;

namespace Vitrine.Serving.Tests;

/// <summary>A policy of the house, served on free loopback ports, and the same policy beside it.</summary>
internal sealed class Served : IAsyncDisposable
{
    private readonly List<IProtocolServer> servers = [];

    public Served(string name, HostOptions? options = null, ServedReading? reading = null)
    {
        Policy = Policy.Open(name);
        Host = new PolicyHost(new ServedPolicy(Policy, reading, owns: false), options);
    }

    public Policy Policy { get; }

    public PolicyHost Host { get; }

    public static IReadOnlyList<string> Names { get; } = ["embedded:tabletop", "embedded:tabletop-flow"];

    /// <summary>Observations of the world that both policies know, of several tasks.</summary>
    public static Observation[] Observations(int count)
    {
        var world = new TabletopWorld();
        return [.. Enumerable.Range(0, count).Select(i =>
        {
            world.Reset(new LayoutKey(7, LayoutSplit.Test, world.Tasks[i % world.Tasks.Count], i));
            return world.Observe();
        })];
    }

    public async Task<ServerAddress> StartAsync(string protocol, ServerOptions? options = null)
    {
        var server = await PolicyServer.StartAsync(Host, protocol, 0, options);
        servers.Add(server);
        return new ServerAddress(protocol, server.Address) { Extras = true };
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var server in servers)
        {
            await server.DisposeAsync();
        }

        Host.Dispose();
        Policy.Dispose();
    }
}
