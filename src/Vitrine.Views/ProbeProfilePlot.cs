using Vitrine.Mechanisms.Probes;
using Vitrine.Views.Drawing;

namespace Vitrine.Views;

/// <summary>
/// What probes read layer by layer: the score (bars) with its interval, the best of the shuffled labels (ticks), the control task (line), chance (dashes).
/// </summary>
/// <param name="probes">What to draw.</param>
public sealed class ProbeProfilePlot(LayerProbes probes) : View
{
    private const double Left = 66, Right = 470, Top = 16, Floor = 208, Height = 256;

    internal override void Write(Markup page)
    {
        page.Open("figure");
        Draw(page);
        page.Open("div").Open("div", ("class", "legend"));
        page.Open("span").Leaf("i", ("class", "key bar")).Text($"{probes.Metric} on held-out examples, with its 95 % interval").Close("span");
        page.Open("span").Leaf("i", ("class", "key tick")).Text("the best of the shuffled labels").Close("span");
        if (probes.Rows.Any(r => r.Control is not null))
        {
            page.Open("span").Leaf("i", ("class", "key line")).Text("control task: every type a label at random").Close("span");
        }

        page.Open("span").Leaf("i", ("class", "key chance")).Text($"chance, {Figures.Plain(probes.Chance)}").Close("span").Close("div");
        var table = new NumberTable(
            $"{probes.Metric} by layer", ["layer", probes.Metric, "low", "high", "shuffled, mean", "shuffled, largest", "control task"]);
        foreach (var row in probes.Rows)
        {
            table.Add($"{row.Layer}", Figures.Plain(row.Score.Mean), Figures.Plain(row.Score.Low), Figures.Plain(row.Score.High),
                Figures.Plain(row.Shuffled.Mean), Figures.Plain(row.Shuffled.Largest), Figures.Plain(row.Control?.Mean ?? double.NaN));
        }

        table.WriteFolded(page, brief: true);
        page.Close("div").Close("figure");
    }

    private void Draw(Markup page)
    {
        var rows = probes.Rows;

        // An R2 far below zero says that the probe is of no use; how far is no reason to flatten the rest.
        double Shown(double score) => Math.Max(score, -.25);
        var scale = AxisScale.Around(rows.SelectMany(r => new[] { r.Score.High, r.Score.Mean, r.Shuffled.Largest, r.Control?.Mean ?? 0 }).Select(Shown)
            .Append(probes.Chance), Floor, Top);
        var pitch = (Right - Left) / rows.Count;
        var bar = Math.Min(36, pitch * .56);
        double Middle(int index) => Left + ((index + .5) * pitch);

        page.OpenDrawing("drawing profile", 480, Height, $"What probes read, by layer ({probes.Metric})",
            $"The best is layer {probes.Best.Layer} with {Figures.Plain(probes.Best.Score.Mean)}; with shuffled labels at most "
                + $"{Figures.Plain(rows.Max(r => r.Shuffled.Largest))}; chance is {Figures.Plain(probes.Chance)}.");
        foreach (var tick in scale.Ticks())
        {
            page.Line("axis", Left, scale.At(tick), Right, scale.At(tick))
                .Label("small faint", Left - 8, scale.At(tick) + 4, Figures.Plain(tick, scale.Decimals()), "end");
        }

        var every = (int)Math.Ceiling(rows.Count / 16.0);
        foreach (var (index, row) in rows.Index())
        {
            var (x, from, to) = (Middle(index), scale.At(Shown(row.Score.Mean)), scale.At(0));
            page.Open("rect", ("class", "bar"), ("x", x - (bar / 2)), ("y", Math.Min(from, to)), ("width", bar), ("height", Math.Abs(to - from)))
                .Text("title", $"layer {row.Layer}: {Figures.Plain(row.Score.Mean)} [{Figures.Plain(row.Score.Low)}, {Figures.Plain(row.Score.High)}]")
                .Close("rect");
            page.Line("axis", x, scale.At(Shown(row.Score.Low)), x, scale.At(Shown(row.Score.High)));
            page.Line("shuffled", x - (bar / 2) - 4, scale.At(Shown(row.Shuffled.Largest)), x + (bar / 2) + 4, scale.At(Shown(row.Shuffled.Largest)));
            if (index % every == 0)
            {
                page.Label("small soft", x, Floor + 20, $"{row.Layer}", "middle");
            }
        }

        page.Line("chance", Left, scale.At(probes.Chance), Right, scale.At(probes.Chance))
            .Label("small chance-label", Right, scale.At(probes.Chance) - 5, "chance", "end");
        var controls = rows.Index().Where(r => r.Item.Control is not null).Select(r => (X: Middle(r.Index), Y: scale.At(Shown(r.Item.Control!.Mean)))).ToList();
        if (controls.Count > 0)
        {
            page.Leaf("polyline", ("class", "actions"),
                ("points", string.Join(' ', controls.Select(at => FormattableString.Invariant($"{at.X:0.##},{at.Y:0.##}")))));
        }

        page.Label("small soft", (Left + Right) / 2, Height - 2, "layer", "middle").Close("svg");
    }
}
