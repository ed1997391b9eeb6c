using Vitrine.Mechanisms.Causes;
using Vitrine.Views.Drawing;

namespace Vitrine.Views;

/// <summary>One line a layer: what its neurons write, what its parts carry, and the heads and neurons of it that the page shows.</summary>
/// <param name="data">The report; layers of its language stack, or of its profile.</param>
public sealed class LayerTable(ReportData data) : View
{
    /// <summary>The layers that there are.</summary>
    internal static IReadOnlyList<int> LayersOf(ReportData data) =>
    [
        .. (data.LayerProfile?.Rows.Select(row => row.Layer) ?? [])
        .Concat(Enumerable.Range(0, data.Model.Stacks.FirstOrDefault(stack => stack.Role == StackRole.Language)?.Layers ?? 0)).Distinct().Order(),
    ];

    internal override void Write(Markup page)
    {
        var layers = LayersOf(data);
        if (layers.Count == 0)
        {
            return;
        }

        page.Open("div", ("class", "scroll"), ("tabindex", 0), ("role", "group"), ("aria-label", "Layer by layer"));
        page.Open("table", ("class", "layers stacked")).Text("caption", "Layer by layer").Open("thead").Open("tr").Text("th", "layer", ("scope", "col"));
        if (data.LayerProfile is not null)
        {
            page.Text("th", "patterned neurons, %", ("scope", "col"), ("class", "r")).Text("th", "action tokens, %", ("scope", "col"), ("class", "r"));
        }

        foreach (var decision in data.OneStep)
        {
            page.Open("th", ("scope", "col"), ("class", "r")).Text("em", decision.Result.Concept)
                .Text(": attention / feed-forward, patched in, % of the word’s effect").Close("th");
        }

        page.Text("th", "heads shown", ("scope", "col")).Text("th", "neurons that spell a concept", ("scope", "col")).Close("tr").Close("thead").Open("tbody");
        foreach (var layer in layers)
        {
            Row(page, layer);
        }

        page.Close("tbody").Close("table").Close("div");
        page.Text("p", "Heads and neurons are named LAYER:INDEX, both counted from 0.", ("class", "k"));
    }

    private void Row(Markup page, int layer)
    {
        page.Open("tr", ("id", page.Places.Take(Places.Layer(layer)))).Open("th", ("scope", "row")).Text("span", "layer ", ("class", "narrow-only"))
            .Text($"{layer}").Close("th");
        if (data.LayerProfile is { } profile)
        {
            var reading = profile.Rows.FirstOrDefault(row => row.Layer == layer);
            page.Text("td", Figures.Plain((reading?.Patterned ?? double.NaN) * 100, 1), ("class", "r"), ("data-label", "patterned neurons, %"))
                .Text("td", Figures.Plain((reading?.ActionTokens ?? double.NaN) * 100, 1), ("class", "r"), ("data-label", "action tokens, %"));
        }

        foreach (var decision in data.OneStep)
        {
            page.Text("td", $"{Carried(decision, layer, Component.Attention)} / {Carried(decision, layer, Component.FeedForward)}", ("class", "r"),
                ("data-label", $"{decision.Result.Concept}: attention / feed-forward, %"));
        }

        page.Open("td", ("data-label", "heads"));
        Names(page, data.Attention.Where(map => map.Look.Layer == layer).Select(map => (map.Look.Layer, map.Look.Head)), Places.Head);
        page.Close("td").Open("td", ("data-label", "neurons"));
        Names(page, data.Concepts.SelectMany(concept => concept.Neurons).Where(neuron => neuron.Layer == layer).Select(neuron => (neuron.Layer, neuron.Index)),
            Places.Neuron);
        page.Close("td").Close("tr");
    }

    private static string Carried(ShownDecision decision, int layer, Component component)
        => Figures.Plain((decision.Result.Parts.FirstOrDefault(part => part.Layer == layer && part.Component == component)?.Sufficient.Mean ?? double.NaN)
            / decision.Result.Prompt.Mean * 100, 0);

    private static void Names(Markup page, IEnumerable<(int Layer, int Index)> units, Func<int, int, string> place)
    {
        var named = units.Distinct().Order().ToList();
        if (named.Count == 0)
        {
            page.Text(Figures.Missing);
            return;
        }

        foreach (var (layer, index) in named)
        {
            page.Open("span", ("class", "unit-name")).Link(place(layer, index), $"{layer}:{index}").Close("span").Text(" ");
        }
    }
}
