using System.Buffers;
using System.Net.WebSockets;
using System.Text;
using System.Threading.Channels;
using Vitrine.Serving.Wire;

namespace Vitrine.Serving.Protocols;

/// <summary>A message of a WebSocket.</summary>
/// <param name="Bytes">All of it.</param>
/// <param name="IsText">Whether it came as text.</param>
internal readonly record struct SocketMessage(ReadOnlyMemory<byte> Bytes, bool IsText);

/// <summary>One WebSocket: a receive is always pending, so that pings are answered and a client that leaves is noticed while the model computes.</summary>
/// <remarks>
/// The end of the server closes with 1001: a receive that is cancelled would abort the connection, so the close is sent beside the pending receive, which then
/// brings the client's own.
/// </remarks>
internal sealed class SocketPump : IAsyncDisposable
{
    /// <summary>Python's websockets refuses longer messages unless it is told otherwise.</summary>
    public const int PythonLimit = 1 << 20;

    private const int MostWaiting = 8;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);
    private readonly WebSocket socket;
    private readonly WireLimits limits;
    private readonly Channel<SocketMessage> messages = Channel.CreateBounded<SocketMessage>(MostWaiting);
    private readonly CancellationTokenSource gone = new();
    private readonly CancellationTokenSource receiving = new();
    private readonly CancellationTokenSource ends;
    private readonly SemaphoreSlim sending = new(1);
    private readonly Task received;
    private bool closed;

    public SocketPump(WebSocket socket, WireLimits limits, CancellationToken stopping)
    {
        (this.socket, this.limits) = (socket, limits);
        ends = CancellationTokenSource.CreateLinkedTokenSource(gone.Token, stopping);
        received = ReceiveAsync();
    }

    /// <summary>Cancelled when the client has left, or the server stops.</summary>
    public CancellationToken Ends => ends.Token;

    /// <summary>Cancelled when the client has left.</summary>
    public CancellationToken Gone => gone.Token;

    /// <summary>The next message; null when there will be none.</summary>
    public async ValueTask<SocketMessage?> NextAsync(CancellationToken cancellation)
    {
        while (await messages.Reader.WaitToReadAsync(cancellation).ConfigureAwait(false))
        {
            if (messages.Reader.TryRead(out var message))
            {
                return message;
            }
        }

        return null;
    }

    /// <summary>Sends one message.</summary>
    public async Task SendAsync(ReadOnlyMemory<byte> bytes, bool isText = false)
    {
        await sending.WaitAsync().ConfigureAwait(false);
        try
        {
            if (!closed && socket.State is WebSocketState.Open or WebSocketState.CloseReceived)
            {
                await socket.SendAsync(bytes, isText ? WebSocketMessageType.Text : WebSocketMessageType.Binary, endOfMessage: true, Gone).ConfigureAwait(false);
            }
        }
        finally
        {
            sending.Release();
        }
    }

    /// <summary>Closes, once, and waits a moment for the client to agree.</summary>
    public async Task CloseAsync(WebSocketCloseStatus status, string reason)
    {
        await SayCloseAsync(status, reason).ConfigureAwait(false);
        await Task.WhenAny(received, Task.Delay(Patience)).ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        await CloseAsync(WebSocketCloseStatus.NormalClosure, "").ConfigureAwait(false);
        await receiving.CancelAsync().ConfigureAwait(false);
        await received.ConfigureAwait(false);
        ends.Dispose();
        gone.Dispose();
        receiving.Dispose();
        sending.Dispose();
    }

    /// <summary>Closes our end, once.</summary>
    private async Task SayCloseAsync(WebSocketCloseStatus status, string reason)
    {
        await sending.WaitAsync().ConfigureAwait(false);
        try
        {
            if (!closed && socket.State is WebSocketState.Open or WebSocketState.CloseReceived)
            {
                using var late = new CancellationTokenSource(Patience);
                await socket.CloseOutputAsync(status, Fit(reason), late.Token).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is WebSocketException or OperationCanceledException or IOException)
        {
            // The client has left: there is nobody to tell.
        }
        finally
        {
            closed = true;
            sending.Release();
        }
    }

    /// <remarks>A reason has at most 123 bytes.</remarks>
    private static string Fit(string reason)
    {
        while (Encoding.UTF8.GetByteCount(reason) > 123)
        {
            reason = reason[..^1];
        }

        return reason;
    }

    private async Task ReceiveAsync()
    {
        try
        {
            while (await MessageAsync().ConfigureAwait(false) is { } message)
            {
                if (!messages.Writer.TryWrite(message))
                {
                    _ = CloseAsync(WebSocketCloseStatus.PolicyViolation, $"more than {MostWaiting} messages wait: send one, and wait for its answer");
                    while (await MessageAsync().ConfigureAwait(false) is not null)
                    {
                        // What still comes is dropped until the client closes.
                    }
                }
            }
        }
        catch (Exception e) when (e is WebSocketException or OperationCanceledException or IOException or ObjectDisposedException)
        {
            // The connection is gone.
        }
        finally
        {
            messages.Writer.TryComplete();
            await gone.CancelAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Drops what still comes until the client closes too; for a moment, since it may never.</summary>
    private async Task DropAsync(byte[] buffer)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(receiving.Token);
        late.CancelAfter(Patience);
        while ((await socket.ReceiveAsync(buffer.AsMemory(), late.Token).ConfigureAwait(false)).MessageType != WebSocketMessageType.Close)
        {
        }
    }

    private async Task<SocketMessage?> MessageAsync()
    {
        var buffer = ArrayPool<byte>.Shared.Rent(1 << 16);
        var length = 0;
        try
        {
            while (true)
            {
                if (length == buffer.Length)
                {
                    var larger = ArrayPool<byte>.Shared.Rent((int)Math.Min(2L * buffer.Length, limits.MessageBytes + 1L));
                    buffer.CopyTo(larger, 0);
                    ArrayPool<byte>.Shared.Return(buffer);
                    buffer = larger;
                }

                var got = await socket.ReceiveAsync(buffer.AsMemory(length), receiving.Token).ConfigureAwait(false);
                if (got.MessageType == WebSocketMessageType.Close)
                {
                    return null;
                }

                length += got.Count;
                if (length > limits.MessageBytes)
                {
                    await SayCloseAsync(WebSocketCloseStatus.MessageTooBig, $"a message has more than {limits.MessageBytes} bytes").ConfigureAwait(false);
                    await DropAsync(buffer).ConfigureAwait(false);
                    return null;
                }

                if (got.EndOfMessage)
                {
                    return new SocketMessage(buffer.AsSpan(0, length).ToArray(), got.MessageType == WebSocketMessageType.Text);
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
