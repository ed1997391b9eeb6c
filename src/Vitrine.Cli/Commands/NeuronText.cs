using System.Globalization;
using Vitrine.Transformers;

namespace Vitrine.Cli.Commands;

/// <summary>A neuron as users write it.</summary>
internal static class NeuronText
{
    /// <summary>Reads <c>LAYER:INDEX</c>.</summary>
    /// <param name="text">What the user wrote.</param>
    /// <param name="what">What to call it in errors.</param>
    /// <exception cref="VitrineException">It is none.</exception>
    public static Neuron Parse(string text, string what)
        => Of(text) ?? throw new VitrineException($"{what} is '{text}'; expected LAYER:INDEX such as 3:17.");

    /// <summary>The same; null where the text is none.</summary>
    public static Neuron? Of(string text)
        => text.Split(':') is [var layer, var index] && Whole(layer) is { } l && Whole(index) is { } i ? new Neuron(l, i) : null;

    /// <summary>A whole number from 0; null where the text is none.</summary>
    public static int? Whole(string text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
}
