using Vitrine.Policies;
using Vitrine.Serving.Protocols;
using Vitrine.Serving.Wire;

namespace Vitrine.Serving.Clients;

/// <summary>A client of vla-eval's protocol, version 1: what its benchmarks are.</summary>
public sealed class VlaEvalClient : IPolicyClient
{
    private readonly SocketClient socket;
    private bool extras;
    private long seq;

    private VlaEvalClient(SocketClient socket) => this.socket = socket;

    /// <summary>What the server said in its hello.</summary>
    public WireMap Hello { get; private set; } = [];

    /// <inheritdoc/>
    public IReadOnlyList<string> Alarms { get; private set; } = [];

    /// <summary>Connects and says hello.</summary>
    /// <param name="address"><c>ws://</c> or <c>wss://</c>.</param>
    /// <param name="token">None when null.</param>
    /// <param name="extras">Whether Vitrine's own fields are sent; where the server says that it is one when null.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="VitrineException">Nobody answers there, or it is no such server.</exception>
    public static async Task<VlaEvalClient> ConnectAsync(
        Uri address, string? token = null, bool? extras = null, CancellationToken cancellation = default)
    {
        var client = new VlaEvalClient(await SocketClient.ConnectAsync(address, token, cancellation).ConfigureAwait(false));
        try
        {
            client.Hello = await client.SayAsync(
                "hello", new WireMap { ["harness_version"] = "vitrine", ["protocol_version"] = 1L }, "hello", cancellation).ConfigureAwait(false);
            client.extras = extras ?? (client.Hello["capabilities"] as WireMap)?.Has(AnswerFields.Name) == true;
            return client;
        }
        catch
        {
            client.socket.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<double[]>> AskAsync(Observation seen, long? seed = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(seen);
        var images = new WireMap();
        foreach (var (camera, picture) in seen.Cameras)
        {
            images.Add(camera, picture);
        }

        var payload = new WireMap { ["images"] = images, ["task_description"] = seen.Instruction };
        if (seen.State.Count == 1)
        {
            payload.Add("states", ClientMessages.Vector(seen.State.Values.First()));
        }
        else
        {
            foreach (var (name, state) in seen.State)
            {
                payload.Add(name, ClientMessages.Vector(state));
            }
        }

        ClientMessages.AddOwn(payload, seed, extras);
        var action = await SayAsync("observation", payload, "action", cancellation).ConfigureAwait(false);
        Alarms = ClientMessages.Alarms(action[AnswerFields.Name]);
        return ClientMessages.Rows(action["actions"], "vla-eval");
    }

    /// <inheritdoc/>
    public async Task BeginAsync(CancellationToken cancellation = default)
        => await SayAsync("episode_start", new WireMap { ["task"] = new WireMap() }, null, cancellation).ConfigureAwait(false);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await socket.CloseAsync().ConfigureAwait(false);
        socket.Dispose();
    }

    private async Task<WireMap> SayAsync(string type, WireMap payload, string? expected, CancellationToken cancellation)
    {
        var number = ++seq;
        var time = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() / 1000.0;
        await socket.SendAsync(
            MessageWriter.Write(new WireMap { ["type"] = type, ["payload"] = payload, ["seq"] = number, ["timestamp"] = time }, ArrayForm.TextKeys),
            cancellation).ConfigureAwait(false);
        if (expected is null)
        {
            return [];
        }

        var answer = MessageReader.ReadMap(await socket.ReceiveAsync(cancellation).ConfigureAwait(false));
        return (answer["type"], answer["payload"]) switch
        {
            (string got, WireMap said) when got == expected && answer["seq"] is long n && n == number => said,
            ("error", WireMap said) => throw new VitrineException($"vla-eval: the server refuses: {said["error"]}"),
            var (got, _) => throw new VitrineException($"vla-eval: '{got}' {answer["seq"]} came; expected '{expected}' {number}."),
        };
    }
}
