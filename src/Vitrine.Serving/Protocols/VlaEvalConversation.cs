using Vitrine.Serving.Hosting;
using Vitrine.Serving.Wire;

namespace Vitrine.Serving.Protocols;

/// <summary>vla-eval's protocol, version 1: the benchmark connects to the model and sends frames of type, payload, seq and timestamp.</summary>
/// <remarks>
/// One observation is answered with one action: rows of a chunk are kept and given one by one, until as many are spent as the policy carries out. An error is
/// a frame, and the connection stays.
/// </remarks>
internal sealed class VlaEvalConversation(PolicyHost host, HostSession session, ServerOptions options) : ISocketConversation
{
    private const long Version = 1;
    private static readonly string[] Types = ["hello", "observation", "action", "episode_start", "episode_end", "error"];
    private readonly ObservationReader reader = new(host, session, options);
    private readonly TimeProvider clock = host.Options.Time ?? TimeProvider.System;
    private readonly Queue<IReadOnlyList<double>> rows = new();

    public async Task RunAsync(SocketPump pump, CancellationToken stopping)
    {
        while (await pump.NextAsync(stopping).ConfigureAwait(false) is { } message)
        {
            var (came, frame) = (clock.GetTimestamp(), (WireMap?)null);
            try
            {
                frame = Frame(message, options.Limits);
                if (await PayloadAsync(frame, came, pump.Ends).ConfigureAwait(false) is var (type, payload))
                {
                    await pump.SendAsync(Written(type, payload, frame["seq"])).ConfigureAwait(false);
                }
            }
            catch (VitrineException e) when (!stopping.IsCancellationRequested)
            {
                var what = frame?["type"] is "observation" ? "observation_failed: ValueError: " : "";
                await pump.SendAsync(Written("error", new WireMap { ["error"] = what + e.Message }, frame?["seq"] ?? 0L)).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Reads a frame.</summary>
    /// <exception cref="WireException">A field is missing, or the type is unknown.</exception>
    public static WireMap Frame(SocketMessage message, WireLimits limits)
    {
        var frame = message.IsText ? throw new WireException("a text frame came; frames are binary.") : MessageReader.ReadMap(message.Bytes, limits);
        string[] missing = [.. new[] { "type", "payload", "seq", "timestamp" }.Where(k => !frame.Has(k))];
        return missing.Length > 0
            ? throw new WireException($"frame: lacks {string.Join(", ", missing)}; it has {string.Join(", ", frame.Keys)}.")
            : frame["type"] is string type && Types.Contains(type) ? frame
            : throw new WireException($"frame: the type is '{frame["type"]}'; known are {string.Join(", ", Types)}.");
    }

    private byte[] Written(string type, WireMap payload, object? seq)
        => MessageWriter.Write(
            new WireMap { ["type"] = type, ["payload"] = payload, ["seq"] = seq, ["timestamp"] = clock.GetUtcNow().ToUnixTimeMilliseconds() / 1000.0 },
            ArrayForm.TextKeys);

    private async Task<(string Type, WireMap Payload)?> PayloadAsync(WireMap frame, long came, CancellationToken gone)
    {
        var payload = frame["payload"] as WireMap ?? throw new WireException("frame: its payload is no map.");
        switch (frame["type"])
        {
            case "hello":
                return payload["protocol_version"] is long and not Version
                    ? throw new WireException($"hello: protocol version {payload["protocol_version"]}; this server speaks {Version}.")
                    : ("hello", Hello(payload));
            case "episode_start":
                session.EndEpisode();
                rows.Clear();
                return null;
            case "episode_end":
                session.EndEpisode((payload["metrics"] as WireMap)?["success"] as bool?);
                rows.Clear();
                return null;
            case "observation":
                return ("action", await ActionAsync(payload, came, gone).ConfigureAwait(false));
            case var type:
                throw new WireException($"frame: a client sends no '{type}'.");
        }
    }

    private async Task<WireMap> ActionAsync(WireMap payload, long came, CancellationToken gone)
    {
        var request = reader.Read(payload, came);
        ServedAnswer? answer = null;
        if (rows.Count == 0 || request is not { Edits: null, Seed: null, Noise: null })
        {
            answer = await session.AskAsync(request, gone).ConfigureAwait(false);
            rows.Clear();
            foreach (var row in AnswerFields.Rows(answer, options).Take(host.Model.ActionSteps))
            {
                rows.Enqueue(row);
            }
        }

        var action = new WireMap { ["actions"] = AnswerFields.Row(rows.Dequeue(), options) };
        if (answer is not null && AnswerFields.Of(answer, ObservationReader.WantsReport(payload)) is { } field)
        {
            action.Add(AnswerFields.Name, field);
        }

        return action;
    }

    private WireMap Hello(WireMap asked)
    {
        var hello = new WireMap
        {
            ["harness_version"] = asked["harness_version"] as string ?? "",
            ["protocol_version"] = Version,
            ["model_server"] = host.Model.Name,
            ["capabilities"] = options.Spec is null ? new WireMap { [AnswerFields.Name] = AnswerFields.About(host, options) } : new WireMap(),
        };
        var needs = host.Model.Needs;
        foreach (var (key, value) in options.Spec ?? new WireMap
        {
            ["observation_params"] = new WireMap
            {
                ["send_wrist_image"] = needs.Cameras.Count != 1 && !needs.ReadsOnePicture,
                ["send_state"] = needs.StateWidth > 0,
            },
        })
        {
            hello.Add(key, value);
        }

        return hello;
    }
}
