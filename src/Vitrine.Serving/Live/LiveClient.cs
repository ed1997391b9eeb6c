using System.Globalization;
using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Vitrine.Transformers;

namespace Vitrine.Serving.Live;

/// <summary>Speaks to a server's control interface: what <c>vitrine live</c> and the studio's page of a served policy do.</summary>
/// <remarks>It follows no redirection, and goes to this machine's own addresses without a proxy.</remarks>
public sealed class LiveClient : IDisposable
{
    private const int LongestReason = 200;
    private readonly HttpClient http;

    /// <param name="address">As the server said it, e.g. <c>http://127.0.0.1:8900</c>.</param>
    /// <param name="token">The server's; none when null.</param>
    /// <param name="patience">How long an answer may take, of <see cref="WatchAsync(CancellationToken)"/> its beginning; any time when null.</param>
    /// <exception cref="VitrineException">It is no address, or has more than a host and a port.</exception>
    public LiveClient(string address, string? token = null, TimeSpan? patience = null)
    {
        var uri = Uri.TryCreate(address, UriKind.Absolute, out var parsed) && parsed is { Scheme: "http" or "https", PathAndQuery: "/", Fragment: "" } ? parsed
            : throw new VitrineException($"live: '{address}' is no address; expected one such as http://127.0.0.1:8900, as 'vitrine serve' says it.");
        http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseProxy = !uri.IsLoopback })
        {
            BaseAddress = uri,
            Timeout = patience ?? Timeout.InfiniteTimeSpan,
        };
        if (token is not null)
        {
            http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        }
    }

    /// <summary>The server now.</summary>
    /// <exception cref="VitrineException">It does not answer.</exception>
    public Task<LiveState> StateAsync(CancellationToken cancellation = default)
        => AskAsync(HttpMethod.Get, "state", null, LiveJsonContext.Default.LiveState, cancellation);

    /// <summary>What is set now.</summary>
    /// <param name="session">For whom; for everybody when null.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="VitrineException">There is no such session, or the plan has an edit that is not known here.</exception>
    public async Task<LiveSetting> PlanAsync(string? session = null, CancellationToken cancellation = default)
    {
        var (plan, dose, edits) = await AskAsync(HttpMethod.Get, Query("plan", ("session", session)), null, LiveJsonContext.Default.LivePlanText, cancellation)
            .ConfigureAwait(false);
        return new LiveSetting(plan, dose, edits is { } text ? RunPlan.FromJson(text.GetRawText(), "the plan that is set") : null);
    }

    /// <summary>Sets a plan.</summary>
    /// <param name="plan">What to change.</param>
    /// <param name="session">Whose; everybody's when null.</param>
    /// <param name="dose">Strength of every edit; what it was when null.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <returns>The change's number, which answers under it carry.</returns>
    /// <exception cref="VitrineException">The plan does not fit, or there is no such session.</exception>
    public async Task<int> SetAsync(RunPlan plan, string? session = null, double? dose = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(plan);
        return (await AskAsync(HttpMethod.Put, Query("plan", ("session", session), ("dose", dose?.ToString(CultureInfo.InvariantCulture))), plan.ToJson(),
            LiveJsonContext.Default.LiveChange, cancellation).ConfigureAwait(false)).Plan;
    }

    /// <summary>Takes a plan off.</summary>
    /// <returns>The change's number.</returns>
    /// <exception cref="VitrineException">There is no such session.</exception>
    public async Task<int> OffAsync(string? session = null, CancellationToken cancellation = default)
        => (await AskAsync(HttpMethod.Delete, Query("plan", ("session", session)), null, LiveJsonContext.Default.LiveChange, cancellation)
            .ConfigureAwait(false)).Plan;

    /// <summary>Changes the strength of the edits that are set.</summary>
    /// <returns>The change's number.</returns>
    /// <exception cref="VitrineException">Nothing is set, or an edit has no such strength.</exception>
    public async Task<int> SetDoseAsync(double dose, string? session = null, CancellationToken cancellation = default)
        => (await AskAsync(HttpMethod.Put, Query("dose", ("value", dose.ToString(CultureInfo.InvariantCulture)), ("session", session)), null,
            LiveJsonContext.Default.LiveChange, cancellation).ConfigureAwait(false)).Plan;

    /// <summary>What a session was shown last, as a PNG file.</summary>
    /// <exception cref="VitrineException">There is none.</exception>
    public async Task<byte[]> PictureAsync(string session, string? camera = null, CancellationToken cancellation = default)
    {
        using var answer = await SendAsync(
            HttpMethod.Get, Query("picture", ("session", session), ("camera", camera)), null, HttpCompletionOption.ResponseContentRead,
            cancellation).ConfigureAwait(false);
        return await answer.Content.ReadAsByteArrayAsync(cancellation).ConfigureAwait(false);
    }

    /// <summary>Answers as they are given, until it is cancelled or the server ends.</summary>
    /// <exception cref="VitrineException">The server does not answer.</exception>
    public IAsyncEnumerable<LiveStep> WatchAsync(CancellationToken cancellation = default) => WatchAsync(0, cancellation);

    /// <summary>The last answers of every open session, then those that are given, until it is cancelled or the server ends.</summary>
    /// <param name="recent">How many of a session; a server keeps 120.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="VitrineException">The server does not answer.</exception>
    public async IAsyncEnumerable<LiveStep> WatchAsync(int recent, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        var path = Query("events", ("recent", recent > 0 ? recent.ToString(CultureInfo.InvariantCulture) : null));
        using var answer = await SendAsync(HttpMethod.Get, path, null, HttpCompletionOption.ResponseHeadersRead, cancellation).ConfigureAwait(false);
        using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false));
        while (await LineAsync(reader, cancellation).ConfigureAwait(false) is { } line)
        {
            if (line.StartsWith("data: ", StringComparison.Ordinal))
            {
                yield return Read(line["data: ".Length..], LiveJsonContext.Default.LiveStep);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => http.Dispose();

    private static async Task<string?> LineAsync(StreamReader reader, CancellationToken cancellation)
    {
        try
        {
            return await reader.ReadLineAsync(cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or HttpRequestException)
        {
            return null; // The server has ended.
        }
    }

    private static string Query(string path, params (string Key, string? Value)[] parts)
        => string.Join('&', parts.Where(p => p.Value is not null).Select(p => $"{p.Key}={Uri.EscapeDataString(p.Value!)}")) is { Length: > 0 } query
            ? $"{path}?{query}" : path;

    private static T Read<T>(string json, JsonTypeInfo<T> type)
    {
        try
        {
            return JsonSerializer.Deserialize(json, type) ?? throw new VitrineException("live: the server answered nothing.");
        }
        catch (JsonException e)
        {
            throw new VitrineException($"live: the server's answer is not what a control interface says ({e.Message}); is it the live address?", e);
        }
    }

    /// <summary>What somebody says who is no control interface, in one line.</summary>
    private static string Reason(HttpResponseMessage answer, string text)
    {
        var line = text.Trim().Split('\n')[0].Trim();
        return answer.StatusCode is System.Net.HttpStatusCode.Unauthorized or System.Net.HttpStatusCode.Forbidden && line.Length is > 0 and <= LongestReason
            ? line
            : $"answers with {(int)answer.StatusCode}{(line.Length > 0 ? $" ({line[..Math.Min(line.Length, LongestReason)]})" : "")}; is it the live address?";
    }

    private async Task<T> AskAsync<T>(HttpMethod method, string path, string? body, JsonTypeInfo<T> type, CancellationToken cancellation)
    {
        using var answer = await SendAsync(method, path, body, HttpCompletionOption.ResponseContentRead, cancellation).ConfigureAwait(false);
        return Read(await answer.Content.ReadAsStringAsync(cancellation).ConfigureAwait(false), type);
    }

    private async Task<HttpResponseMessage> SendAsync(
        HttpMethod method, string path, string? body, HttpCompletionOption completion, CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(method, path);
        if (body is not null)
        {
            request.Content = new StringContent(body, Encoding.UTF8, "application/json");
        }

        HttpResponseMessage answer;
        try
        {
            answer = await http.SendAsync(request, completion, cancellation).ConfigureAwait(false);
        }
        catch (HttpRequestException e)
        {
            throw new VitrineException($"{http.BaseAddress}: does not answer ({e.Message}). Is 'vitrine serve' running, and is this its live address?", e);
        }
        catch (TaskCanceledException e) when (e.InnerException is TimeoutException)
        {
            throw new VitrineException(
                string.Create(CultureInfo.InvariantCulture, $"{http.BaseAddress}: does not answer within {http.Timeout.TotalSeconds:0.#} s."), e);
        }

        if (answer.IsSuccessStatusCode)
        {
            return answer;
        }

        using (answer)
        {
            var text = await answer.Content.ReadAsStringAsync(cancellation).ConfigureAwait(false);
            throw new VitrineException(answer.Content.Headers.ContentType?.MediaType == "application/json"
                ? Read(text, LiveJsonContext.Default.LiveRefusal).Error : $"{http.BaseAddress}: {Reason(answer, text)}");
        }
    }
}
