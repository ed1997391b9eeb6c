using System.Globalization;

namespace Vitrine.Cli.Inspecting;

/// <summary>Layers that are alike.</summary>
/// <param name="Layers">From 0, ascending.</param>
/// <param name="Value">What they share.</param>
internal sealed record LayerGroup<T>(IReadOnlyList<int> Layers, T Value)
{
    /// <summary>The layers as people write them: <c>layers 0, 2, 4</c>, <c>layers 0 to 11</c>, <c>layer 3</c>.</summary>
    public string Named => Layers switch
    {
        [var only] => string.Create(CultureInfo.InvariantCulture, $"layer {only}"),
        [var first, _, .., var last] when last - first == Layers.Count - 1 => string.Create(CultureInfo.InvariantCulture, $"layers {first} to {last}"),
        _ => $"layers {string.Join(", ", Layers.Select(l => l.ToString(CultureInfo.InvariantCulture)))}",
    };
}

/// <summary>Puts layers that are alike together, in the order of the first of each.</summary>
internal static class LayerGroups
{
    public static IReadOnlyList<LayerGroup<T>> Of<T>(IReadOnlyList<T> layers)
        => [.. layers.Index().GroupBy(l => l.Item, l => l.Index).Select(g => new LayerGroup<T>([.. g], g.Key))];
}
