using Vitrine.Mechanisms.Statistics;
using Vitrine.Worlds.Decisions;

namespace Vitrine.Views.Drawing;

/// <summary>Shares of what a word does in one decision: a line a question, a column a layer, and the controls under them.</summary>
/// <param name="word">What the word changes: 100 %.</param>
/// <param name="layers">The columns, in order; null is all layers together.</param>
internal sealed class ShareTable(Estimate word, IReadOnlyList<int?> layers)
{
    /// <summary>A line.</summary>
    /// <param name="Name">What was asked.</param>
    /// <param name="Plain">The same in plain words.</param>
    /// <param name="Of">The answer in a layer.</param>
    /// <param name="Tint">What the tint says of a share.</param>
    public sealed record Line(string Name, string Plain, Func<int?, Estimate?> Of, Func<double, double> Tint);

    /// <summary>Writes the table.</summary>
    /// <param name="page">Where to.</param>
    /// <param name="caption">What it shows.</param>
    /// <param name="groups">Lines under headings; a line without any number is left out.</param>
    public void Write(Markup page, string caption, IEnumerable<(string Heading, IReadOnlyList<Line> Lines)> groups)
    {
        page.Open("div", ("class", "scroll"), ("tabindex", 0), ("role", "group"), ("aria-label", caption));
        page.Open("table", ("class", "heat")).Text("caption", caption, ("class", "unseen")).Open("thead").Open("tr").Open("td").Close("td");
        foreach (var layer in layers)
        {
            page.Open("th", ("scope", "col"));
            if (layer is { } index)
            {
                page.Text("span", "layer ", ("class", "unit")).Link(Places.Layer(index), $"{index}");
            }
            else
            {
                page.Text("all").Text("span", " layers", ("class", "unit"));
            }

            page.Close("th");
        }

        page.Close("tr").Close("thead");
        foreach (var (heading, lines) in groups)
        {
            page.Open("tbody").Open("tr").Text("th", heading, ("scope", "rowgroup"), ("class", "group"), ("colspan", layers.Count + 1)).Close("tr");
            foreach (var line in lines.Where(l => layers.Any(layer => l.Of(layer) is { IsFinite: true })))
            {
                page.Open("tr").Open("th", ("scope", "row")).Text("strong", line.Name).Text(" ").Text("span", line.Plain, ("class", "k")).Close("th");
                foreach (var layer in layers)
                {
                    Cell(page, line.Of(layer), line.Tint);
                }

                page.Close("tr");
            }

            page.Close("tbody");
        }

        page.Close("table").Close("div");
    }

    /// <summary>Writes the controls, each as a share of the word's effect.</summary>
    public void Controls(Markup page, IReadOnlyList<ControlEstimate> controls)
    {
        if (controls.Count == 0)
        {
            page.Text("p", "No control was recorded.", ("class", "empty"));
            return;
        }

        page.Open("ul", ("class", "controls-list"), ("aria-label", "Controls"));
        foreach (var control in controls)
        {
            page.Open("li").Leaf("i", ("class", control.Draws is null ? "key ring" : "key band")).Text(control.Name + " ").Open("strong");
            page.Text(control.Range is { IsFinite: true } draws
                ? $"{Figures.Percent(Math.Min(Share(draws.Smallest), Share(draws.Largest)))} to "
                    + $"{Figures.Percent(Math.Max(Share(draws.Smallest), Share(draws.Largest)))}"
                : control.Effect is { IsFinite: true } estimate ? Figures.Percent(Share(estimate.Mean)) : Figures.Missing);
            page.Close("strong").Close("li");
        }

        page.Close("ul");
    }

    /// <summary>Adds the controls to the numbers behind the drawing.</summary>
    /// <param name="table">With so many columns that <paramref name="rest"/> of them stay empty.</param>
    /// <param name="controls">The controls.</param>
    /// <param name="rest">Columns behind the first number.</param>
    public static void Add(NumberTable table, IReadOnlyList<ControlEstimate> controls, int rest)
    {
        if (controls.Count > 0)
        {
            table.Group("controls");
        }

        foreach (var control in controls)
        {
            table.Add([
                control.Name,
                control.Range is { IsFinite: true } draws ? $"{Figures.Range(draws)} ({control.Draws!.Count} draws)" : Figures.Change(control.Effect),
                .. Enumerable.Repeat(Figures.Missing, rest),
            ]);
        }
    }

    /// <summary>A layer in words.</summary>
    public static string Name(int? layer) => layer is { } index ? $"layer {index}" : "all layers";

    /// <summary>A number as a share of the word's effect.</summary>
    public double Share(double value) => value / word.Mean;

    private void Cell(Markup page, Estimate? interval, Func<double, double> tint)
    {
        if (interval is not { IsFinite: true } || !double.IsFinite(Share(1)))
        {
            HeatCell.Write(page, double.NaN, null);
            return;
        }

        var (one, other) = (Share(interval.Low) * 100, Share(interval.High) * 100);
        HeatCell.Write(page, Share(interval.Mean), Figures.Brackets(Math.Min(one, other), Math.Max(one, other), 0), tint(Share(interval.Mean)));
    }
}
