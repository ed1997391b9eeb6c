using System.Globalization;
using Vitrine.Mechanisms.Lenses;
using Vitrine.Views.Drawing;

namespace Vitrine.Views;

/// <summary>What a model would say if it stopped at each of its states: states from the last to the first, places from left to right.</summary>
/// <param name="reading">What was read; the places of one row of the batch.</param>
/// <param name="places">Which of them.</param>
public sealed class LensTable(LensReading reading, IReadOnlyList<LensPlace> places) : View
{
    internal override void Write(Markup page)
    {
        if (places.Count == 0)
        {
            page.Text("p", "No place was read.", ("class", "empty"));
            return;
        }

        var caption = reading.NumberNames.Count > 0 && places[0].Cells[0].Top.Count == 0
            ? $"{string.Join(", ", reading.NumberNames)}: state by state"
            : "what each state says: the first answer, its tint its probability";
        page.Open("div", ("class", "scroll"), ("tabindex", 0), ("role", "group"), ("aria-label", caption)).Open("table", ("class", "heat"))
            .Text("caption", caption, ("class", "unseen")).Open("thead").Open("tr").Text("th", "behind", ("scope", "col"));
        foreach (var place in places)
        {
            page.Text("th", Heading(place), ("scope", "col"));
        }

        page.Close("tr").Close("thead").Open("tbody");
        for (var state = places[0].Cells.Count - 1; state >= 0; state--)
        {
            page.Open("tr").Text("th", places[0].Cells[state].State, ("scope", "row"));
            foreach (var place in places)
            {
                Cell(page, place, place.Cells[state]);
            }

            page.Close("tr");
        }

        page.Close("tbody").Close("table").Close("div");
    }

    private static string Heading(LensPlace place)
    {
        var token = place.Token.Length > 0 ? TokenStrip.Visible(place.Token) : $"row {place.Row}";
        return place.Position >= 0 && place.Token.Length > 0 ? $"{place.Position} {token}" : token;
    }

    private static void Cell(Markup page, LensPlace place, LensCell cell)
    {
        if (cell.Top.Count == 0)
        {
            page.Open("td");
            page.Text(string.Join(' ', cell.Numbers.Select(n => Figures.Change(n, 2)))).Close("td");
            return;
        }

        var first = cell.Top[0];
        var tint = Math.Clamp(first.Probability ?? 0, 0, 1);
        var style = "--v:" + tint.ToString("0.##", CultureInfo.InvariantCulture);
        page.Open("td", ("style", style), ("class", tint >= .5 ? "hot" : null), ("title", Words(place, cell)))
            .Text(TokenStrip.Visible(first.Token));
        if (cell.Divergence is { } divergence)
        {
            page.Text("small", $"KL {Figures.Plain(divergence, 2)}");
        }

        page.Close("td");
    }

    private static string Words(LensPlace place, LensCell cell)
    {
        var top = string.Join("; ", cell.Top.Select(t => t.Probability is { } p
            ? $"{TokenStrip.Visible(t.Token)} {Figures.Percent(p, 1)}"
            : $"{TokenStrip.Visible(t.Token)} {Figures.Change(t.Logit, 2)}"));
        var entropy = cell.Entropy is { } e ? $"; entropy {Figures.Plain(e, 2)} nats" : "";
        return $"{top}{entropy}; '{place.TargetText}' has {cell.Rank} above it";
    }
}
