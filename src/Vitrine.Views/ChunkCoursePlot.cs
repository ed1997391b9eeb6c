using System.Globalization;
using Vitrine.Views.Drawing;

namespace Vitrine.Views;

/// <summary>A chunk taking shape: the path that it would be at every flow step, and every number of it from noise to its value.</summary>
/// <param name="shown">What to show.</param>
public sealed class ChunkCoursePlot(ShownChunk shown) : View
{
    private const double Side = 64, Width = 220, Height = 176, Left = 52, Right = 12, Top = 12, Floor = 132;

    internal override void Write(Markup page)
    {
        page.Open("figure", ("class", "course"), ("data-from", Left), ("data-pitch", (Width - Right - Left) / shown.Course.Steps));
        page.Open("div", ("class", "controls")).Open("label").Text("flow step ").Leaf("input", ("type", "range"), ("min", 0), ("max", shown.Course.Steps),
            ("value", shown.Course.Steps)).Close("label").Text("output", NameOf(shown.Course.Steps)).Close("div");
        if (shown.Picture is not null && shown.Paths.Count > 0)
        {
            page.Open("div", ("class", "shapes"));
            foreach (var (step, path) in shown.Paths.Index())
            {
                Path(page, step, path);
            }

            page.Close("div");
        }

        page.Open("div", ("class", "panels"));
        foreach (var (number, name) in shown.Course.Names.Index())
        {
            Panel(page, number, name);
        }

        page.Close("div");
        page.Open("div", ("class", "legend"))
            .Open("span").Leaf("i", ("class", "key after")).Text($"the {shown.Carried} rows that are carried out").Close("span")
            .Open("span").Leaf("i", ("class", "key later")).Text("rows behind them").Close("span")
            .Text("span", "from left to right: noise, then flow step by flow step, to the chunk; in the robot’s units").Close("div");
        Distances().WriteFolded(page);
        Chunk().WriteFolded(page);
        page.Close("figure");
    }

    private void Path(Markup page, int step, IReadOnlyList<PathPoint> path)
    {
        var name = NameOf(step);
        page.Open("div", ("class", "shape"), ("data-name", name)).OpenDrawing(
            "drawing picture", Side, Side, $"The path of the chunk: {name}",
            $"Where the gripper would go if what stood there {(step == 0 ? "before the first flow step" : $"behind flow step {step}")} were the chunk.");
        page.Leaf("image", ("href", SpriteSheet.Of(shown.Picture!).Uri), ("width", Side), ("height", Side), ("preserveAspectRatio", "none"));
        var points = string.Join(' ', path.Select(p => string.Create(CultureInfo.InvariantCulture, $"{p.X * Side:0.##},{p.Y * Side:0.##}")));
        page.Leaf("polyline", ("class", "path under"), ("points", points)).Leaf("polyline", ("class", "path"), ("points", points));
        foreach (var point in path)
        {
            page.Dot("gripper", point.X * Side, point.Y * Side, .7);
        }

        page.Close("svg").Text("p", name, ("class", "k")).Close("div");
    }

    private string NameOf(int step) => step == 0 ? "noise" : step == shown.Course.Steps ? "the chunk" : $"after step {step}";

    private void Panel(Markup page, int number, string name)
    {
        var rows = shown.Course.Values[0].Count;
        var y = AxisScale.Around(shown.Course.Values.SelectMany(step => step.Select(row => row[number])), Floor, Top);
        var x = new AxisScale(0, shown.Course.Steps, Left, Width - Right);
        var unit = shown.Units.GetValueOrDefault(name) is { Length: > 0 } given ? $", {given}" : "";
        page.OpenDrawing(
            "drawing panel", Width, Height, $"{name} of every row of the chunk, flow step by flow step",
            $"From noise to {string.Join(", ", shown.Course.Values[^1].Select(row => Figures.Change(row[number])))}.");
        foreach (var tick in y.Ticks(3))
        {
            page.Line(Math.Abs(tick) < 1e-12 ? "zero" : "axis", Left, y.At(tick), Width - Right, y.At(tick))
                .Label("small faint tick", Left - 6, y.At(tick) + 4.5, Figures.Change(tick, y.Decimals(3)), "end");
        }

        for (var row = rows - 1; row >= 0; row--)
        {
            var points = string.Join(' ', shown.Course.Values.Select((step, k)
                => string.Create(CultureInfo.InvariantCulture, $"{x.At(k):0.##},{y.At(step[row][number]):0.##}")));
            page.Open("polyline", ("class", row < shown.Carried ? "curve after" : "curve later"), ("points", points))
                .Text("title", $"row {row}: {Figures.Change(shown.Course.Values[^1][row][number])}").Close("polyline");
        }

        page.Leaf("line", ("class", "playhead"), ("x1", Width - Right), ("x2", Width - Right), ("y1", Top), ("y2", Floor));
        page.Label("small faint tick", Left, Floor + 17, "noise").Label("small faint tick", Width - Right, Floor + 17, "chunk", "end")
            .Label("small heading", Left, Height - 6, name + unit).Close("svg");
    }

    private NumberTable Distances()
    {
        var table = new NumberTable("how far from the chunk, root mean square, normalised", ["behind", "distance, normalised"]);
        for (var step = 0; step <= shown.Course.Steps; step++)
        {
            table.Add(NameOf(step), Figures.Plain(shown.Course.DistanceOf(step)));
        }

        return table;
    }

    private NumberTable Chunk()
    {
        var units = string.Join(
            "; ", shown.Units.Where(u => u.Value.Length > 0).GroupBy(u => u.Value).Select(u => $"{string.Join(", ", u.Select(n => n.Key))} in {u.Key}"));
        var table = new NumberTable($"the chunk{(units.Length > 0 ? $", {units}" : "")}", ["row", .. shown.Course.Names]);
        foreach (var (row, values) in shown.Course.Values[^1].Index())
        {
            table.Add([$"{row}", .. values.Select(v => Figures.Change(v))]);
        }

        return table;
    }
}
