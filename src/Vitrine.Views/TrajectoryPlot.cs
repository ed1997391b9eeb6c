using Vitrine.Mechanisms.Lenses;
using Vitrine.Views.Drawing;

namespace Vitrine.Views;

/// <summary>A prediction's trajectory at one place: KL from the answer (line) and entropy (bars) as blocks go by, in nats.</summary>
/// <param name="place">Where.</param>
public sealed class TrajectoryPlot(LensPlace place) : View
{
    private const double Left = 66, Right = 470, Top = 16, Floor = 208, Height = 256;

    internal override void Write(Markup page)
    {
        LensCell[] cells = [.. place.Cells.Where(c => c.Entropy is not null)];
        if (cells.Length == 0)
        {
            page.Text("p", "No distribution was read here.", ("class", "empty"));
            return;
        }

        page.Open("figure");
        Draw(page, cells);
        page.Open("div").Open("div", ("class", "legend"));
        page.Open("span").Leaf("i", ("class", "key bar")).Text("entropy of what the state says, nats").Close("span");
        page.Open("span").Leaf("i", ("class", "key line")).Text("KL of it from what the model answers, nats").Close("span").Close("div");
        var table = new NumberTable(
            $"trajectory at {TokenStrip.Visible(place.Token)}, followed is {TokenStrip.Visible(place.TargetText ?? "")}",
            ["behind", "entropy", "KL", "above it", "first"]);
        foreach (var cell in cells)
        {
            table.Add(cell.State, Figures.Plain(cell.Entropy!.Value, 3), Figures.Plain(cell.Divergence ?? double.NaN, 3), $"{cell.Rank}",
                TokenStrip.Visible(cell.Top.Count > 0 ? cell.Top[0].Token : ""));
        }

        table.WriteFolded(page, brief: true);
        page.Close("div").Close("figure");
    }

    private static void Draw(Markup page, LensCell[] cells)
    {
        var nats = AxisScale.Around(cells.SelectMany(c => new[] { c.Entropy!.Value, c.Divergence ?? 0 }), Floor, Top);
        var pitch = (Right - Left) / cells.Length;
        var bar = Math.Min(36, pitch * .56);
        double Middle(int index) => Left + ((index + .5) * pitch);
        page.OpenDrawing("drawing profile", 480, Height, "Trajectory of the prediction",
            $"Entropy from {Figures.Plain(cells[0].Entropy!.Value, 2)} to {Figures.Plain(cells[^1].Entropy!.Value, 2)} nats; KL from the answer from "
                + $"{Figures.Plain(cells[0].Divergence ?? double.NaN, 2)} to 0.");
        foreach (var tick in nats.Ticks())
        {
            page.Line("axis", Left, nats.At(tick), Right, nats.At(tick))
                .Label("small faint", Left - 8, nats.At(tick) + 4, Figures.Plain(tick, nats.Decimals()), "end");
        }

        var every = (int)Math.Ceiling(cells.Length / 16.0);
        foreach (var (index, cell) in cells.Index())
        {
            page.Box("bar", Middle(index) - (bar / 2), nats.At(cell.Entropy!.Value), bar, Floor - nats.At(cell.Entropy.Value));
            if (index % every == 0)
            {
                page.Label("small soft", Middle(index), Floor + 20, $"{cell.Depth}", "middle");
            }
        }

        var drawn = cells.Index().Where(c => c.Item.Divergence is not null).Select(c => (X: Middle(c.Index), Y: nats.At(c.Item.Divergence!.Value))).ToList();
        page.Leaf("polyline", ("class", "actions"), ("points", string.Join(' ', drawn.Select(at => FormattableString.Invariant($"{at.X:0.##},{at.Y:0.##}")))));
        foreach (var (x, y) in drawn)
        {
            page.Dot("actions", x, y, cells.Length > 16 ? 2.5 : 3.5);
        }

        page.Label("small soft", (Left + Right) / 2, Height - 2, "blocks behind it", "middle").Close("svg");
    }
}
