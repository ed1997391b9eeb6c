using Vitrine.Mechanisms.Probes;
using Vitrine.Views.Drawing;

namespace Vitrine.Views;

/// <summary>
/// TCAV of a concept by layer: the share of inputs whose metric would rise along it (dots, with the range of their draws) before the range of random concepts
/// (bands).
/// </summary>
/// <param name="found">What was found.</param>
/// <param name="concept">Which of its concepts.</param>
public sealed class ConceptSensitivityPlot(LayerSensitivities found, string concept) : View
{
    internal override void Write(Markup page)
    {
        LayerSensitivity[] rows = [.. found.Rows.Where(r => r.Concept == concept)];
        if (rows.Length == 0)
        {
            page.Text("p", "No layer was tested.", ("class", "empty"));
            return;
        }

        page.Open("figure");
        LayerMarks.Write(page, $"{found.Metric} along {concept}, by layer", [.. rows.Select(Mark)]);
        page.Open("div");
        LayerMarks.Legend(
            page, $"share of {found.Inputs} inputs whose {found.Metric} would rise along ‘{concept}’, with the range of its draws",
            "the range of random concepts");
        var table = new NumberTable(
            $"{found.Metric} along {concept}", ["layer", "share", "least draw", "largest draw", "random, mean", "least", "largest", "p (Holm)"]);
        foreach (var row in rows)
        {
            var (shares, random) = (row.Found?.Shares ?? [double.NaN], row.Found?.RandomShares ?? [double.NaN]);
            table.Add($"{row.Layer}", Figures.Plain(shares.Average(), 2), Figures.Plain(shares.Min(), 2), Figures.Plain(shares.Max(), 2),
                Figures.Plain(random.Average(), 2), Figures.Plain(random.Min(), 2), Figures.Plain(random.Max(), 2),
                row.P is { } p ? Figures.Probability(p) : Figures.Missing);
        }

        table.WriteFolded(page, brief: true);
        page.Close("div").Close("figure");
    }

    private static LayerMark Mark(LayerSensitivity row) => row.Found is { } test
        ? new(row.Layer, test.Score, test.Shares.Min(), test.Shares.Max(), test.RandomShares.Min(), test.RandomShares.Max())
        : new(row.Layer, double.NaN, double.NaN, double.NaN, double.NaN, double.NaN);
}
