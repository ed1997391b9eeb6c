using Vitrine.Mechanisms.Experts;
using Vitrine.Mechanisms.Statistics;
using Vitrine.Views.Drawing;

namespace Vitrine.Views;

/// <summary>Where an expert looks, layer by layer: shares of its attention on pictures, words, state and the chunk itself.</summary>
/// <param name="looks">What to show.</param>
public sealed class ExpertLookTable(IReadOnlyList<ExpertLook> looks) : View
{
    private const string Caption = "Where the expert looks, % of a layer’s attention";

    internal override void Write(Markup page)
    {
        if (looks.Count == 0)
        {
            page.Text("p", "The expert’s attention was not read.", ("class", "empty"));
            return;
        }

        page.Open("div", ("class", "scroll"), ("tabindex", 0), ("role", "group"), ("aria-label", Caption));
        page.Open("table", ("class", "heat expert-looks")).Text("caption", Caption).Open("thead").Open("tr")
            .Text("th", "layer", ("scope", "col"));
        foreach (var kind in new[] { "picture", "words", "state", "the chunk" })
        {
            page.Text("th", kind, ("scope", "col"));
        }

        page.Close("tr").Close("thead").Open("tbody");
        foreach (var look in looks)
        {
            page.Open("tr").Open("th", ("scope", "row")).Text($"{look.Layer} ")
                .Text("span", look.Chunk is null ? "reads the prompt" : "reads prompt and chunk", ("class", "k")).Close("th");
            foreach (var shares in new[] { look.Pictures, look.Words, look.State, look.Chunk })
            {
                Cell(page, shares);
            }

            page.Close("tr");
        }

        page.Close("tbody").Close("table").Close("div").Text(
            "p", $"Mean over heads, rows of the chunk and flow steps; in brackets the 95 % interval over {Figures.Count(looks[0].Words.Count)} situations.",
            ("class", "k"));
    }

    private static void Cell(Markup page, IReadOnlyList<double>? shares)
    {
        if (shares is not { Count: > 0 } || !shares.All(double.IsFinite))
        {
            HeatCell.Write(page, double.NaN, null);
            return;
        }

        var estimate = PairedBootstrap.MeanDifference(shares);
        HeatCell.Write(page, estimate.Mean, Figures.Brackets(estimate.Low * 100, estimate.High * 100, 0));
    }
}
