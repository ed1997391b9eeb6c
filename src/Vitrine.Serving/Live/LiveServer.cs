using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;
using Vitrine.Inputs.Pictures;
using Vitrine.Serving.Hosting;
using Vitrine.Serving.Protocols;
using Vitrine.Transformers;

namespace Vitrine.Serving.Live;

/// <summary>The control interface of a host: HTTP on a loopback port of its own, with server-sent events.</summary>
/// <remarks>
/// <c>GET /state</c>; <c>GET /events?recent=</c>; <c>GET /picture?session=</c>; <c>GET /plan</c>, <c>PUT /plan</c> with a plan as JSON, <c>DELETE /plan</c>,
/// <c>PUT /dose?value=</c>, each for everybody or, with <c>session=</c>, for one session. A change counts from the next pass on.
/// </remarks>
public static class LiveServer
{
    private const string Json = "application/json";

    /// <summary>Listens on loopback.</summary>
    /// <param name="host">What is controlled.</param>
    /// <param name="port">0 for a free one.</param>
    /// <param name="options">Caps and token; the address is loopback whatever it says.</param>
    /// <exception cref="VitrineException">The port is taken.</exception>
    public static async Task<IProtocolServer> StartAsync(PolicyHost host, int port = 0, ServerOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(host);
        var feed = new LiveFeed();
        host.Tell(feed);
        var fingerprint = host.Model.Fingerprint; // once: it looks at the files of the weights
        return await WebServer.StartAsync(
            "live", "http", port, (options ?? new ServerOptions()) with { Host = "127.0.0.1", KestrelFile = null },
            (server, context) => HandleAsync(server, context, host, feed, fingerprint)).ConfigureAwait(false);
    }

    private static Task HandleAsync(WebServer server, HttpContext context, PolicyHost host, LiveFeed feed, string fingerprint)
    {
        var (request, session) = (context.Request, context.Request.Query["session"] is [{ Length: > 0 } said] ? said : null);
        return (request.Method, request.Path.Value) switch
        {
            ("GET", "/health") => WebServer.WriteAsync(context, 200, Json, "{\"status\": \"ok\"}\n"),
            ("GET", "/" or "/state") => WriteAsync(context, 200, State(host, fingerprint), LiveJsonContext.Default.LiveState),
            ("GET", "/events") => EventsAsync(context, feed, server.Stopping),
            ("GET", "/plan") => AnsweredAsync(context, () => Setting(host, Known(host, session)), LiveJsonContext.Default.LivePlanText),
            ("GET", "/picture") => PictureAsync(context, feed, session),
            ("PUT", "/plan") => PlanAsync(context, host, session),
            ("DELETE", "/plan") => ChangeAsync(context, () => host.Plans.Off(Known(host, session))),
            ("PUT", "/dose") => ChangeAsync(context, ()
                => host.Plans.SetDose(
                Dose(request, "value") ?? throw new VitrineException("live: there is no 'value'; expected a number."), Known(host, session))),
            _ => WriteAsync(context, 404, new LiveRefusal($"there is no {request.Method} {request.Path}"), LiveJsonContext.Default.LiveRefusal),
        };
    }

    /// <summary>A server now.</summary>
    internal static LiveState State(PolicyHost host, string fingerprint)
    {
        var (plan, dose, number) = host.Plans.Now();
        return new LiveState
        {
            Model = host.Model.Name,
            Fingerprint = fingerprint,
            ActionNames = host.Model.ActionNames,
            Sessions = [.. host.Sessions.Select(s => Seen(s, host.Plans.Now(s.Name)))],
            Plan = host.Plans.Revision,
            PlanOfAll = number,
            StartEdits = host.Plans.StartEdits,
            Edits = plan?.Edits.Count ?? 0,
            Dose = dose,
            Waiting = host.Waiting,
            Answers = host.Totals.Answers,
            Refusals = host.Totals.Refusals,
            Alarms = host.Totals.Alarms,
        };
    }

    private static LiveSession Seen(HostSession session, (RunPlan? Plan, double Dose, int Number) own)
        => new(session.Name, session.Protocol, session.Episode, session.Step, session.Answered, own.Dose, own.Plan is not null) { Plan = own.Number };

    private static string? Known(PolicyHost host, string? session)
        => session is null || host.Sessions.Any(s => s.Name == session) ? session
            : throw new VitrineException($"live: there is no session '{session}'; open are {string.Join(", ", host.Sessions.Select(s => s.Name))}.");

    private static double? Dose(HttpRequest request, string name)
        => !request.Query.TryGetValue(name, out var text) ? null
            : double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && double.IsFinite(value) ? value
            : throw new VitrineException($"live: '{name}' is '{text}'; expected a number.");

    private static async Task PlanAsync(HttpContext context, PolicyHost host, string? session)
    {
        using var reader = new StreamReader(context.Request.Body, Encoding.UTF8);
        var text = await reader.ReadToEndAsync(context.RequestAborted).ConfigureAwait(false);
        await ChangeAsync(context, () => host.Plans.Set(RunPlan.FromJson(text), Known(host, session), Dose(context.Request, "dose"))).ConfigureAwait(false);
    }

    private static LivePlanText Setting(PolicyHost host, string? session)
    {
        var (plan, dose, number) = host.Plans.Now(session);
        return new LivePlanText(number, dose, plan is null ? null : JsonElement.Parse(plan.ToJson()));
    }

    private static Task ChangeAsync(HttpContext context, Func<int> change)
        => AnsweredAsync(context, () => new LiveChange(change()), LiveJsonContext.Default.LiveChange);

    private static Task AnsweredAsync<T>(HttpContext context, Func<T> answer, JsonTypeInfo<T> type)
    {
        try
        {
            return WriteAsync(context, 200, answer(), type);
        }
        catch (VitrineException e)
        {
            return WriteAsync(context, 400, new LiveRefusal(e.Message), LiveJsonContext.Default.LiveRefusal);
        }
    }

    private static Task PictureAsync(HttpContext context, LiveFeed feed, string? session)
    {
        var camera = context.Request.Query["camera"].ToString();
        if (session is null || feed.LastOf(session) is not { } seen
            || (camera.Length == 0 ? seen.Cameras.Values.FirstOrDefault() : seen.Cameras.GetValueOrDefault(camera)) is not { } picture)
        {
            return WriteAsync(context, 404, new LiveRefusal("there is no such picture"), LiveJsonContext.Default.LiveRefusal);
        }

        context.Response.ContentType = "image/png";
        return context.Response.Body.WriteAsync(PictureFile.EncodePng(picture), context.RequestAborted).AsTask();
    }

    private static async Task EventsAsync(HttpContext context, LiveFeed feed, CancellationToken stopping)
    {
        var text = context.Request.Query["recent"].ToString();
        if (!int.TryParse(text.Length == 0 ? "0" : text, NumberStyles.None, CultureInfo.InvariantCulture, out var recent))
        {
            await WriteAsync(context, 400, new LiveRefusal($"live: 'recent' is '{text}'; expected a whole number."), LiveJsonContext.Default.LiveRefusal)
                .ConfigureAwait(false);
            return;
        }

        using var ends = CancellationTokenSource.CreateLinkedTokenSource(stopping, context.RequestAborted);
        context.Response.ContentType = "text/event-stream";
        context.Response.Headers.CacheControl = "no-store";
        try
        {
            await context.Response.WriteAsync(": answers follow\n\n", ends.Token).ConfigureAwait(false);
            await context.Response.Body.FlushAsync(ends.Token).ConfigureAwait(false);
            await foreach (var step in feed.WatchAsync(recent, ends.Token).ConfigureAwait(false))
            {
                await context.Response.WriteAsync($"event: step\ndata: {JsonSerializer.Serialize(step, LiveJsonContext.Default.LiveStep)}\n\n", ends.Token)
                    .ConfigureAwait(false);
                await context.Response.Body.FlushAsync(ends.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // The watcher has left, or the server stops.
        }
    }

    private static Task WriteAsync<T>(HttpContext context, int status, T value, JsonTypeInfo<T> type)
        => WebServer.WriteAsync(context, status, Json, JsonSerializer.Serialize(value, type) + "\n");
}
