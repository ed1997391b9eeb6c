using System.Net;
using NetMQ;
using NetMQ.Monitoring;
using NetMQ.Sockets;
using Vitrine.Serving.Hosting;

namespace Vitrine.Serving.Protocols;

/// <summary>GR00T's protocol on a ZeroMQ socket. Any number of clients may ask at a time; each waits for its own answer.</summary>
/// <remarks>
/// Before it closes, the socket stays until the last answers are out: NetMQ's linger does not save a large one, so it waits until the clients have gone or
/// until as long has passed as a slow line would take.
/// </remarks>
internal sealed class Gr00tServer : IProtocolServer
{
    private const double SlowLine = 10e6; // bytes a second
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);
    private readonly RouterSocket socket = new();
    private readonly NetMQPoller poller = [];
    private readonly NetMQQueue<NetMQMessage> answers = new();
    private readonly NetMQMonitor monitor;
    private readonly Gr00tProtocol protocol;
    private readonly KeptSessions<Gr00tCaller> callers;
    private readonly CancellationTokenSource stopping = new();
    private int asking, connections;
    private long lastBytes;

    private readonly ServerOptions options;

    private Gr00tServer(PolicyHost host, ServerOptions options, Gr00tProtocol protocol)
    {
        (this.options, this.protocol) = (options, protocol);
        callers = new KeptSessions<Gr00tCaller>(Math.Max(1, host.Options.Sessions / 2), name =>
        {
            var session = host.Open("groot", name);
            return (session, new Gr00tCaller(session, new ObservationReader(host, session, options)));
        });
        socket.Options.MaxMsgSize = options.Limits.MessageBytes;
        socket.Options.Linger = TimeSpan.FromSeconds(5);
        monitor = new NetMQMonitor(socket, $"inproc://vitrine-{Guid.NewGuid():N}", SocketEvents.Accepted | SocketEvents.Disconnected);
        monitor.Accepted += (_, _) => Interlocked.Increment(ref connections);
        monitor.Disconnected += (_, _) => Interlocked.Decrement(ref connections);
        socket.ReceiveReady += (_, _) => Receive();
        answers.ReceiveReady += (_, _) => Send();
    }

    public string Protocol => "groot";

    public Uri Address { get; private set; } = null!;

    /// <summary>Listens.</summary>
    /// <param name="host">What answers.</param>
    /// <param name="port">0 for a free one.</param>
    /// <param name="options">How the server speaks.</param>
    /// <param name="killed">Called where a client with the token asks the server to stop.</param>
    /// <exception cref="VitrineException">The port is taken, or the action keys are not as many as the numbers of an action.</exception>
    public static Gr00tServer Start(PolicyHost host, int port, ServerOptions options, Action? killed)
    {
        var address = Door.Require(options);
        var server = new Gr00tServer(host, options, new Gr00tProtocol(host, options, killed));
        try
        {
            var at = IPAddress.Any.Equals(address) ? "tcp://*" : $"tcp://{address}";
            var bound = port == 0 ? server.socket.BindRandomPort(at) : port;
            if (port != 0)
            {
                server.socket.Bind($"{at}:{port}");
            }

            server.Address = new Uri($"tcp://{(IPAddress.Any.Equals(address) ? "localhost" : address)}:{bound}");
        }
        catch (NetMQException e)
        {
            server.socket.Dispose();
            throw new VitrineException($"serve: groot cannot listen at {options.Host}:{port} ({e.Message}).", e);
        }

        server.poller.Add(server.socket);
        server.poller.Add(server.answers);
        server.monitor.AttachToPoller(server.poller);
        server.poller.RunAsync("groot", isBackgroundThread: true);
        return server;
    }

    public async ValueTask DisposeAsync()
    {
        await stopping.CancelAsync().ConfigureAwait(false);
        await UntilAsync(() => Volatile.Read(ref asking) == 0, TimeSpan.FromSeconds(5)).ConfigureAwait(false);
        var bytes = Interlocked.Read(ref lastBytes);
        await UntilAsync(() => bytes == 0 || Volatile.Read(ref connections) <= 0, Patience + TimeSpan.FromSeconds(bytes / SlowLine)).ConfigureAwait(false);
        monitor.DetachFromPoller();
        poller.Stop();
        monitor.Dispose();
        poller.Dispose();
        answers.Dispose();
        socket.Dispose();
        callers.Dispose();
        stopping.Dispose();
    }

    private static async Task UntilAsync(Func<bool> holds, TimeSpan most)
    {
        for (var began = TimeProvider.System.GetTimestamp(); !holds() && TimeProvider.System.GetElapsedTime(began) < most;)
        {
            await Task.Delay(5).ConfigureAwait(false);
        }
    }

    private void Receive()
    {
        NetMQMessage? message = null;
        while (socket.TryReceiveMultipartMessage(ref message))
        {
            if (message is null || message.FrameCount < 2)
            {
                continue;
            }

            var (identity, body, enveloped) = (message.First.ToByteArray(), message.Last.ToByteArray(), message.FrameCount > 2);
            Interlocked.Increment(ref asking);
            _ = Task.Run(() => AnswerAsync(identity, body, enveloped));
        }
    }

    private async Task AnswerAsync(byte[] identity, byte[] body, bool enveloped)
    {
        byte[] reply;
        try
        {
            reply = await protocol.AnswerAsync(body, callers.Of($"groot-{Convert.ToHexStringLower(identity)}"), stopping.Token).ConfigureAwait(false);
        }
        catch (ServerBusyException e)
        {
            reply = Wire.MessageWriter.Write(new Wire.WireMap { ["error"] = e.Message });
        }
        catch (OperationCanceledException)
        {
            reply = Wire.MessageWriter.Write(new Wire.WireMap { ["error"] = "the server stops." });
        }
        catch (Exception e)
        {
            options.Say?.Invoke($"groot: a request failed in a way that it should not: {e}");
            reply = Wire.MessageWriter.Write(new Wire.WireMap { ["error"] = "the server failed." });
        }

        var answer = new NetMQMessage();
        answer.Append(identity);
        if (enveloped)
        {
            answer.AppendEmptyFrame();
        }

        answer.Append(reply);
        answers.Enqueue(answer);
    }

    private void Send()
    {
        while (answers.TryDequeue(out var answer, TimeSpan.Zero))
        {
            Interlocked.Exchange(ref lastBytes, answer!.Last.MessageSize);
            socket.TrySendMultipartMessage(answer);
            Interlocked.Decrement(ref asking);
        }
    }
}
