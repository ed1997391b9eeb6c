using Vitrine.Mechanisms.Probes;
using Vitrine.Views.Drawing;

namespace Vitrine.Views;

/// <summary>What probes read, as an HTML file that needs nothing beside it.</summary>
public static class ProbePage
{
    /// <summary>The page as text.</summary>
    /// <param name="probes">By layer, beside their controls.</param>
    /// <param name="sensitivity">How a metric would rise along the classes; null where nobody asked.</param>
    /// <param name="asked">What was probed, in words.</param>
    /// <param name="made">How to make it again.</param>
    public static string Render(LayerProbes probes, LayerSensitivities? sensitivity, string asked, Provenance made)
    {
        ArgumentNullException.ThrowIfNull(probes);
        ArgumentNullException.ThrowIfNull(asked);
        ArgumentNullException.ThrowIfNull(made);
        var page = new Markup();
        var best = probes.Best;
        PageFrame.Section[] sections =
        [
            new("read", "Read", "What can be read, layer by layer", () =>
            {
                page.Text("p", "A probe shows that something can be read off linearly, not that the model uses it.");
                Card(page, new ProbeProfilePlot(probes));
            }),
            .. sensitivity is null ? Array.Empty<PageFrame.Section>() :
            [
                new("moves", "Moves", $"Whether {sensitivity.Metric} would rise along it", () =>
                {
                    page.Text("p", "Derivatives along the concept’s direction: what a small step there would do, beside directions between random examples. p "
                        + "is that of the draws of counter-examples, adjusted for all layers and concepts (Holm).");
                    foreach (var concept in sensitivity.Rows.Select(r => r.Concept).Distinct())
                    {
                        Card(page, new ConceptSensitivityPlot(sensitivity, concept));
                    }
                }),
            ],
        ];
        return PageFrame.Render(page, "What probes read", asked + ".",
            [
                new($"best {probes.Metric}, layer {best.Layer}", Figures.Plain(best.Score.Mean)),
                new("p, its choice counted in", Figures.Probability(probes.BestP)), new("chance", Figures.Plain(probes.Chance)),
                new("examples", Figures.Count(probes.Examples)),
            ],
            sections, made, Report.StyleSheet);
    }

    private static void Card(Markup page, View view)
    {
        page.Open("div", ("class", "card measured"));
        view.Write(page);
        page.Close("div");
    }
}
