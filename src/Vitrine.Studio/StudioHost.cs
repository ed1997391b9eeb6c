using System.Net;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Vitrine.Serving.Live;
using Vitrine.Studio.Hosting;
using Vitrine.Studio.Models;
using Vitrine.Studio.Parts;
using Vitrine.Studio.Served;
using Vitrine.Studio.Work;

namespace Vitrine.Studio;

/// <summary>The studio while it is served: one process, on the loopback address alone, for whoever holds the token.</summary>
/// <remarks>
/// Everything that the browser asks for comes out of this library: pages, style sheets and scripts, the framework's too. Nothing is fetched from elsewhere.
/// </remarks>
public sealed class StudioHost : IAsyncDisposable
{
    private readonly WebApplication program;

    private readonly string? served;

    private StudioHost(WebApplication program, Uri address, string token, string? served)
        => (this.program, Address, Token, this.served) = (program, address, token, served);

    /// <summary>Where it is served, without the token: <c>http://127.0.0.1:PORT/</c>.</summary>
    public Uri Address { get; }

    /// <summary>What a browser shows once to be let in.</summary>
    public string Token { get; }

    /// <summary>The address to open: it holds the token, and leads to the served policy where one was named.</summary>
    public Uri Entrance => new(Address, served is null
        ? $"?{Gate.Key}={Token}"
        : PageAddress.Of($"/{ServedAddress.Page}").With((ServedAddress.Key, served), (Gate.Key, Token)));

    /// <summary>Starts a studio.</summary>
    /// <param name="options">How.</param>
    /// <param name="cancellation">Stops the start.</param>
    /// <exception cref="VitrineException">The port is taken, or <see cref="StudioOptions.Connect"/> is no address of this machine.</exception>
    public static async Task<StudioHost> StartAsync(StudioOptions options, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        var served = options.Connect is { } connect ? ServedAddress.Of(connect) : null;
        var tokens = new ServedTokens();
        if (served is not null)
        {
            tokens[served] = options.ConnectToken;
        }

        var token = options.Token ?? Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ApplicationName = typeof(StudioHost).Assembly.GetName().Name });
        builder.WebHost.UseKestrelCore().ConfigureKestrel(k =>
        {
            k.AddServerHeader = false;
            k.Listen(IPAddress.Loopback, options.Port, l => l.Protocols = HttpProtocols.Http1);
        });
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        builder.Services.AddRoutingCore();
        builder.Services.AddDataProtection().UseEphemeralDataProtectionProvider();
        builder.Services.AddRazorComponents().AddInteractiveServerComponents(c => c.DetailedErrors = true)
            .AddHubOptions(h => h.MaximumReceiveMessageSize = 32 * 1024 * 1024);
        builder.Services.AddSingleton(new OpenModels(options.Models));
        builder.Services.AddSingleton(new Workplace(options.Work));
        builder.Services.AddSingleton<StudyQueue>();
        builder.Services.AddSingleton(tokens);
        var program = builder.Build();
        program.UseMiddleware<Gate>(token);
        program.UseWebSockets();
        program.UseRouting();
        program.UseAntiforgery();
        StudioAssets.Map(program);
        program.MapRazorComponents<App>().AddInteractiveServerRenderMode();
        try
        {
            await program.StartAsync(cancellation).ConfigureAwait(false);
        }
        catch (IOException e)
        {
            await program.DisposeAsync().ConfigureAwait(false);
            throw new VitrineException($"studio: port {options.Port} of the loopback address cannot be taken ({e.Message}); name another with --port.", e);
        }

        var address = program.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        return new StudioHost(program, new Uri(address), token, served);
    }

    /// <summary>Opens the models that were named, one behind the other, so that a page need not wait for them.</summary>
    /// <param name="cancellation">Stops between models.</param>
    /// <exception cref="VitrineException">One cannot be opened; it is named.</exception>
    public async Task OpenAsync(CancellationToken cancellation = default)
    {
        foreach (var model in program.Services.GetRequiredService<OpenModels>().All)
        {
            cancellation.ThrowIfCancellationRequested();
            await Task.Run(() => model.Model, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Asks the served policy of <see cref="StudioOptions.Connect"/> once.</summary>
    /// <param name="cancellation">Gives up.</param>
    /// <returns>Why it is not there, in one line; null where it is, and where none was named.</returns>
    public async Task<string?> ConnectionProblemAsync(CancellationToken cancellation = default)
    {
        if (served is null)
        {
            return null;
        }

        try
        {
            using var client = new LiveClient(served, program.Services.GetRequiredService<ServedTokens>()[served], TimeSpan.FromSeconds(3));
            await client.StateAsync(cancellation).ConfigureAwait(false);
            return null;
        }
        catch (VitrineException e)
        {
            return e.Message;
        }
    }

    /// <summary>Serves until it is cancelled.</summary>
    /// <param name="cancellation">Ends it.</param>
    public async Task RunAsync(CancellationToken cancellation)
    {
        try
        {
            await Task.Delay(Timeout.Infinite, cancellation).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            await program.StopAsync(CancellationToken.None).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync() => await program.DisposeAsync().ConfigureAwait(false);
}
