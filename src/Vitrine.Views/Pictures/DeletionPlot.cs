using Vitrine.Mechanisms.Pictures;
using Vitrine.Views.Drawing;

namespace Vitrine.Views;

/// <summary>What happens when the patches that a method puts first are taken away, beside as many random ones.</summary>
/// <remarks>It is drawn twice, for a wide page and for a narrow one; the style sheet shows the one that fits.</remarks>
/// <param name="evidence">Method by method.</param>
/// <param name="measure">What is measured, in words.</param>
public sealed class DeletionPlot(IReadOnlyList<PatchEvidence> evidence, string measure) : View
{
    internal override void Write(Markup page)
    {
        if (evidence.Count == 0)
        {
            page.Text("p", "No patch was taken away.", ("class", "empty"));
            return;
        }

        page.Open("figure");
        Draw(page, "drawing wide", 1000, 250, 30);
        Draw(page, "drawing narrow", 360, 0, 46);
        page.Open("div", ("class", "legend"));
        page.Open("span").Leaf("i", ("class", "key dot")).Text($"the {evidence[0].Deletion.Patches.Count} patches that the method puts first, taken away")
            .Close("span");
        page.Open("span").Leaf("i", ("class", "key ring")).Text("as many random ones").Close("span");
        page.Text("span", $"axis: change of the {measure}, in logits").Close("div");
        var table = new NumberTable($"change of the {measure} when patches are taken away, in logits",
            ["method", "patches", "change", "random: mean", "random: least", "random: most", "random at least as low"]);
        foreach (var one in evidence)
        {
            var random = one.Deletion.Random;
            table.Add(one.Method, $"{one.Deletion.Patches.Count}", Figures.Change(one.Deletion.Effect),
                Figures.Change(random.DefaultIfEmpty(double.NaN)
                    .Average()), Figures.Change(random.DefaultIfEmpty(double.NaN).Min()), Figures.Change(random.DefaultIfEmpty(double.NaN)
                    .Max()), $"{one.Deletion.AsLow} of {random.Count}");
        }

        table.WriteFolded(page, brief: true);
        page.Close("figure");
    }

    private void Draw(Markup page, string @class, double width, double labels, double pitch)
    {
        var (left, right, top) = (labels > 0 ? labels + 12 : 26, width - 30, labels > 0 ? 10.0 : 20.0);
        var floor = top + (evidence.Count * pitch);
        var scale = AxisScale.Around(evidence.SelectMany(e => e.Deletion.Random.Append(e.Deletion.Effect)), left, right);
        page.OpenDrawing(@class, width, floor + 26, "Patches taken away, method by method",
            string.Join(" ",
                evidence.Select(e => $"{e.Method}: {Figures.Change(e.Deletion.Effect)}, random "
                    + $"{Figures.Change(e.Deletion.Random.DefaultIfEmpty(double.NaN).Average())} on average.")));
        foreach (var tick in scale.Ticks())
        {
            page.Line(Math.Abs(tick) < 1e-12 ? "zero" : "axis", scale.At(tick), top - 6, scale.At(tick), floor)
                .Label("small faint", scale.At(tick), floor + 18, Figures.Change(tick, scale.Decimals()), "middle");
        }

        foreach (var (index, one) in evidence.Index())
        {
            var y = top + (index * pitch) + (pitch / 2);
            _ = labels > 0 ? page.Label("", labels - 8, y + 4.5, one.Method, "end") : page.Label("small halo", 0, y - 12, one.Method);
            foreach (var random in one.Deletion.Random.Where(double.IsFinite))
            {
                page.Dot("random-dot", scale.At(random), y, 4);
            }

            if (double.IsFinite(one.Deletion.Effect))
            {
                page.Dot("estimate", scale.At(one.Deletion.Effect), y, 5);
            }
        }

        page.Close("svg");
    }
}
