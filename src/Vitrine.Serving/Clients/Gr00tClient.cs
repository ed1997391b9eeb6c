using NetMQ;
using NetMQ.Sockets;
using Vitrine.Policies;
using Vitrine.Serving.Protocols;
using Vitrine.Serving.Wire;

namespace Vitrine.Serving.Clients;

/// <summary>A client of GR00T's protocol.</summary>
public sealed class Gr00tClient : IPolicyClient
{
    private readonly RequestSocket socket;
    private readonly Uri address;
    private readonly string? token;
    private readonly bool extras;
    private readonly Lock gate = new();

    /// <param name="address"><c>tcp://HOST:PORT</c>.</param>
    /// <param name="token">Sent as <c>api_token</c>; none when null.</param>
    /// <param name="extras">Whether Vitrine's own fields are sent.</param>
    public Gr00tClient(Uri address, string? token = null, bool extras = false)
    {
        ArgumentNullException.ThrowIfNull(address);
        (this.address, this.token, this.extras) = (address, token, extras);
        socket = new RequestSocket();
        socket.Options.Linger = TimeSpan.Zero;
        socket.Connect($"tcp://{(address.Host == "localhost" ? "127.0.0.1" : address.Host)}:{address.Port}");
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> Alarms { get; private set; } = [];

    /// <summary>Calls an endpoint.</summary>
    /// <param name="endpoint">Its name.</param>
    /// <param name="data">Its data; none when null.</param>
    /// <param name="cancellation">Gives up; the client is of no further use then.</param>
    /// <exception cref="VitrineException">The server refuses.</exception>
    public Task<object?> CallAsync(string endpoint, WireMap? data = null, CancellationToken cancellation = default) => Task.Run(() =>
    {
        var asked = new WireMap { ["endpoint"] = endpoint };
        if (data is not null)
        {
            asked.Add("data", data);
        }

        if (token is not null)
        {
            asked.Add("api_token", token);
        }

        lock (gate)
        {
            socket.SendFrame(MessageWriter.Write(asked, ArrayForm.Npy));
            byte[]? reply = null;
            while (!socket.TryReceiveFrameBytes(TimeSpan.FromMilliseconds(50), out reply))
            {
                cancellation.ThrowIfCancellationRequested();
            }

            var answer = MessageReader.Read(reply);
            return answer is WireMap map && map["error"] is string error ? throw new VitrineException($"{address}: {error}") : answer;
        }
    }, cancellation);

    /// <inheritdoc/>
    public async Task<IReadOnlyList<double[]>> AskAsync(Observation seen, long? seed = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(seen);
        var data = new WireMap();
        foreach (var (camera, picture) in seen.Cameras)
        {
            data.Add($"video.{camera}", new WireArray(WireDtype.Byte, [1, picture.Height, picture.Width, 3], picture.Rgb));
        }

        foreach (var (name, state) in seen.State)
        {
            data.Add($"state.{name}", WireArray.Of([.. state.Values], WireDtype.Double, 1, state.Values.Count));
        }

        data.Add("annotation.human.action.task_description", new List<object?> { seen.Instruction });
        ClientMessages.AddOwn(data, seed, extras);
        var answer = await CallAsync("get_action", data, cancellation).ConfigureAwait(false);
        var actions = (answer is List<object?> list ? list.FirstOrDefault() : answer) as WireMap
            ?? throw new VitrineException($"{address}: the answer has no actions.");
        Alarms = ClientMessages.Alarms(actions[AnswerFields.Name]);
        var parts = actions.Where(a => a.Key.StartsWith("action.", StringComparison.Ordinal)).Select(a => ClientMessages.Rows(a.Value, "groot")).ToArray();
        return parts.Length > 0 && Array.TrueForAll(parts, p => p.Count == parts[0].Count)
            ? [.. Enumerable.Range(0, parts[0].Count).Select(h => parts.SelectMany(p => p[h]).ToArray())]
            : throw new VitrineException($"{address}: the parts of the action have different numbers of rows, or there is none.");
    }

    /// <inheritdoc/>
    public async Task BeginAsync(CancellationToken cancellation = default)
        => await CallAsync("reset", new WireMap { ["options"] = null }, cancellation).ConfigureAwait(false);

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        socket.Dispose();
        return ValueTask.CompletedTask;
    }
}
