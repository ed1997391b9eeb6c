using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;
using Orleans.Configuration;

namespace Vitrine.Cluster;

/// <summary>A silo: workers that run chunks of any study that they are offered, alone in a process or beside those of other machines.</summary>
/// <remarks>
/// Silos trust each other: whoever reaches a silo's port can have it work, and nothing is encrypted. Let them listen on loopback or in a network of one's own.
/// </remarks>
public sealed class ClusterSilo : IAsyncDisposable
{
    /// <summary>The most bytes of a message; pieces of studies and episodes are far smaller.</summary>
    internal const int LargestMessage = 8 << 20;

    private readonly IHost host;

    private ClusterSilo(IHost host, IPEndPoint endpoint) => (this.host, Endpoint) = (host, endpoint);

    /// <summary>Where other silos reach it.</summary>
    public IPEndPoint Endpoint { get; }

    /// <summary>Ends when the silo does.</summary>
    public Task Ended => host.WaitForShutdownAsync(CancellationToken.None);

    /// <summary>Reaches grains.</summary>
    internal IGrainFactory Grains => host.Services.GetRequiredService<IGrainFactory>();

    /// <summary>Starts a silo, and joins its cluster.</summary>
    /// <param name="open">Opens a study with whoever acts in it.</param>
    /// <param name="workers">Chunks that it runs at a time; 0 for a silo that only drives.</param>
    /// <param name="options">Which cluster it belongs to.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="VitrineException">The database cannot be reached, the port is taken, or the silos that seem alive do not answer.</exception>
    public static async Task<ClusterSilo> StartAsync(
        Func<StudyOrder, OpenedStudy> open, int workers, ClusterOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(open);
        ArgumentOutOfRangeException.ThrowIfNegative(workers);
        options ??= new();
        var connection = options.Postgres is { } postgres ? await MembershipTables.EnsureAsync(postgres, cancellation).ConfigureAwait(false) : null;
        var endpoint = Free(new IPEndPoint(options.Address, options.Port));
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        builder.Services.AddSingleton(_ => new Bench(open, workers));
        builder.Services.AddSingleton(options.Times);
        builder.Services.AddSingleton<WorkerClient>();
        if (options.Verbose)
        {
            builder.Logging.AddSimpleConsole(console => console.SingleLine = true).AddFilter("Orleans", LogLevel.Information);
            builder.Services.Configure<ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        }

        builder.UseOrleans(silo =>
        {
            if (connection is null)
            {
                silo.UseLocalhostClustering(endpoint.Port, options.GatewayPort, endpoint, options.Name, options.Name);
            }
            else
            {
                silo.UseAdoNetClustering((AdoNetClusteringSiloOptions database) => (database.Invariant, database.ConnectionString) = ("Npgsql", connection));
                silo.Configure<Orleans.Configuration.ClusterOptions>(cluster => (cluster.ClusterId, cluster.ServiceId) = (options.Name, options.Name));
            }

            silo.Configure<EndpointOptions>(at =>
            {
                (at.AdvertisedIPAddress, at.SiloPort, at.GatewayPort) = (endpoint.Address, endpoint.Port, options.GatewayPort);
                at.SiloListeningEndpoint = endpoint;
                at.GatewayListeningEndpoint = options.GatewayPort == 0 ? null : new IPEndPoint(endpoint.Address, options.GatewayPort);
            });
            silo.Configure<SiloMessagingOptions>(messages =>
            {
                (messages.ResponseTimeout, messages.SystemResponseTimeout) = (options.Times.Call, options.Times.Call);
                messages.MaxMessageBodySize = LargestMessage;
            });
            silo.Configure<ClusterMembershipOptions>(members =>
            {
                (members.ProbeTimeout, members.IAmAliveTablePublishTimeout) = (options.Times.Probe, options.Times.Alive);
                members.TableRefreshTimeout = TimeSpan.FromSeconds(10);
            });
            silo.AddGrainService<Worker>();
        });

        var host = builder.Build();
        try
        {
            await host.StartAsync(cancellation).ConfigureAwait(false);
            return new ClusterSilo(host, endpoint);
        }
        catch (Exception e)
        {
            await DisposeAsync(host).ConfigureAwait(false);
            if (e is OperationCanceledException && cancellation.IsCancellationRequested)
            {
                throw;
            }

            throw new VitrineException($"silo {endpoint}: cannot start ({e.GetBaseException().Message}).", e);
        }
    }

    /// <summary>Leaves the cluster; chunks that are running are stopped, others will run them.</summary>
    public async ValueTask DisposeAsync()
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        try
        {
            await host.StopAsync(limit.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is OperationCanceledException or OrleansException)
        {
            // The others will see that it is gone.
        }

        await DisposeAsync(host).ConfigureAwait(false);
    }

    private static async Task DisposeAsync(IHost host)
    {
        if (host is IAsyncDisposable asynchronous)
        {
            await asynchronous.DisposeAsync().ConfigureAwait(false);
        }
        else
        {
            host.Dispose();
        }
    }

    /// <summary>Where it is free to listen: a port that was found where none is named.</summary>
    private static IPEndPoint Free(IPEndPoint asked)
    {
        try
        {
            using var probe = new TcpListener(asked);
            probe.Start();
            return (IPEndPoint)probe.LocalEndpoint;
        }
        catch (SocketException e)
        {
            throw new VitrineException(
                $"silo {asked}: cannot listen there ({e.Message}); it needs an address of this machine, and another silo on it needs another port.", e);
        }
    }

    /// <summary>Signals are the program's own business.</summary>
    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
