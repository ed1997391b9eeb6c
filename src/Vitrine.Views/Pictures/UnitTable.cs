using Vitrine.Inputs.Pictures;
using Vitrine.Mechanisms.Pictures;
using Vitrine.Views.Drawing;

namespace Vitrine.Views;

/// <summary>Heads or neurons that speak for a class, each with its map, its attribution, and its ablation beside a random one's.</summary>
/// <param name="id">Unique in the page.</param>
/// <param name="kind">What they are: <c>head</c> or <c>neuron</c>.</param>
/// <param name="picture">What the patches lie on.</param>
/// <param name="firstToken">The token of the first patch.</param>
/// <param name="units">The strongest first.</param>
public sealed class UnitTable(string id, string kind, Picture picture, int firstToken, IReadOnlyList<UnitEvidence> units) : View
{
    internal override void Write(Markup page)
    {
        if (units.Count == 0)
        {
            page.Text("p", $"No {kind} was asked.", ("class", "empty"));
            return;
        }

        var seen = new SeenPicture(picture, id + "-seen");
        var full = units.SelectMany(unit => unit.Map.Values).Where(float.IsFinite).Select(value => (double)Math.Abs(value)).DefaultIfEmpty(0).Max();
        page.Open("figure");
        VeilLegend.WriteSigned(page, full, PatchNumber.Signed().Print);
        page.Open("div", ("class", "scroll"), ("tabindex", 0), ("role", "group"), ("aria-label", $"Evidence by {kind}"));
        page.Open("table", ("class", "units")).Text("caption", $"Evidence by {kind}, in logits").Open("thead").Open("tr")
            .Text("th", kind, ("scope", "col"));
        page.Text("th", "map", ("scope", "col"));
        foreach (var column in new[] { "says directly", "gradient estimate", "ablated", "a random one, ablated" })
        {
            page.Text("th", column, ("scope", "col"), ("class", "r"));
        }

        page.Close("tr").Close("thead").Open("tbody");
        foreach (var unit in units)
        {
            page.Open("tr", ("id", page.Places.Take(Place(unit.Layer, unit.Index))))
                .Text("th", $"{unit.Layer}:{unit.Index}", ("scope", "row"), ("class", "mono")).Open("td", ("class", "thumb"));
            seen.WriteUnder(page, unit.Map, MapStyle.Signed, full, PatchNumber.Signed(), firstToken, $"Map of {kind} {unit.Layer}:{unit.Index}");
            page.Close("td").Text("td", Figures.Change(unit.Direct ?? double.NaN), ("class", "r")).Text("td", Figures.Change(unit.Gradient), ("class", "r"))
                .Text("td", Figures.Change(unit.Ablated), ("class", "r"))
                .Open("td", ("class", "r"));
            if (unit.Random is { } random)
            {
                page.Text(Figures.Change(random.Ablated)).Text(" ").Open("span", ("class", "k"))
                    .Link(Place(random.Layer, random.Index), $"{random.Layer}:{random.Index}").Close("span");
            }
            else
            {
                page.Text(Figures.Missing);
            }

            page.Close("td").Close("tr");
        }

        page.Close("tbody").Close("table").Close("div").Close("figure");
    }

    private string Place(int layer, int index) => kind == "head" ? Places.Head(layer, index) : Places.Neuron(layer, index);
}
