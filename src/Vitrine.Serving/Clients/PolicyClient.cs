using System.Net.Sockets;
using Vitrine.Serving.Protocols;

namespace Vitrine.Serving.Clients;

/// <summary>How a server is reached.</summary>
/// <param name="Protocol">One of <see cref="PolicyServer.Protocols"/>.</param>
/// <param name="Address">Where, as the protocol's clients write it.</param>
public sealed record ServerAddress(string Protocol, Uri Address)
{
    /// <summary>Shown to the server; none when null.</summary>
    public string? Token { get; init; }

    /// <summary>OpenVLA's <c>unnorm_key</c>; the server's choice when null.</summary>
    public string? Units { get; init; }

    /// <summary>Whether Vitrine's own fields are sent; where the server says that it is one when null.</summary>
    public bool? Extras { get; init; }
}

/// <summary>Connects to policy servers.</summary>
public static class PolicyClient
{
    /// <summary>How long a server may say nothing when it is first spoken to: one of another protocol says nothing ever.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>Connects: one session.</summary>
    /// <param name="server">Where.</param>
    /// <param name="session">Its name, where the protocol can say one; the server's choice when null.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="VitrineException">There is no such protocol, or nobody answers within 30 seconds.</exception>
    public static Task<IPolicyClient> ConnectAsync(ServerAddress server, string? session = null, CancellationToken cancellation = default)
        => ConnectAsync(server, session, Patience, cancellation);

    internal static async Task<IPolicyClient> ConnectAsync(ServerAddress server, string? session, TimeSpan patience, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(server);
        using var late = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        late.CancelAfter(patience);
        try
        {
            return await GreetedAsync(server, session, late.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (!cancellation.IsCancellationRequested)
        {
            throw new VitrineException(
                $"{server.Address}: listens and says nothing to {server.Protocol} in {patience.TotalSeconds} s; is it a server of another protocol?", e);
        }
    }

    private static async Task<IPolicyClient> GreetedAsync(ServerAddress server, string? session, CancellationToken cancellation)
    {
        switch (server.Protocol)
        {
            case "openpi":
                return await OpenPiClient.ConnectAsync(server.Address, server.Token, server.Extras, cancellation).ConfigureAwait(false);
            case "vla-eval":
                return await VlaEvalClient.ConnectAsync(server.Address, server.Token, server.Extras, cancellation).ConfigureAwait(false);
            case "openvla" or "oft":
                return new RestClient(server.Address, server.Protocol == "oft", server.Units, server.Token, server.Extras ?? false, session);
            default:
                PolicyServer.PortOf(server.Protocol);
                await RequireListenerAsync(server.Address, cancellation).ConfigureAwait(false);
                var client = new Gr00tClient(server.Address, server.Token, server.Extras ?? false);
                try
                {
                    await client.CallAsync("ping", cancellation: cancellation).ConfigureAwait(false);
                    return client;
                }
                catch
                {
                    await client.DisposeAsync().ConfigureAwait(false);
                    throw;
                }
        }
    }

    /// <remarks>ZeroMQ waits without a word for somebody who listens.</remarks>
    private static async Task RequireListenerAsync(Uri address, CancellationToken cancellation)
    {
        try
        {
            using var tried = new TcpClient();
            await tried.ConnectAsync(address.Host, address.Port, cancellation).ConfigureAwait(false);
        }
        catch (SocketException e)
        {
            throw new VitrineException($"{address}: cannot be connected to ({e.Message}).", e);
        }
    }
}
