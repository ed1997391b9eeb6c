using System.Globalization;
using Vitrine.Transformers;
using Vitrine.Transformers.Points;

namespace Vitrine.Studio.Scenes;

/// <summary>Neurons as people type them: <c>5:111,5:130</c>.</summary>
internal static class NeuronList
{
    /// <summary>Reads a list.</summary>
    /// <exception cref="VitrineException">It is none, or a neuron does not exist.</exception>
    public static NeuronSet Parse(string text, StackShape shape)
    {
        Neuron[] neurons = [.. text.Split([',', ' '], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(One)];
        return neurons.Length > 0 ? new NeuronSet(neurons, shape.Name) : throw new VitrineException("neurons: none is named; expected e.g. 5:111,5:130.");

        Neuron One(string part) => Part(part) is not var (layer, index) ? throw new VitrineException($"neuron '{part}': expected LAYER:INDEX, e.g. 5:111.")
            : layer < shape.Layers && index < shape.Neurons
                ? new Neuron(layer, index)
                : throw new VitrineException($"neuron {part}: stack '{shape.Name}' has {shape.Layers} layers of {shape.Neurons} neurons, counted from 0.");
    }

    /// <summary>A part of a layer as people type it, <c>5:111</c>; null where it is none.</summary>
    public static (int Layer, int Index)? Part(string text)
        => text.Split(':') is [var layer, var index]
            && int.TryParse(layer, NumberStyles.None, CultureInfo.InvariantCulture, out var l)
            && int.TryParse(index, NumberStyles.None, CultureInfo.InvariantCulture, out var i)
                ? (l, i)
                : null;
}
