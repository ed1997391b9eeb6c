using Vitrine.Serving.Hosting;
using Vitrine.Serving.Wire;

namespace Vitrine.Serving.Protocols;

/// <summary>The REST protocol of OpenVLA and OpenVLA-OFT: <c>POST /act</c> with an observation in JSON, arrays as json-numpy spells them.</summary>
/// <remarks>
/// A request with <c>full_image</c> is OFT's and is answered with a list of vectors, any other with one. A request that is one text (<c>encoded</c>) is
/// answered with one text. What fails is answered with the text that clients know, <c>"error"</c>, under an honest status, the reason in a header.
/// </remarks>
internal sealed class RestProtocol(PolicyHost host, HostSession session, ServerOptions options)
{
    private readonly ObservationReader reader = new(host, session, options);
    private readonly TimeProvider clock = host.Options.Time ?? TimeProvider.System;
    private readonly Lock gate = new();

    /// <summary>Answers a request.</summary>
    /// <returns>The answer's bytes, and its field of Vitrine's own; null where it has none.</returns>
    /// <exception cref="VitrineException">The request is broken or refused.</exception>
    public async Task<(byte[] Body, ServedAnswer Answer)> ActAsync(ReadOnlyMemory<byte> body, CancellationToken gone)
    {
        var came = clock.GetTimestamp();
        var map = NumpyJson.Read(body, options.Limits) as WireMap ?? throw new WireException("message: is no object.");
        var encoded = map.TryGet<string>("encoded", out var inner) && map.Count == 1;
        if (encoded)
        {
            map = NumpyJson.Read(System.Text.Encoding.UTF8.GetBytes(inner!), options.Limits) as WireMap
                ?? throw new WireException("message: what is encoded is no object.");
        }

        ServedRequest request;
        lock (gate)
        {
            request = reader.Read(map, came, map["unnorm_key"] as string);
        }

        var answer = await session.AskAsync(request, gone).ConfigureAwait(false);
        var rows = AnswerFields.Rows(answer, options);
        object reply = map.Has("full_image")
            ? rows.Select((r, i) => i == 0 ? Row(r, answer, map) : Row(r, null, map)).ToList()
            : Row(rows[0], answer, map);
        return (NumpyJson.Write(encoded ? NumpyJson.WritePython(reply) : reply), answer);
    }

    /// <summary>One row; the first carries the field, beside the array's own keys, where decoders of json-numpy pass over it.</summary>
    private object Row(IReadOnlyList<double> row, ServedAnswer? answer, WireMap asked)
    {
        var array = AnswerFields.Row(row, options);
        if (answer is null || AnswerFields.Of(answer, ObservationReader.WantsReport(asked)) is not { } field)
        {
            return array;
        }

        var map = NumpyJson.Marked(array);
        map.Add(AnswerFields.Name, field);
        return map;
    }
}
