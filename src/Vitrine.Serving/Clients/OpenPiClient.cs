using Vitrine.Policies;
using Vitrine.Serving.Protocols;
using Vitrine.Serving.Wire;

namespace Vitrine.Serving.Clients;

/// <summary>A client of openpi's protocol.</summary>
public sealed class OpenPiClient : IPolicyClient
{
    private readonly SocketClient socket;
    private readonly bool extras;

    private OpenPiClient(SocketClient socket, WireMap metadata, bool extras) => (this.socket, Metadata, this.extras) = (socket, metadata, extras);

    /// <summary>What the server said when the connection opened.</summary>
    public WireMap Metadata { get; }

    /// <inheritdoc/>
    public IReadOnlyList<string> Alarms { get; private set; } = [];

    /// <summary>Connects.</summary>
    /// <param name="address"><c>ws://</c> or <c>wss://</c>.</param>
    /// <param name="token">Shown as openpi's <c>Api-Key</c>; none when null.</param>
    /// <param name="extras">Whether Vitrine's own fields are sent; where the server says that it is one when null.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="VitrineException">Nobody answers there, or it is no such server.</exception>
    public static async Task<OpenPiClient> ConnectAsync(
        Uri address, string? token = null, bool? extras = null, CancellationToken cancellation = default)
    {
        var socket = await SocketClient.ConnectAsync(address, token, cancellation).ConfigureAwait(false);
        try
        {
            var metadata = MessageReader.ReadMap(await socket.ReceiveAsync(cancellation).ConfigureAwait(false));
            return new OpenPiClient(socket, metadata, extras ?? metadata.Has(AnswerFields.Name));
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<double[]>> AskAsync(Observation seen, long? seed = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(seen);
        var map = new WireMap();
        foreach (var (camera, picture) in seen.Cameras)
        {
            map.Add(ClientMessages.CameraKey(camera), picture);
        }

        foreach (var (name, state) in seen.State)
        {
            map.Add($"observation/{name}", ClientMessages.Vector(state));
        }

        map.Add("prompt", seen.Instruction);
        ClientMessages.AddOwn(map, seed, extras);
        var answer = await AskAsync(map, cancellation).ConfigureAwait(false);
        Alarms = ClientMessages.Alarms(answer[AnswerFields.Name]);
        return ClientMessages.Rows(answer["actions"], "openpi");
    }

    /// <summary>Sends any map and gives back the answer.</summary>
    /// <exception cref="VitrineException">The server refuses or has left.</exception>
    public async Task<WireMap> AskAsync(WireMap map, CancellationToken cancellation = default)
    {
        await socket.SendAsync(MessageWriter.Write(map), cancellation).ConfigureAwait(false);
        return MessageReader.ReadMap(await socket.ReceiveAsync(cancellation).ConfigureAwait(false));
    }

    /// <inheritdoc/>
    /// <remarks>openpi's own servers know no episodes; one of Vitrine's is told.</remarks>
    public Task BeginAsync(CancellationToken cancellation = default)
        => extras ? AskAsync(new WireMap { ["endpoint"] = "reset" }, cancellation) : Task.CompletedTask;

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await socket.CloseAsync().ConfigureAwait(false);
        socket.Dispose();
    }
}
