using System.Net.WebSockets;
using Vitrine.Serving.Wire;

namespace Vitrine.Serving.Clients;

/// <summary>A client's end of a WebSocket: one message out, one message in.</summary>
internal sealed class SocketClient : IDisposable
{
    private readonly ClientWebSocket socket = new();
    private readonly Uri address;

    private SocketClient(Uri address, string? token)
    {
        this.address = address;
        if (token is not null)
        {
            socket.Options.SetRequestHeader("Authorization", $"Api-Key {token}");
        }
    }

    public static async Task<SocketClient> ConnectAsync(Uri address, string? token, CancellationToken cancellation)
    {
        var client = new SocketClient(address, token);
        try
        {
            await client.socket.ConnectAsync(address, cancellation).ConfigureAwait(false);
            return client;
        }
        catch (WebSocketException e)
        {
            client.Dispose();
            throw new VitrineException($"{address}: cannot be connected to ({e.InnerException?.Message ?? e.Message}).", e);
        }
    }

    public async Task SendAsync(byte[] message, CancellationToken cancellation)
    {
        try
        {
            await socket.SendAsync(message, WebSocketMessageType.Binary, true, cancellation).ConfigureAwait(false);
        }
        catch (WebSocketException e)
        {
            throw new VitrineException($"{address}: the server has left ({e.Message}).", e);
        }
    }

    /// <summary>One message; a text is an error that the server tells.</summary>
    public async Task<ReadOnlyMemory<byte>> ReceiveAsync(CancellationToken cancellation)
    {
        using var all = new MemoryStream();
        var buffer = new byte[1 << 16];
        while (true)
        {
            ValueWebSocketReceiveResult got;
            try
            {
                got = await socket.ReceiveAsync(buffer.AsMemory(), cancellation).ConfigureAwait(false);
            }
            catch (WebSocketException e)
            {
                throw new VitrineException($"{address}: the server has left ({e.Message}).", e);
            }

            if (got.MessageType == WebSocketMessageType.Close)
            {
                throw new VitrineException($"{address}: the server has closed ({(int?)socket.CloseStatus} {socket.CloseStatusDescription}).");
            }

            all.Write(buffer, 0, got.Count);
            if (all.Length > WireLimits.Default.MessageBytes)
            {
                throw new VitrineException($"{address}: an answer has more than {WireLimits.Default.MessageBytes} bytes.");
            }

            if (got.EndOfMessage)
            {
                var message = all.GetBuffer().AsMemory(0, (int)all.Length);
                return got.MessageType == WebSocketMessageType.Binary ? message
                    : throw new VitrineException($"{address}: {System.Text.Encoding.UTF8.GetString(message.Span)}");
            }
        }
    }

    /// <summary>Says goodbye where the server still listens.</summary>
    public async Task CloseAsync()
    {
        try
        {
            using var late = new CancellationTokenSource(TimeSpan.FromSeconds(2));
            if (socket.State == WebSocketState.Open)
            {
                await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, "", late.Token).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is WebSocketException or OperationCanceledException)
        {
            // The server has left already.
        }
    }

    public void Dispose() => socket.Dispose();
}
