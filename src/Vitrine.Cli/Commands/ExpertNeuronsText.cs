using Spectre.Console;
using Vitrine.Mechanisms.Experts;
using Vitrine.Policies.Flow;

namespace Vitrine.Cli.Commands;

/// <summary><c>neurons POLICY --actions</c>: what every neuron of an expert writes into the action.</summary>
internal static class ExpertNeuronsText
{
    /// <summary>The neurons of a layer, or the strongest of every layer for every number of the action.</summary>
    /// <param name="policy">Whose expert.</param>
    /// <param name="step">Flow step; null for the mean over all.</param>
    /// <param name="layer">Null for the profile of all.</param>
    /// <param name="count">Neurons of the layer to list.</param>
    /// <param name="json">All of them as JSON.</param>
    public static void Print(FlowPolicy policy, int? step, int? layer, int count, bool json)
    {
        var shape = policy.Expert.Shape;
        if (layer < 0 || layer >= shape.Layers)
        {
            throw new VitrineException($"layer {layer}: stack '{shape.Name}' has {shape.Layers} layers, counted from 0.");
        }

        var (names, neurons) = (policy.ActionNames, ExpertReading.Of(policy, calibration: null, step).Neurons);
        if (json)
        {
            Output.Write(neurons.Where(n => layer is null || n.Neuron.Layer == layer).Select(n => new
            {
                n.Neuron.Layer,
                n.Neuron.Index,
                Writes = names.Zip(n.Read).ToDictionary(p => p.First, p => p.Second),
            }));
            return;
        }

        var table = layer is null ? Output.Table(["layer", .. names.Select(n => $"strongest on {n}")]) : Output.Table(["neuron", .. names]);
        for (var l = 0; layer is null && l < shape.Layers; l++)
        {
            var own = neurons.Where(n => n.Neuron.Layer == l).ToArray();
            table.Add([$"{l}", .. names.Select((_, d) => own.MaxBy(n => Math.Abs(n.Read[d]))!).Select((n, d) => $"{n.Neuron}: {Output.Signed(n.Read[d])}")]);
        }

        foreach (var neuron in layer is null ? [] : neurons.Where(n => n.Neuron.Layer == layer).Take(count))
        {
            table.Add([$"{neuron.Neuron}", .. neuron.Read.Select(Output.Signed)]);
        }

        AnsiConsole.Write(table);
        Console.WriteLine(
            $"what one unit of a neuron of '{shape.Name}' adds to a row of the chunk by its value vector, normalised, the final norm's size left out; "
            + (step is { } k ? $"at flow step {k}" : "mean over all flow steps"));
    }
}
