using Vitrine.Serving.Hosting;
using Vitrine.Serving.Wire;

namespace Vitrine.Serving.Protocols;

/// <summary>What an answer carries beside its actions: one field of Vitrine's own, which clients that do not know it do not read.</summary>
internal static class AnswerFields
{
    /// <summary>Its name.</summary>
    public const string Name = "vitrine";

    /// <summary>The rows of a chunk that are sent.</summary>
    public static IReadOnlyList<IReadOnlyList<double>> Rows(ServedAnswer answer, ServerOptions options)
        => options.Horizon is { } most && most < answer.Chunk.Count ? [.. answer.Chunk.Take(most)] : answer.Chunk;

    /// <summary>Rows of a chunk as an array (H, D).</summary>
    public static WireArray Array(IReadOnlyList<IReadOnlyList<double>> rows, ServerOptions options)
        => WireArray.Of([.. rows.SelectMany(r => r)], Dtype(options), rows.Count, rows[0].Count);

    /// <summary>One row as an array (D).</summary>
    public static WireArray Row(IReadOnlyList<double> row, ServerOptions options) => WireArray.Of([.. row], Dtype(options), row.Count);

    /// <summary>The number format of actions.</summary>
    public static WireDtype Dtype(ServerOptions options) => options.Singles ? WireDtype.Single : WireDtype.Double;

    /// <summary>The field; null where nobody asked and nothing is the matter.</summary>
    public static WireMap? Of(ServedAnswer answer, bool wanted)
    {
        if (!wanted && answer.Alarms.Count == 0 && answer.Problem is null)
        {
            return null;
        }

        var map = new WireMap { ["step"] = answer.Step, ["plan"] = answer.Revision };
        if (answer.Seed is { } seed)
        {
            map.Add("seed", seed);
        }

        if (answer.Alarms.Count > 0)
        {
            map.Add("alarms", answer.Alarms);
        }

        if (answer.Problem is { } problem)
        {
            map.Add("problem", problem);
        }

        if (wanted)
        {
            map.Add("queue_ms", answer.QueueMilliseconds);
            map.Add("model_ms", answer.ModelMilliseconds);
            map.Add("rows", answer.Rows);
            var neurons = new WireMap();
            foreach (var neuron in answer.Watched)
            {
                neurons.Add(neuron.Neuron, neuron.Value);
            }

            map.Add("neurons", neurons);
        }

        return map;
    }

    /// <summary>What a server tells of itself.</summary>
    public static WireMap About(PolicyHost host, ServerOptions options)
    {
        var (model, needs) = (host.Model, host.Model.Needs);
        return new WireMap
        {
            ["model"] = model.Name,
            ["fingerprint"] = model.Fingerprint,
            ["cameras"] = needs.Cameras,
            ["state_width"] = needs.StateWidth,
            ["action_names"] = model.ActionNames,
            ["action_horizon"] = Math.Min(needs.Horizon, options.Horizon ?? needs.Horizon),
            ["action_steps"] = model.ActionSteps,
        };
    }
}
