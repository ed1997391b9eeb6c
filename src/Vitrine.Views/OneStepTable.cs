using Vitrine.Views.Drawing;
using Vitrine.Worlds.Decisions;
using Vitrine.Worlds.Statistics;

namespace Vitrine.Views;

/// <summary>
/// Where a concept acts on one decision: component by layer, the mean difference beside the state-by-state interchange, as shares of what the words do.
/// </summary>
/// <param name="effect">What to show.</param>
public sealed class OneStepTable(OneStepResult effect) : View
{
    private static readonly (string Name, Func<PartEstimate, Estimate?> Of)[] Questions =
    [
        ("mean difference, added", row => row.MeanDifference),
        ("put in, state by state", row => row.Sufficient),
        ("held back: what remains", row => row.Necessary),
    ];

    internal override void Write(Markup page)
    {
        page.Open("section", ("class", "onestep")).Open("h3").Text("em", effect.Concept).Text("span", $" {effect.Metric}", ("class", "k")).Close("h3");
        page.Open("p", ("class", "k")).Text("The words themselves: ").Text("strong", Figures.Change(effect.Prompt)).Text(" = 100 %").Close("p");
        if (effect.Parts.Count == 0)
        {
            page.Text("p", "No part was measured.", ("class", "empty"));
        }
        else
        {
            Heat(page);
        }

        Controls(page);
        Numbers().WriteFolded(page, brief: true);
        page.Close("section");
    }

    /// <remarks>Layers in order, all layers together last.</remarks>
    private List<int?> Layers => [.. effect.Parts.Select(row => row.Layer).Distinct().OrderBy(layer => layer ?? int.MaxValue)];

    private void Heat(Markup page)
    {
        var layers = Layers;
        var caption = $"Where {effect.Concept} acts: shares of the words’ effect on {effect.Metric}";
        page.Open("div", ("class", "scroll"), ("tabindex", 0), ("role", "group"), ("aria-label", caption));
        page.Open("table", ("class", "heat")).Text("caption", caption, ("class", "unseen")).Open("thead").Open("tr").Open("td").Close("td");
        foreach (var layer in layers)
        {
            page.Open("th", ("scope", "col"));
            if (layer is { } index)
            {
                page.Text("span", "layer ", ("class", "unit")).Text($"{index}");
            }
            else
            {
                page.Text("all").Text("span", " layers", ("class", "unit"));
            }

            page.Close("th");
        }

        page.Close("tr").Close("thead");
        foreach (var component in effect.Parts.GroupBy(row => row.Component))
        {
            page.Open("tbody").Open("tr")
                .Text("th", OneStepResult.NameOf(component.Key), ("scope", "rowgroup"), ("class", "group"), ("colspan", layers.Count + 1)).Close("tr");
            foreach (var (question, of) in Questions)
            {
                if (component.All(row => of(row) is not { IsFinite: true }))
                {
                    continue;
                }

                page.Open("tr").Text("th", question, ("scope", "row"));
                foreach (var layer in layers)
                {
                    Cell(page, component.FirstOrDefault(row => row.Layer == layer) is { } found ? of(found) : null);
                }

                page.Close("tr");
            }

            page.Close("tbody");
        }

        page.Close("table").Close("div");
    }

    private void Cell(Markup page, Estimate? interval)
    {
        if (interval is not { IsFinite: true } || !double.IsFinite(Share(1)))
        {
            HeatCell.Write(page, double.NaN, null);
            return;
        }

        var (one, other) = (Share(interval.Low) * 100, Share(interval.High) * 100);
        HeatCell.Write(page, Share(interval.Mean), Figures.Brackets(Math.Min(one, other), Math.Max(one, other), 0));
    }

    private double Share(double value) => value / effect.Prompt.Mean;

    private void Controls(Markup page)
    {
        if (effect.Controls.Count == 0)
        {
            page.Text("p", "No control was recorded.", ("class", "empty"));
            return;
        }

        page.Open("ul", ("class", "controls-list"), ("aria-label", "Controls"));
        foreach (var control in effect.Controls)
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

    private NumberTable Numbers()
    {
        var table = new NumberTable($"{effect.Concept}, {effect.Metric}", ["part", "mean difference", "put in", "remains when held back"]);
        table.Add("the words", Figures.Change(effect.Prompt), Figures.Missing, Figures.Missing);
        foreach (var row in effect.Parts)
        {
            table.Add($"{OneStepResult.NameOf(row.Component)}, {Name(row.Layer)}", Figures.Change(row.MeanDifference), Figures.Change(row.Sufficient),
                Figures.Change(row.Necessary));
        }

        foreach (var control in effect.Controls)
        {
            table.Add(control.Name,
                control.Range is { IsFinite: true } draws
                    ? $"{Figures.Change(draws.Smallest)} to {Figures.Change(draws.Largest)} ({control.Draws!.Count} draws)"
                    : Figures.Change(control.Effect), Figures.Missing, Figures.Missing);
        }

        return table;
    }

    private static string Name(int? layer) => layer is { } index ? $"layer {index}" : "all layers";
}
