using Vitrine.Mechanisms.Statistics;
using Vitrine.Views.Drawing;
using Vitrine.Worlds.Decisions;

namespace Vitrine.Views;

/// <summary>
/// Where a concept acts on one decision: component by layer, the mean difference beside activation patching, as shares of what the word does.
/// </summary>
/// <param name="shown">What to show.</param>
public sealed class OneStepTable(ShownDecision shown) : View
{
    private static readonly Question[] Questions =
    [
        new("mean difference", "added", row => row.MeanDifference, share => share),
        new("denoising", "put in alone, state by state: sufficient?", row => row.Sufficient, share => share),
        new("noising", "held back: what remains; tint: what is lost: necessary?", row => row.Necessary, share => 1 - share),
    ];

    private readonly OneStepResult effect = shown.Result;

    /// <param name="Name">The field's word.</param>
    /// <param name="Plain">The same in plain words.</param>
    /// <param name="Of">The answer.</param>
    /// <param name="Tint">What the tint says of a share.</param>
    private sealed record Question(string Name, string Plain, Func<PartEstimate, Estimate?> Of, Func<double, double> Tint);

    internal override void Write(Markup page)
    {
        page.Open("section", ("class", "onestep")).Open("h3").Text("em", effect.Concept).Text("span", $" {effect.Metric}", ("class", "k")).Close("h3");
        page.Open("p", ("class", "k")).Text("The word itself: ").Text("strong", Figures.Change(effect.Prompt) + Unit)
            .Text($" = 100 %, over {Figures.Count(effect.States)} states").Close("p");
        if (effect.Parts.Count == 0)
        {
            page.Text("p", "No part was measured.", ("class", "empty"));
        }
        else
        {
            Heat(page);
            Beyond(page);
        }

        Controls(page);
        Numbers().WriteFolded(page, brief: true);
        page.Close("section");
    }

    private string Unit => shown.Unit.Length > 0 ? " " + shown.Unit : "";

    /// <remarks>Layers in order, all layers together last.</remarks>
    private List<int?> Layers => [.. effect.Parts.Select(row => row.Layer).Distinct().OrderBy(layer => layer ?? int.MaxValue)];

    private void Heat(Markup page)
    {
        var layers = Layers;
        var caption = $"Where {effect.Concept} acts: shares of the word’s effect on {effect.Metric}";
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
        foreach (var component in effect.Parts.GroupBy(row => row.Component))
        {
            page.Open("tbody").Open("tr")
                .Text("th", OneStepResult.NameOf(component.Key), ("scope", "rowgroup"), ("class", "group"), ("colspan", layers.Count + 1)).Close("tr");
            foreach (var question in Questions)
            {
                if (component.All(row => question.Of(row) is not { IsFinite: true }))
                {
                    continue;
                }

                page.Open("tr").Open("th", ("scope", "row")).Text("strong", question.Name).Text(" ").Text("span", question.Plain, ("class", "k")).Close("th");
                foreach (var layer in layers)
                {
                    Cell(page, component.FirstOrDefault(row => row.Layer == layer) is { } found ? question.Of(found) : null, question.Tint);
                }

                page.Close("tr");
            }

            page.Close("tbody");
        }

        page.Close("table").Close("div");
    }

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

    private double Share(double value) => value / effect.Prompt.Mean;

    /// <summary>What shares outside 0 to 100 % mean, where there are any.</summary>
    private void Beyond(Markup page)
    {
        var finite = double.IsFinite(Share(1));
        var single = finite && effect.Parts.Any(part => Beyond(part.MeanDifference) || Beyond(part.Sufficient));
        var held = finite && effect.Parts.Any(part => Beyond(part.Necessary));
        var against = finite && effect.Parts.Any(part => new[] { part.MeanDifference, part.Sufficient, part.Necessary }.Any(e => Share(e.Mean) < -.005));
        string[] notes =
        [
            .. single
                ? ["Above 100 %: the part alone moves the decision further than the word does, because parts that would pull back have not seen the word."]
                : Array.Empty<string>(),
            .. held ? ["More than 100 % remains: held back, the part had been pulling against the word."] : Array.Empty<string>(),
            .. against ? ["Below 0 %: it moves the decision the other way."] : Array.Empty<string>(),
        ];
        if (notes.Length > 0)
        {
            page.Text("p", string.Join(" ", notes), ("class", "k beyond"));
        }

        bool Beyond(Estimate estimate) => Share(estimate.Mean) > 1.005;
    }

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
        var table = new NumberTable($"{effect.Concept}, {effect.Metric}{(shown.Unit.Length > 0 ? $", in {shown.Unit}" : "")}",
            ["part", "mean difference", "denoising: put in", "noising: remains"]);
        table.Add("the word", Figures.Change(effect.Prompt), Figures.Missing, Figures.Missing);
        foreach (var component in effect.Parts.GroupBy(row => row.Component))
        {
            table.Group(OneStepResult.NameOf(component.Key));
            foreach (var row in component)
            {
                table.Add(Name(row.Layer), Figures.Change(row.MeanDifference), Figures.Change(row.Sufficient), Figures.Change(row.Necessary));
            }
        }

        if (effect.Controls.Count > 0)
        {
            table.Group("controls");
        }

        foreach (var control in effect.Controls)
        {
            table.Add(control.Name,
                control.Range is { IsFinite: true } draws ? $"{Figures.Range(draws)} ({control.Draws!.Count} draws)" : Figures.Change(control.Effect),
                Figures.Missing, Figures.Missing);
        }

        return table;
    }

    private static string Name(int? layer) => layer is { } index ? $"layer {index}" : "all layers";
}
