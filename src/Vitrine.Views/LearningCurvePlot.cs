using System.Globalization;
using Vitrine.Views.Drawing;
using Vitrine.Worlds.Training;

namespace Vitrine.Views;

/// <summary>A training as it went: the loss and its parts over optimiser steps, each point the mean of a block of steps.</summary>
/// <param name="curve">What to draw.</param>
public sealed class LearningCurvePlot(LearningCurve curve) : View
{
    private const int Blocks = 80, Columns = 3;
    private const double Width = 240, Height = 150, Left = 48, Right = 12, Top = 24, Floor = 122;

    private const string Style =
        "text{font:11px system-ui,sans-serif;fill:#444}.heading{font-weight:600;fill:#111}.axis{stroke:#ddd}.zero{stroke:#999}"
            + ".curve{fill:none;stroke:#0b6e99;stroke-width:1.6}.ground{fill:#fff}";

    private static readonly Dictionary<string, string> Meant = new()
    {
        ["action"] = "action, nats a token",
        ["flow"] = "flow, squared error",
        ["xyz"] = "motion error, table widths",
        ["gripper"] = "grips that are right, share",
        ["patches"] = "what patches show",
        ["alignment"] = "patches and words",
        ["way"] = "way to the target",
        ["attention"] = "attention to the target, nats",
        ["language"] = "sentences, nats a token",
        ["chunk"] = "chunk from the state's token",
    };

    /// <summary>The picture as an SVG file of its own, which needs nothing beside it.</summary>
    public string RenderSvg()
    {
        var page = new Markup();
        Draw(page, style: Style);
        return page.ToString();
    }

    /// <summary>The picture as an HTML page of its own.</summary>
    /// <param name="title">Heading.</param>
    /// <param name="note">What was trained, and from where.</param>
    public string RenderPage(string title, string note) => PageHead.Alone(this, title, note);

    internal override void Write(Markup page)
    {
        if (curve.Points.Count == 0)
        {
            page.Text("p", "No step was taken.", ("class", "empty"));
            return;
        }

        page.Open("figure");
        Draw(page, Style);
        var blocks = curve.Blocks(12);
        string[] names = [.. blocks[0].Measures.Keys.Concat(blocks.SelectMany(b => b.Measures.Keys)).Distinct()];
        var table = new NumberTable("the training, block by block", ["up to step", "loss", .. names]);
        foreach (var block in blocks)
        {
            table.Add([$"{block.Step + 1}", Figures.Plain(block.Loss), .. names.Select(n => Figures.Plain(block.Measures.GetValueOrDefault(n, double.NaN)))]);
        }

        table.WriteFolded(page, brief: true);
        page.Close("figure");
    }

    private void Draw(Markup page, string style)
    {
        var blocks = curve.Blocks(Blocks);
        (string Name, (double Step, double Value)[] Line)[] panels =
        [
            ("loss", [.. blocks.Select(b => ((double)b.Step, b.Loss))]),
            .. Meant.Keys.Select(k => (Meant[k], blocks.Where(b => b.Measures.ContainsKey(k)).Select(b => ((double)b.Step, b.Measures[k])).ToArray()))
                .Where(p => p.Item2.Length > 0),
        ];
        var rows = (panels.Length + Columns - 1) / Columns;
        page.OpenDrawing(
            "drawing learning", Columns * Width, rows * Height, "The training, step by step",
            $"{curve.Points.Count} steps; loss {Figures.Plain(blocks[0].Loss)} at first, {Figures.Plain(blocks[^1].Loss)} at last.");
        page.Open("style").Raw(style).Close("style");
        page.Leaf("rect", ("class", "ground"), ("x", 0), ("y", 0), ("width", Columns * Width), ("height", rows * Height));
        foreach (var (i, (name, line)) in panels.Index())
        {
            Panel(page, i % Columns * Width, i / Columns * Height, name, line);
        }

        page.Close("svg");
    }

    private void Panel(Markup page, double left, double top, string name, (double Step, double Value)[] line)
    {
        var x = new AxisScale(0, Math.Max(1, curve.Points[^1].Step), left + Left, left + Width - Right);
        var y = AxisScale.Around(line.Select(p => p.Value), top + Floor, top + Top, ticks: 3);
        foreach (var tick in y.Ticks(3))
        {
            page.Line(Math.Abs(tick) < 1e-12 ? "zero" : "axis", left + Left, y.At(tick), left + Width - Right, y.At(tick))
                .Label("small faint", left + Left - 6, y.At(tick) + 4, tick.ToString($"F{y.Decimals(3)}", CultureInfo.InvariantCulture), "end");
        }

        page.Leaf("polyline", ("class", "curve"), ("points", string.Join(' ', line.Select(p
            => string.Create(CultureInfo.InvariantCulture, $"{x.At(p.Step):0.##},{y.At(p.Value):0.##}")))));
        page.Label("small heading", left + Left, top + 14, name)
            .Label("small faint", left + Left, top + Floor + 15, "0")
            .Label("small faint", left + Width - Right, top + Floor + 15, $"step {curve.Points[^1].Step + 1}", "end");
    }
}
