using System.Net.WebSockets;

namespace Vitrine.Serving.Tests.Protocols;

/// <summary>A server's end of a WebSocket whose client sends frames of zeros, then its close, and remembers what it was told.</summary>
internal sealed class ScriptedSocket(params int[] frames) : WebSocket
{
    private readonly Queue<int> left = new(frames);

    /// <summary>What the server closed with, and how many frames were left then.</summary>
    public (WebSocketCloseStatus Status, int Left)? Told { get; private set; }

    /// <summary>Whether the client's close was read.</summary>
    public bool IsRead { get; private set; }

    public override WebSocketCloseStatus? CloseStatus => null;

    public override string? CloseStatusDescription => null;

    public override WebSocketState State => Told is null ? WebSocketState.Open : WebSocketState.CloseSent;

    public override string? SubProtocol => null;

    public override void Abort()
    {
    }

    public override Task CloseAsync(WebSocketCloseStatus closeStatus, string? statusDescription, CancellationToken cancellationToken)
        => CloseOutputAsync(closeStatus, statusDescription, cancellationToken);

    public override Task CloseOutputAsync(WebSocketCloseStatus closeStatus, string? statusDescription, CancellationToken cancellationToken)
    {
        Told ??= (closeStatus, left.Count);
        return Task.CompletedTask;
    }

    public override async Task<WebSocketReceiveResult> ReceiveAsync(ArraySegment<byte> buffer, CancellationToken cancellationToken)
    {
        await Task.Yield();
        cancellationToken.ThrowIfCancellationRequested();
        IsRead = left.Count == 0;
        return left.TryDequeue(out var bytes)
            ? new WebSocketReceiveResult(Math.Min(bytes, buffer.Count), WebSocketMessageType.Binary, endOfMessage: false)
            : new WebSocketReceiveResult(0, WebSocketMessageType.Close, endOfMessage: true, WebSocketCloseStatus.NormalClosure, "");
    }

    public override Task SendAsync(ArraySegment<byte> buffer, WebSocketMessageType messageType, bool endOfMessage, CancellationToken cancellationToken)
        => Task.CompletedTask;

    public override void Dispose()
    {
    }
}
