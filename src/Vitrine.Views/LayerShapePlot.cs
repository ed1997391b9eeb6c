using Vitrine.Mechanisms.Probes;
using Vitrine.Views.Drawing;

namespace Vitrine.Views;

/// <summary>How many directions the examples of each layer use: the participation ratio (bars) and the dimension by TwoNN (line).</summary>
/// <param name="layers">What to draw.</param>
public sealed class LayerShapePlot(IReadOnlyList<LayerGeometry> layers) : View
{
    private const double Left = 66, Right = 470, Top = 16, Floor = 208, Height = 256;

    internal override void Write(Markup page)
    {
        page.Open("figure");
        Draw(page);
        page.Open("div").Open("div", ("class", "legend"));
        page.Open("span").Leaf("i", ("class", "key bar")).Text("participation ratio of the covariance").Close("span");
        page.Open("span").Leaf("i", ("class", "key line")).Text("dimension by the two nearest neighbours (TwoNN)").Close("span").Close("div");
        var table = new NumberTable(
            "dimensions by layer", ["layer", "width", "participation ratio", "TwoNN", "first component", "second", "components for 90 %"]);
        foreach (var layer in layers)
        {
            table.Add($"{layer.Layer}", $"{layer.Width}", Figures.Plain(layer.ParticipationRatio, 1),
                Figures.Plain(layer.TwoNearestNeighbours ?? double.NaN, 1), Figures.Percent(layer.Shares[0]),
                Figures.Percent(layer.Shares.Count > 1 ? layer.Shares[1] : double.NaN), $"{layer.Needed}");
        }

        table.WriteFolded(page, brief: true);
        page.Close("div").Close("figure");
    }

    private void Draw(Markup page)
    {
        var scale = AxisScale.Around(layers.SelectMany(l => new[] { l.ParticipationRatio, l.TwoNearestNeighbours ?? 0 }), Floor, Top);
        var pitch = (Right - Left) / layers.Count;
        var bar = Math.Min(36, pitch * .56);
        double Middle(int index) => Left + ((index + .5) * pitch);

        page.OpenDrawing("drawing profile", 480, Height, "Dimensions by layer", string.Join(" ", layers.Select(l => $"Layer {l.Layer}: "
            + $"participation ratio {Figures.Plain(l.ParticipationRatio, 1)}, TwoNN {Figures.Plain(l.TwoNearestNeighbours ?? double.NaN, 1)}.")));
        foreach (var tick in scale.Ticks())
        {
            page.Line("axis", Left, scale.At(tick), Right, scale.At(tick))
                .Label("small faint", Left - 8, scale.At(tick) + 4, Figures.Plain(tick, scale.Decimals()), "end");
        }

        var every = (int)Math.Ceiling(layers.Count / 16.0);
        foreach (var (index, layer) in layers.Index())
        {
            page.Box("bar", Middle(index) - (bar / 2), scale.At(layer.ParticipationRatio), bar, Floor - scale.At(layer.ParticipationRatio));
            if (index % every == 0)
            {
                page.Label("small soft", Middle(index), Floor + 20, $"{layer.Layer}", "middle");
            }
        }

        var line = layers.Index().Where(l => l.Item.TwoNearestNeighbours is not null)
            .Select(l => (X: Middle(l.Index), Y: scale.At(l.Item.TwoNearestNeighbours!.Value))).ToList();
        page.Leaf("polyline", ("points", string.Join(' ', line.Select(at => FormattableString.Invariant($"{at.X:0.##},{at.Y:0.##}")))));
        line.ForEach(at => page.Dot("", at.X, at.Y, layers.Count > 16 ? 2.5 : 3.5));
        page.Label("small soft", (Left + Right) / 2, Height - 2, "layer", "middle").Close("svg");
    }
}
