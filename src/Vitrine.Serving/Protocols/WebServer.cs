using System.Net;
using System.Net.WebSockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Vitrine.Serving.Protocols;

/// <summary>One port of Kestrel's: what comes through the door is handed to one protocol.</summary>
internal sealed class WebServer : IProtocolServer
{
    private static readonly TimeSpan ShutDown = TimeSpan.FromSeconds(5);
    private readonly WebApplication app;
    private readonly CancellationTokenSource stopping = new();
    private int open;

    private WebServer(WebApplication app, string protocol) => (this.app, Protocol) = (app, protocol);

    public string Protocol { get; }

    public Uri Address { get; private set; } = null!;

    /// <summary>Cancelled when the server stops, before connections are closed.</summary>
    public CancellationToken Stopping => stopping.Token;

    /// <summary>Listens.</summary>
    /// <param name="protocol">Its name.</param>
    /// <param name="scheme"><c>ws</c> or <c>http</c>, as clients write its address.</param>
    /// <param name="port">0 for a free one.</param>
    /// <param name="options">How.</param>
    /// <param name="handle">What is done with a request that may come in.</param>
    /// <exception cref="VitrineException">The port is taken, or the configuration is broken.</exception>
    public static async Task<WebServer> StartAsync(string protocol, string scheme, int port, ServerOptions options, Func<WebServer, HttpContext, Task> handle)
    {
        var address = Door.Require(options);
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory, Args = [] });
        builder.Configuration.Sources.Clear();
        builder.Logging.ClearProviders();
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        builder.Services.Configure<HostOptions>(o => o.ShutdownTimeout = ShutDown);
        var tls = options.KestrelFile is not null;
        if (tls)
        {
            Configure(builder, options.KestrelFile!);
        }

        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = options.Limits.MessageBytes;
            kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
            kestrel.Limits.MaxConcurrentConnections = 256;
            kestrel.Limits.MaxConcurrentUpgradedConnections = 256;
            kestrel.Listen(address, port, listen =>
            {
                listen.Protocols = HttpProtocols.Http1;
                if (tls)
                {
                    listen.UseHttps();
                }
            });
        });
        var server = new WebServer(builder.Build(), protocol);
        server.app.UseWebSockets(new WebSocketOptions { KeepAliveInterval = TimeSpan.FromSeconds(20) });
        server.app.Run(context => server.HandleAsync(context, options, handle));
        try
        {
            await server.app.StartAsync().ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or InvalidOperationException or System.Security.Cryptography.CryptographicException)
        {
            await server.DisposeAsync().ConfigureAwait(false);
            throw new VitrineException($"serve: {protocol} cannot listen at {options.Host}:{port} ({e.Message}).", e);
        }

        var bound = new Uri(server.app.Urls.First());
        var host = IPAddress.Any.Equals(address) || IPAddress.IPv6Any.Equals(address) ? "localhost" : bound.Host;
        server.Address = new UriBuilder(tls ? $"{scheme}s" : scheme, host, bound.Port).Uri;
        return server;
    }

    /// <summary>Speaks over a request's WebSocket until one side leaves; the end of the server closes with 1001.</summary>
    public async Task ConverseAsync(HttpContext context, Wire.WireLimits limits, ISocketConversation conversation)
    {
        using var socket = await context.WebSockets.AcceptWebSocketAsync().ConfigureAwait(false);
        await using var pump = new SocketPump(socket, limits, Stopping);
        try
        {
            await conversation.RunAsync(pump, Stopping).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (Stopping.IsCancellationRequested)
        {
            // Below.
        }
        catch (Exception e) when (e is OperationCanceledException or WebSocketException or IOException)
        {
            return; // The client has left.
        }

        if (Stopping.IsCancellationRequested)
        {
            await pump.CloseAsync(WebSocketCloseStatus.EndpointUnavailable, "The server stops.").ConfigureAwait(false);
        }
    }

    /// <summary>Answers with text.</summary>
    public static Task WriteAsync(HttpContext context, int status, string type, string body)
    {
        (context.Response.StatusCode, context.Response.ContentType) = (status, type);
        return context.Response.WriteAsync(body);
    }

    public async ValueTask DisposeAsync()
    {
        await stopping.CancelAsync().ConfigureAwait(false);
        for (var waited = 0; Volatile.Read(ref open) > 0 && waited < ShutDown.TotalMilliseconds; waited += 10)
        {
            await Task.Delay(10).ConfigureAwait(false);
        }

        await app.StopAsync().ConfigureAwait(false);
        await app.DisposeAsync().ConfigureAwait(false);
        stopping.Dispose();
    }

    private static void Configure(WebApplicationBuilder builder, string file)
    {
        try
        {
            builder.Configuration.AddJsonFile(Path.GetFullPath(file), optional: false, reloadOnChange: false);
        }
        catch (Exception e) when (e is IOException or FormatException or InvalidDataException or UnauthorizedAccessException)
        {
            throw new VitrineException($"{file}: is no configuration that can be read ({e.Message}).", e);
        }

        builder.WebHost.UseKestrelHttpsConfiguration();
    }

    private async Task HandleAsync(HttpContext context, ServerOptions options, Func<WebServer, HttpContext, Task> handle)
    {
        if (Door.Refusal(context, options) is var (status, why))
        {
            await WriteAsync(context, status, "text/plain; charset=utf-8", $"{why}\n").ConfigureAwait(false);
            return;
        }

        Interlocked.Increment(ref open);
        try
        {
            await handle(this, context).ConfigureAwait(false);
        }
        catch (Microsoft.AspNetCore.Http.BadHttpRequestException e)
        {
            await TryWriteAsync(context, e.StatusCode, e.Message).ConfigureAwait(false);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            context.Abort(); // The client has left.
        }
        catch (Exception e)
        {
            options.Say?.Invoke($"{Protocol}: a request failed in a way that it should not: {e}");
            await TryWriteAsync(context, StatusCodes.Status500InternalServerError, "the server failed").ConfigureAwait(false);
        }
        finally
        {
            Interlocked.Decrement(ref open);
        }
    }

    private static Task TryWriteAsync(HttpContext context, int status, string why)
        => context.Response.HasStarted ? Task.CompletedTask : WriteAsync(context, status, "text/plain; charset=utf-8", $"{why}\n");

    /// <summary>The program that holds the server says when it ends, not the keyboard.</summary>
    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
