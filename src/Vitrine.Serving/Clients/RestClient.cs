using System.Net.Http.Headers;
using System.Text;
using Vitrine.Policies;
using Vitrine.Serving.Wire;

namespace Vitrine.Serving.Clients;

/// <summary>A client of OpenVLA's or OpenVLA-OFT's REST protocol.</summary>
public sealed class RestClient : IPolicyClient
{
    private readonly HttpClient http;
    private readonly bool oft, extras;
    private readonly string? units;

    /// <param name="address">The server's, without <c>/act</c>.</param>
    /// <param name="oft">Whether observations are sent in OFT's form, which is answered with whole chunks.</param>
    /// <param name="units">OpenVLA's <c>unnorm_key</c>; the server's choice when null.</param>
    /// <param name="token">None when null.</param>
    /// <param name="extras">Whether Vitrine's own fields are sent.</param>
    /// <param name="session">The session's name, for servers of Vitrine; a common one when null.</param>
    public RestClient(Uri address, bool oft = false, string? units = null, string? token = null, bool extras = false, string? session = null)
    {
        (this.oft, this.units, this.extras) = (oft, units, extras);
        http = new HttpClient { BaseAddress = address, Timeout = Timeout.InfiniteTimeSpan };
        if (token is not null)
        {
            http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        }

        if (session is not null)
        {
            http.DefaultRequestHeaders.Add("X-Vitrine-Session", session);
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> Alarms { get; private set; } = [];

    /// <inheritdoc/>
    public async Task<IReadOnlyList<double[]>> AskAsync(Observation seen, long? seed = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(seen);
        var map = new WireMap();
        var main = seen.Cameras.Keys.FirstOrDefault(c => !c.Contains("wrist", StringComparison.OrdinalIgnoreCase));
        foreach (var (camera, picture) in seen.Cameras)
        {
            map.Add(camera == main ? oft ? "full_image" : "image" : camera.EndsWith("_image", StringComparison.Ordinal) ? camera : $"{camera}_image",
                WireArray.Of(picture));
        }

        foreach (var (name, state) in seen.State)
        {
            map.Add(name, ClientMessages.Vector(state));
        }

        map.Add("instruction", seen.Instruction);
        if (units is not null)
        {
            map.Add("unnorm_key", units);
        }

        ClientMessages.AddOwn(map, seed, extras);
        using var content = new ByteArrayContent(NumpyJson.Write(map)) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } };
        using var answer = await SendAsync(content, cancellation).ConfigureAwait(false);
        var body = await answer.Content.ReadAsByteArrayAsync(cancellation).ConfigureAwait(false);
        if (!answer.IsSuccessStatusCode || body.AsSpan().SequenceEqual("\"error\""u8))
        {
            var why = answer.Headers.TryGetValues("X-Vitrine-Error", out var said) ? string.Join(' ', said) : Encoding.UTF8.GetString(body);
            throw new VitrineException($"{http.BaseAddress}: the server refuses ({(int)answer.StatusCode}): {why}");
        }

        Alarms = answer.Headers.TryGetValues("X-Vitrine-Alarm", out var alarms) ? [.. alarms.SelectMany(a => a.Split("; "))] : [];
        return ClientMessages.Rows(NumpyJson.Read(body), "rest");
    }

    /// <inheritdoc/>
    /// <remarks>The protocol knows no episodes.</remarks>
    public Task BeginAsync(CancellationToken cancellation = default) => Task.CompletedTask;

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        http.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task<HttpResponseMessage> SendAsync(HttpContent content, CancellationToken cancellation)
    {
        try
        {
            return await http.PostAsync(new Uri("act", UriKind.Relative), content, cancellation).ConfigureAwait(false);
        }
        catch (HttpRequestException e)
        {
            throw new VitrineException($"{http.BaseAddress}: does not answer ({e.Message}).", e);
        }
    }
}
