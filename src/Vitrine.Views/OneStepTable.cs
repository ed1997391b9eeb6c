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

        Shares.Controls(page, effect.Controls);
        Numbers().WriteFolded(page, brief: true);
        page.Close("section");
    }

    private string Unit => shown.Unit.Length > 0 ? " " + shown.Unit : "";

    /// <remarks>Layers in order, all layers together last.</remarks>
    private ShareTable Shares => new(effect.Prompt, [.. effect.Parts.Select(row => row.Layer).Distinct().OrderBy(layer => layer ?? int.MaxValue)]);

    private void Heat(Markup page)
        => Shares.Write(
            page, $"Where {effect.Concept} acts: shares of the word’s effect on {effect.Metric}",
            effect.Parts.GroupBy(row => row.Component).Select(component => (OneStepResult.NameOf(component.Key), Lines([.. component]))));

    private static IReadOnlyList<ShareTable.Line> Lines(PartEstimate[] component)
        => [.. Questions.Select(question => new ShareTable.Line(
            question.Name, question.Plain, layer => component.FirstOrDefault(row => row.Layer == layer) is { } found ? question.Of(found) : null,
            question.Tint))];

    /// <summary>What shares outside 0 to 100 % mean, where there are any.</summary>
    private void Beyond(Markup page)
    {
        var finite = double.IsFinite(Shares.Share(1));
        var single = finite && effect.Parts.Any(part => Beyond(part.MeanDifference) || Beyond(part.Sufficient));
        var held = finite && effect.Parts.Any(part => Beyond(part.Necessary));
        var against = finite && effect.Parts.Any(part => new[] { part.MeanDifference, part.Sufficient, part.Necessary }.Any(e => Shares.Share(e.Mean) < -.005));
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

        bool Beyond(Estimate estimate) => Shares.Share(estimate.Mean) > 1.005;
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
                table.Add(ShareTable.Name(row.Layer), Figures.Change(row.MeanDifference), Figures.Change(row.Sufficient), Figures.Change(row.Necessary));
            }
        }

        ShareTable.Add(table, effect.Controls, 2);
        return table;
    }
}
