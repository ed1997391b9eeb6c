using Vitrine.Mechanisms.Circuits;
using Vitrine.Views.Drawing;

namespace Vitrine.Views;

/// <summary>What circuits of growing size keep of the metric's difference, and what is left without them, beside random circuits of as many edges.</summary>
/// <remarks>It is drawn twice, for a wide page and for a narrow one; the style sheet shows the one that fits.</remarks>
/// <param name="curve">Its points.</param>
public sealed class CircuitCurvePlot(IReadOnlyList<CurvePoint> curve) : View
{
    internal override void Write(Markup page)
    {
        var points = curve.Where(p => double.IsFinite(p.Kept) && double.IsFinite(p.Removed)).OrderBy(p => p.Edges).DistinctBy(p => p.Edges).ToArray();
        if (points.Length == 0)
        {
            page.Text("p", "No circuit was run.", ("class", "empty"));
            return;
        }

        page.Open("figure");
        Draw(page, "drawing wide kept-curve", 1000, 300, points);
        Draw(page, "drawing narrow kept-curve", 360, 280, points);
        page.Open("div", ("class", "legend"));
        page.Open("span").Leaf("i", ("class", "key kept-line")).Text("kept by the circuit alone (faithfulness)").Close("span");
        page.Open("span").Leaf("i", ("class", "key left-line")).Text("left without it (completeness)").Close("span");
        page.Open("span").Leaf("i", ("class", "key ring")).Text("kept by random circuits of as many edges").Close("span");
        page.Text("span", "across: edges, in powers of two").Close("div");
        var table = new NumberTable("share of the metric's difference", ["edges", "kept", "random kept: most", "left without", "random left: least"]);
        foreach (var point in points)
        {
            table.Add(
                Figures.Count(point.Edges), Figures.Plain(point.Kept), Figures.Plain(point.RandomKept.DefaultIfEmpty(double.NaN).Max()),
                Figures.Plain(point.Removed), Figures.Plain(point.RandomRemoved.DefaultIfEmpty(double.NaN).Min()));
        }

        table.WriteFolded(page, brief: true);
        page.Close("figure");
    }

    private static void Draw(Markup page, string @class, double width, double height, CurvePoint[] points)
    {
        var (left, right, top, floor) = (44.0, width - 16, 14.0, height - 34);
        var y = AxisScale.Around(
            points.SelectMany(p => p.RandomKept.Where(double.IsFinite).Append(p.Kept).Append(p.Removed)).Select(v => Math.Clamp(v, -1, 2)).Append(1),
            floor, top);
        var x = new AxisScale(Place(points[0].Edges), Math.Max(Place(points[0].Edges) + 1, Place(points[^1].Edges)), left + 10, right - 10);
        page.OpenDrawing(@class, width, height, "What circuits keep, size by size",
            string.Join(" ", points.Select(p => $"{p.Edges} edges keep {Figures.Percent(p.Kept)}, without them {Figures.Percent(p.Removed)} are left.")));
        foreach (var tick in y.Ticks())
        {
            page.Line(Math.Abs(tick) < 1e-12 ? "zero" : "axis", left, y.At(tick), right, y.At(tick))
                .Label("small faint", left - 8, y.At(tick) + 4, Figures.Plain(tick, y.Decimals()), "end");
        }

        var last = double.NegativeInfinity;
        foreach (var point in points.Where(p => x.At(Place(p.Edges)) is var at && (at - last > 44 || p == points[^1]) && (last = at) == at))
        {
            page.Label("small faint", x.At(Place(point.Edges)), floor + 20, Figures.Count(point.Edges), "middle");
        }

        foreach (var point in points)
        {
            foreach (var random in point.RandomKept.Where(double.IsFinite))
            {
                page.Dot("random-point", x.At(Place(point.Edges)), y.At(Math.Clamp(random, -1, 2)), 3.6);
            }
        }

        Path(page, "left-path", points.Select(p => (x.At(Place(p.Edges)), y.At(Math.Clamp(p.Removed, -1, 2)))));
        Path(page, "kept-path", points.Select(p => (x.At(Place(p.Edges)), y.At(Math.Clamp(p.Kept, -1, 2)))));
        foreach (var point in points)
        {
            page.Dot("kept-point", x.At(Place(point.Edges)), y.At(Math.Clamp(point.Kept, -1, 2)), 4);
        }

        page.Close("svg");
    }

    /// <summary>Sizes stand at the logarithm of one more.</summary>
    private static double Place(int edges) => Math.Log2(edges + 1);

    private static void Path(Markup page, string @class, IEnumerable<(double X, double Y)> points)
        => page.Leaf("path", ("class", @class), ("d", "M" + string.Join(" L", points.Select(p => FormattableString.Invariant($"{p.X:0.#} {p.Y:0.#}")))));
}
