using Vitrine.Inputs.Pictures;
using Vitrine.Mechanisms.Pictures;
using Vitrine.Views.Drawing;

namespace Vitrine.Views;

/// <summary>Heads or neurons that speak for a class, each with its map, its attribution, and its ablation beside a random one's.</summary>
/// <param name="id">Unique in the page.</param>
/// <param name="kind">What they are: <c>head</c> or <c>neuron</c>.</param>
/// <param name="picture">What the patches lie on.</param>
/// <param name="units">The strongest first.</param>
public sealed class UnitTable(string id, string kind, Picture picture, IReadOnlyList<UnitEvidence> units) : View
{
    internal override void Write(Markup page)
    {
        if (units.Count == 0)
        {
            page.Text("p", $"No {kind} was asked.", ("class", "empty"));
            return;
        }

        var seen = new SeenPicture(picture, id + "-seen");
        page.Open("figure").Open("div", ("class", "scroll"), ("tabindex", 0), ("role", "group"), ("aria-label", $"Evidence by {kind}"));
        page.Open("table", ("class", "units")).Text("caption", $"Evidence by {kind}", ("class", "unseen")).Open("thead").Open("tr")
            .Text("th", kind, ("scope", "col"));
        foreach (var column in new[] { "map", "says directly", "gradient estimate", "ablated", "a random one, ablated" })
        {
            page.Text("th", column, ("scope", "col"), ("class", column == "map" ? null : "r"));
        }

        page.Close("tr").Close("thead").Open("tbody");
        foreach (var unit in units)
        {
            var peak = unit.Map.Values.Index().MaxBy(value => Math.Abs(value.Item)).Index;
            page.Open("tr").Text("th", $"{unit.Layer}:{unit.Index}", ("scope", "row"), ("class", "mono")).Open("td", ("class", "thumb"));
            seen.WriteUnder(page, unit.Map, MapStyle.Signed, null, $"Map of {kind} {unit.Layer}:{unit.Index}",
                $"Strongest at row {peak / unit.Map.Columns}, column {peak % unit.Map.Columns}, with {Figures.Change(unit.Map.Values[peak])}.");
            page.Close("td").Text("td", Figures.Change(unit.Direct ?? double.NaN), ("class", "r")).Text("td", Figures.Change(unit.Gradient), ("class", "r"))
                .Text("td", Figures.Change(unit.Ablated), ("class", "r"))
                .Open("td", ("class", "r"));
            if (unit.Random is { } random)
            {
                page.Text(Figures.Change(random.Ablated)).Text("span", $" {random.Layer}:{random.Index}", ("class", "k"));
            }
            else
            {
                page.Text(Figures.Missing);
            }

            page.Close("td").Close("tr");
        }

        page.Close("tbody").Close("table").Close("div").Close("figure");
    }
}
