using System.Globalization;
using Microsoft.AspNetCore.Http;
using Vitrine.Serving.Hosting;
using Vitrine.Serving.Wire;

namespace Vitrine.Serving.Protocols;

/// <summary>Starts the protocols in which a host's model is served.</summary>
public static class PolicyServer
{
    private const string Json = "application/json", Text = "text/plain; charset=utf-8";

    private static readonly (string Name, int Port)[] Known = [("openpi", 8000), ("vla-eval", 8000), ("openvla", 8000), ("oft", 8777), ("groot", 5555)];

    /// <summary>Names of the protocols.</summary>
    public static IReadOnlyList<string> Protocols => [.. Known.Select(k => k.Name)];

    /// <summary>The port that a protocol's clients dial where they are told none.</summary>
    /// <exception cref="VitrineException">There is no such protocol.</exception>
    public static int PortOf(string protocol) => Known.Where(k => k.Name == protocol).Select(k => k.Port).FirstOrDefault() is > 0 and var port ? port
        : throw new VitrineException($"serve: there is no protocol '{protocol}'; known are {string.Join(", ", Protocols)}. "
            + $"Nearest: {Nearest.Of(protocol, Protocols)}.");

    /// <summary>Listens.</summary>
    /// <param name="host">What answers; stays the caller's, and must outlive the server.</param>
    /// <param name="protocol">One of <see cref="Protocols"/>.</param>
    /// <param name="port">0 for a free one; the protocol's own when null.</param>
    /// <param name="options">How.</param>
    /// <param name="killed">Called where a client with the token asks the server to stop (GR00T's <c>kill</c>).</param>
    /// <exception cref="VitrineException">There is no such protocol, the port is taken, or others could reach it and there is no token.</exception>
    public static async Task<IProtocolServer> StartAsync(
        PolicyHost host, string protocol, int? port = null, ServerOptions? options = null, Action? killed = null)
    {
        ArgumentNullException.ThrowIfNull(host);
        options ??= new ServerOptions();
        var at = port ?? PortOf(protocol);
        switch (protocol)
        {
            case "openpi":
                return await WebServer.StartAsync(protocol, "ws", at, options, (server, context) => OpenPiAsync(server, context, host, options))
                    .ConfigureAwait(false);
            case "vla-eval":
                return await WebServer.StartAsync(protocol, "ws", at, options, (server, context) => VlaEvalAsync(server, context, host, options))
                    .ConfigureAwait(false);
            case "openvla" or "oft":
                var sessions = new KeptSessions<RestProtocol>(Math.Max(1, host.Options.Sessions / 2), name =>
                {
                    var session = host.Open(protocol, name);
                    if (name != protocol)
                    {
                        session.Call(name[(protocol.Length + 1)..]);
                    }

                    return (session, new RestProtocol(host, session, options));
                });
                var rest = await WebServer.StartAsync(
                    protocol, "http", at, options, (_, context) => RestAsync(context, protocol, host, sessions, options)).ConfigureAwait(false);
                rest.Stopping.Register(sessions.Dispose);
                return rest;
            default:
                PortOf(protocol);
                return Gr00tServer.Start(host, at, options, killed);
        }
    }

    private static async Task OpenPiAsync(WebServer server, HttpContext context, PolicyHost host, ServerOptions options)
    {
        if (!context.WebSockets.IsWebSocketRequest)
        {
            await PlainAsync(context, ("/healthz", Text, "OK\n")).ConfigureAwait(false);
            return;
        }

        await ConverseAsync(server, context, host, options, session => new OpenPiConversation(host, session, options)).ConfigureAwait(false);
    }

    private static async Task VlaEvalAsync(WebServer server, HttpContext context, PolicyHost host, ServerOptions options)
    {
        if (!context.WebSockets.IsWebSocketRequest)
        {
            if (context.Request.Path == "/config")
            {
                var (status, body) = Config(context.Request, host);
                await WebServer.WriteAsync(context, status, Text, body).ConfigureAwait(false);
                return;
            }

            await PlainAsync(context, ("/health", Json, "{\"status\": \"ok\"}\n"), ("/healthz", Text, "OK\n")).ConfigureAwait(false);
            return;
        }

        await ConverseAsync(server, context, host, options, session => new VlaEvalConversation(host, session, options)).ConfigureAwait(false);
    }

    private static async Task RestAsync(HttpContext context, string protocol, PolicyHost host, KeptSessions<RestProtocol> sessions, ServerOptions options)
    {
        if (context.Request.Path != "/act" || !HttpMethods.IsPost(context.Request.Method))
        {
            var about = NumpyJson.WritePython(new WireMap { ["status"] = "ok", [AnswerFields.Name] = AnswerFields.About(host, options) }) + "\n";
            await PlainAsync(context, ("/health", Json, about), ("/healthz", Text, "OK\n")).ConfigureAwait(false);
            return;
        }

        try
        {
            if (context.Request.ContentLength > options.Limits.MessageBytes)
            {
                throw new WireException($"message: {context.Request.ContentLength} bytes; at most {options.Limits.MessageBytes} are read.");
            }

            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body, context.RequestAborted).ConfigureAwait(false);
            var name = context.Request.Headers["X-Vitrine-Session"] is [{ Length: > 0 and <= 64 } said] ? $"{protocol}:{said}" : protocol;
            var (reply, answer) = await sessions.Of(name).ActAsync(body.GetBuffer().AsMemory(0, (int)body.Length), context.RequestAborted)
                .ConfigureAwait(false);
            if (answer.Alarms.Count > 0)
            {
                context.Response.Headers["X-Vitrine-Alarm"] = Ascii(string.Join("; ", answer.Alarms));
            }

            context.Response.ContentType = Json;
            context.Response.ContentLength = reply.Length;
            await context.Response.Body.WriteAsync(reply, context.RequestAborted).ConfigureAwait(false);
        }
        catch (VitrineException e)
        {
            context.Response.Headers["X-Vitrine-Error"] = Ascii(e.Message);
            var status = e switch
            {
                ServerBusyException => StatusCodes.Status503ServiceUnavailable,
                HostFailure => StatusCodes.Status500InternalServerError,
                _ => StatusCodes.Status400BadRequest,
            };
            await WebServer.WriteAsync(context, status, Json, "\"error\"").ConfigureAwait(false);
        }
    }

    /// <summary>Speaks in a session of its own; where there are too many, that is said before the socket opens.</summary>
    private static async Task ConverseAsync(
        WebServer server, HttpContext context, PolicyHost host, ServerOptions options, Func<HostSession, ISocketConversation> speak)
    {
        HostSession session;
        try
        {
            session = host.Open(server.Protocol);
        }
        catch (ServerBusyException e)
        {
            await WebServer.WriteAsync(context, StatusCodes.Status503ServiceUnavailable, Text, $"{e.Message}\n").ConfigureAwait(false);
            return;
        }

        using (session)
        {
            await server.ConverseAsync(context, options.Limits, speak(session)).ConfigureAwait(false);
        }
    }

    private static Task PlainAsync(HttpContext context, params (string Path, string Type, string Body)[] pages)
        => Array.Find(pages, p => context.Request.Path == p.Path) is { Path: not null } page
            ? HttpMethods.IsGet(context.Request.Method) || HttpMethods.IsHead(context.Request.Method)
                ? WebServer.WriteAsync(context, StatusCodes.Status200OK, page.Type, page.Body)
                : WebServer.WriteAsync(context, StatusCodes.Status405MethodNotAllowed, Text, "only GET is answered here\n")
            : WebServer.WriteAsync(context, StatusCodes.Status404NotFound, Text, $"there is no {context.Request.Path}\n");

    /// <summary>vla-eval's way to ask for another number of requests a pass, within what the server was started for.</summary>
    private static (int Status, string Body) Config(HttpRequest request, PolicyHost host)
    {
        const string Key = "max_batch_size";
        var (applied, errors) = (new WireMap(), new List<object?>());
        foreach (var (key, value) in request.Query.Where(q => q.Key != "token"))
        {
            try
            {
                var size = key != Key ? throw new VitrineException($"unknown key: {key}")
                    : int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number
                    : throw new VitrineException($"bad value for {Key}: '{value}' is no whole number");
                host.Batch = size;
                applied.Add(key, size);
            }
            catch (VitrineException e)
            {
                errors.Add(e.Message);
            }
        }

        return errors.Count > 0
            ? (StatusCodes.Status422UnprocessableEntity, NumpyJson.WritePython(new WireMap { ["errors"] = errors }) + "\n")
            : (StatusCodes.Status200OK, NumpyJson.WritePython(new WireMap { ["applied"] = applied, ["config"] = new WireMap { [Key] = host.Batch } }) + "\n");
    }

    private static string Ascii(string text) => string.Concat(text.Select(c => c is >= ' ' and <= '~' ? c : '?'));
}
