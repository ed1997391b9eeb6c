using System.Text.RegularExpressions;

namespace Vitrine.Views.Drawing;

/// <summary>Where a page shows a neuron, a head or a layer, so that naming one anywhere leads there.</summary>
/// <remarks>Only what was announced can be led to, and each place is written once: a link never misses, an id never comes twice.</remarks>
internal sealed partial class Places
{
    private readonly HashSet<string> announced = [];
    private readonly HashSet<string> written = [];

    /// <summary>The place of a neuron.</summary>
    public static string Neuron(int layer, int index) => FormattableString.Invariant($"neuron-{layer}-{index}");

    /// <summary>The place of an attention head.</summary>
    public static string Head(int layer, int head) => FormattableString.Invariant($"head-{layer}-{head}");

    /// <summary>The place of a layer.</summary>
    public static string Layer(int layer) => FormattableString.Invariant($"layer-{layer}");

    /// <summary>Says that the page will have a place.</summary>
    public void Announce(string place) => announced.Add(place);

    /// <summary>Whether the page will have a place.</summary>
    public bool Has(string place) => announced.Contains(place);

    /// <summary>The id of the element that is the place; null where nobody announced it, and where it is written already.</summary>
    public string? Take(string place) => announced.Contains(place) && written.Add(place) ? place : null;

    /// <summary>What a text names, in order: <c>layer 5</c>, <c>head 2:0</c>, a neuron as <c>5:111</c>.</summary>
    public IEnumerable<(int At, int Length, string Place)> Mentions(string text)
    {
        foreach (Match match in Mention().Matches(text))
        {
            var place = match.Groups["layer"] is { Success: true, Value: var layer } ? "layer-" + layer
                : (match.Groups["head"].Success ? "head-" : "neuron-") + match.Groups["of"].Value + "-" + match.Groups["index"].Value;
            if (Has(place))
            {
                yield return (match.Index, match.Length, place);
            }
        }
    }

    [GeneratedRegex(@"\b[Ll]ayer (?<layer>[0-9]{1,4})\b|(?<![0-9:])(?<head>[Hh]ead )?(?<of>[0-9]{1,4}):(?<index>[0-9]{1,6})(?![0-9:])")]
    private static partial Regex Mention();
}
