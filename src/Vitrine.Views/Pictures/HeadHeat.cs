using Vitrine.Mechanisms.Pictures;
using Vitrine.Views.Drawing;

namespace Vitrine.Views;

/// <summary>What every part says to the class directly: heads by layer, and the feed-forward of each layer, in logits.</summary>
/// <param name="direct">What to show.</param>
public sealed class HeadHeat(DirectEvidence direct) : View
{
    internal override void Write(Markup page)
    {
        var heads = direct.Heads.Select(h => h.Head).Distinct().Count();
        var most = direct.Heads.Select(h => Math.Abs(h.Value)).Concat(direct.Layers.Select(l => Math.Abs(l.FeedForward))).DefaultIfEmpty(0).Max();
        page.Open("div", ("class", "scroll"), ("tabindex", 0), ("role", "group"), ("aria-label", "Direct logit attribution by head"));
        page.Open("table", ("class", "heat signed")).Text("caption", "Direct logit attribution by head and feed-forward, in logits", ("class", "unseen"))
            .Open("thead").Open("tr").Open("td").Close("td");
        for (var head = 0; head < heads; head++)
        {
            page.Open("th", ("scope", "col"));
            _ = head == 0 ? page.Text("span", "head ", ("class", "unit")).Text("0") : page.Text($"{head}");
            page.Close("th");
        }

        page.Text("th", "feed-forward", ("scope", "col")).Close("tr").Close("thead").Open("tbody");
        foreach (var layer in direct.Layers)
        {
            page.Open("tr").Text("th", $"layer {layer.Layer}", ("scope", "row"));
            foreach (var head in direct.Heads.Where(h => h.Layer == layer.Layer))
            {
                Cell(page, head.Value, most, Places.Head(head.Layer, head.Head));
            }

            Cell(page, layer.FeedForward, most, null);
            page.Close("tr");
        }

        page.Close("tbody").Close("table").Close("div");
        page.Text("p",
            $"{Figures.Change(direct.Measure)} = {Figures.Change(direct.Constant)} constant {Signed(direct.Embedding)} embedding "
                + $"{Signed(direct.Layers.Sum(l => l.Attention))} attention {Signed(direct.Layers.Sum(l => l.FeedForward))} feed-forward, all in "
                + $"logits (remainder {Figures.Scientific(direct.Remainder)})", ("class", "k"));
    }

    private static void Cell(Markup page, double value, double most, string? place)
    {
        if (!double.IsFinite(value))
        {
            page.Text("td", Figures.Missing, ("class", "void"));
            return;
        }

        var tint = most > 0 ? Math.Abs(value) / most : 0;
        page.Open("td", ("style", FormattableString.Invariant($"--v:{tint:0.##}")), ("class", value < 0 ? "against" : null))
            .Link(place ?? "", Figures.Change(value, 2)).Close("td");
    }

    private static string Signed(double value) => value < 0 ? "− " + Figures.Plain(-value) : "+ " + Figures.Plain(value);
}
