using System.Net.WebSockets;
using System.Text;
using Vitrine.Serving.Hosting;
using Vitrine.Serving.Wire;

namespace Vitrine.Serving.Protocols;

/// <summary>openpi's protocol: metadata when the client connects, then an observation and its actions, one after the other.</summary>
/// <remarks>
/// What unmodified clients rely on: one binary frame of metadata first; answers with <c>actions</c> and timings; an error as a text frame, then 1011. The text
/// is one line and no traceback. vLLM-Omni's <c>endpoint: reset</c> and <c>seed</c> are understood.
/// </remarks>
internal sealed class OpenPiConversation(PolicyHost host, HostSession session, ServerOptions options) : ISocketConversation
{
    private readonly ObservationReader reader = new(host, session, options);
    private readonly TimeProvider clock = host.Options.Time ?? TimeProvider.System;
    private double? previous;
    private bool warned;

    public async Task RunAsync(SocketPump pump, CancellationToken stopping)
    {
        await pump.SendAsync(MessageWriter.Write(options.Metadata ?? new WireMap { [AnswerFields.Name] = AnswerFields.About(host, options) }))
            .ConfigureAwait(false);
        while (await pump.NextAsync(stopping).ConfigureAwait(false) is { } message)
        {
            var began = clock.GetTimestamp();
            try
            {
                var reply = await ReplyAsync(message, pump, began).ConfigureAwait(false);
                if (reply.Length > SocketPump.PythonLimit && !warned)
                {
                    warned = true;
                    options.Say?.Invoke($"{session.Name}: the answer has {reply.Length} bytes; Python's websockets refuses more than {SocketPump.PythonLimit} "
                        + "unless it is opened with max_size=None, as openpi's client does.");
                }

                await pump.SendAsync(reply).ConfigureAwait(false);
            }
            catch (VitrineException e) when (!stopping.IsCancellationRequested)
            {
                await pump.SendAsync(Encoding.UTF8.GetBytes(e.Message), isText: true).ConfigureAwait(false);
                var busy = e is ServerBusyException;
                await pump.CloseAsync(
                    busy ? (WebSocketCloseStatus)1013 : WebSocketCloseStatus.InternalServerError,
                    busy ? "Busy: the previous frame says why." : "Internal server error. The previous frame says why.").ConfigureAwait(false);
                return;
            }

            previous = clock.GetElapsedTime(began).TotalMilliseconds;
        }
    }

    /// <summary>The answer's bytes.</summary>
    /// <param name="answer">What the model said.</param>
    /// <param name="options">How the server speaks.</param>
    /// <param name="milliseconds">From the message to here.</param>
    /// <param name="previous">The last round trip; null in the first.</param>
    /// <param name="wanted">Whether the client asked for Vitrine's own field.</param>
    /// <param name="textKeys">Whether the keys of arrays are text.</param>
    public static byte[] Reply(ServedAnswer answer, ServerOptions options, double milliseconds, double? previous, bool wanted, bool textKeys)
    {
        var timing = new WireMap { ["infer_ms"] = milliseconds };
        if (previous is { } last)
        {
            timing.Add("prev_total_ms", last);
        }

        var reply = new WireMap
        {
            ["actions"] = AnswerFields.Array(AnswerFields.Rows(answer, options), options),
            ["policy_timing"] = new WireMap { ["infer_ms"] = answer.ModelMilliseconds },
            ["server_timing"] = timing,
        };
        if (AnswerFields.Of(answer, wanted) is { } field)
        {
            reply.Add(AnswerFields.Name, field);
        }

        return MessageWriter.Write(reply, textKeys ? ArrayForm.TextKeys : ArrayForm.BinaryKeys);
    }

    private async Task<byte[]> ReplyAsync(SocketMessage message, SocketPump pump, long began)
    {
        if (message.IsText)
        {
            throw new WireException("a text frame came; an observation is one binary frame of msgpack.");
        }

        var map = MessageReader.ReadMap(message.Bytes, options.Limits);
        if (map["endpoint"] is "reset")
        {
            session.EndEpisode();
            return MessageWriter.Write(new WireMap { ["status"] = "reset successful" });
        }

        var answer = await session.AskAsync(reader.Read(map, began), pump.Ends).ConfigureAwait(false);
        return Reply(answer, options, clock.GetElapsedTime(began).TotalMilliseconds, previous, ObservationReader.WantsReport(map),
            options.TextKeys || map[ObservationReader.TextKeys] is true);
    }
}
