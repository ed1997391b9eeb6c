using System.Text;
using Vitrine.Serving.Hosting;
using Vitrine.Serving.Wire;

namespace Vitrine.Serving.Protocols;

/// <summary>GR00T's protocol: a map with an endpoint and its data, arrays as .npy files, over ZeroMQ's request and reply.</summary>
/// <param name="host">What answers.</param>
/// <param name="options">How the server speaks.</param>
/// <param name="killed">Called where a client with the token has asked the server to stop.</param>
/// <exception cref="VitrineException">The action keys are not as many as the numbers of an action.</exception>
/// <remarks>
/// Older clients send the observation as the data; newer ones send <c>observation</c> and <c>options</c> and are answered with actions and a map of further
/// things. <c>kill</c> needs a token: without one nobody can stop the server over the wire.
/// </remarks>
internal sealed class Gr00tProtocol(PolicyHost host, ServerOptions options, Action? killed)
{
    /// <summary>Names of the numbers of an action.</summary>
    private readonly IReadOnlyList<string> keys = Keys(host.Model.ActionNames, options.ActionKeys);
    private readonly TimeProvider clock = host.Options.Time ?? TimeProvider.System;

    /// <summary>Answers a request; errors are answers too.</summary>
    /// <param name="message">One frame.</param>
    /// <param name="caller">Who asks.</param>
    /// <param name="gone">Takes the request back.</param>
    public async Task<byte[]> AnswerAsync(ReadOnlyMemory<byte> message, Gr00tCaller caller, CancellationToken gone)
    {
        var came = clock.GetTimestamp();
        try
        {
            var reply = await ReplyAsync(MessageReader.ReadMap(message, options.Limits), caller, came, gone).ConfigureAwait(false);
            return MessageWriter.Write(reply, ArrayForm.Npy);
        }
        catch (VitrineException e)
        {
            return MessageWriter.Write(new WireMap { ["error"] = e.Message });
        }
    }

    private async Task<object?> ReplyAsync(WireMap asked, Gr00tCaller caller, long came, CancellationToken gone)
    {
        if (options.Token is { } token && !Door.IsToken(token, asked["api_token"] as string))
        {
            throw new WireException("Unauthorized: the api_token is missing or wrong.");
        }

        switch (asked.Has("endpoint") ? asked["endpoint"] : "get_action")
        {
            case "ping":
                return new WireMap { ["status"] = "ok", ["message"] = "Server is running" };
            case "kill" when options.Token is null:
                throw new WireException("kill: this server has no token, and nobody may stop it without one.");
            case "kill":
                killed?.Invoke();
                return new WireMap { ["status"] = "ok", ["message"] = "Server stops" };
            case "reset":
                caller.Session.EndEpisode();
                return new WireMap();
            case "get_modality_config":
                return Modalities();
            case "get_action":
                return await ActionsAsync(asked["data"] as WireMap ?? throw new WireException("get_action: has no data."), caller, came, gone)
                    .ConfigureAwait(false);
            case var other:
                throw new WireException($"Unknown endpoint: {other}");
        }
    }

    private async Task<object?> ActionsAsync(WireMap data, Gr00tCaller caller, long came, CancellationToken gone)
    {
        var isNew = data["observation"] is WireMap;
        var seen = data["observation"] as WireMap ?? data;
        var own = data["options"] as WireMap ?? seen;
        var fields = new WireMap();
        foreach (var (key, value) in seen.Concat(ReferenceEquals(own, seen) ? [] : own.Where(o => o.Key.StartsWith("vitrine/", StringComparison.Ordinal))))
        {
            fields.Add(key, value);
        }

        var answer = await caller.Session.AskAsync(caller.Reader.Read(fields, came), gone).ConfigureAwait(false);
        var rows = AnswerFields.Rows(answer, options);
        var actions = new WireMap();
        foreach (var (d, name) in keys.Index())
        {
            actions.Add($"action.{name}", WireArray.Of([.. rows.Select(r => r[d])], AnswerFields.Dtype(options), rows.Count, 1));
        }

        var field = AnswerFields.Of(answer, ObservationReader.WantsReport(fields));
        if (isNew)
        {
            return new List<object?> { actions, field is null ? new WireMap() : new WireMap { [AnswerFields.Name] = field } };
        }

        if (field is not null)
        {
            actions.Add(AnswerFields.Name, field);
        }

        return actions;
    }

    private static IReadOnlyList<string> Keys(IReadOnlyList<string> names, IReadOnlyList<string>? asked)
        => asked is null ? names
            : asked.Count == names.Count ? asked
            : throw new VitrineException($"action keys: {asked.Count} are named for the {names.Count} numbers of an action ({string.Join(", ", names)}).");

    private WireMap Modalities()
    {
        var needs = host.Model.Needs;
        var all = new WireMap();
        foreach (var (kind, names, indices) in new (string, IEnumerable<string>, IEnumerable<int>)[]
        {
            ("video", needs.Cameras.Select(c => $"video.{c}"), [0]),
            ("state", needs.StateWidth == 0 ? [] : ["state.state"], [0]),
            ("action", keys.Select(k => $"action.{k}"), Enumerable.Range(0, Math.Min(needs.Horizon, options.Horizon ?? needs.Horizon))),
        })
        {
            all.Add(kind, Modality(names, indices));
        }

        return all;
    }

    /// <summary>A modality as GR00T's clients read it: JSON in a marked map.</summary>
    internal static WireMap Modality(IEnumerable<string> names, IEnumerable<int> indices) => new()
    {
        ["__ModalityConfig_class__"] = true,
        ["as_json"] = Encoding.UTF8.GetString(
            NumpyJson.Write(new WireMap { ["delta_indices"] = indices.Select(i => (object?)i), ["modality_keys"] = names })),
    };
}

/// <summary>A client of GR00T's protocol, by the identity that ZeroMQ gives it.</summary>
/// <param name="Session">Its session.</param>
/// <param name="Reader">What it remembers of its observations.</param>
internal sealed record Gr00tCaller(HostSession Session, ObservationReader Reader);
