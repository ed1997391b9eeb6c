using System.Net.WebSockets;

namespace Vitrine.Serving.Tests;

internal static class Sockets
{
    /// <summary>One whole message.</summary>
    public static async Task<(byte[] Bytes, WebSocketMessageType Type)> ReceiveAsync(WebSocket socket)
    {
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        using var all = new MemoryStream();
        var buffer = new byte[1 << 16];
        while (true)
        {
            var got = await socket.ReceiveAsync(buffer.AsMemory(), late.Token);
            all.Write(buffer, 0, got.Count);
            if (got.EndOfMessage || got.MessageType == WebSocketMessageType.Close)
            {
                return (all.ToArray(), got.MessageType);
            }
        }
    }
}
