namespace Vitrine.Views.Drawing;

/// <summary>A number of a layer beside its control.</summary>
/// <param name="Layer">Block, from 0.</param>
/// <param name="Value">What was measured; NaN where nothing was.</param>
/// <param name="Low">The least of its draws.</param>
/// <param name="High">The largest.</param>
/// <param name="ControlLow">The least of the control's draws.</param>
/// <param name="ControlHigh">The largest.</param>
internal readonly record struct LayerMark(int Layer, double Value, double Low, double High, double ControlLow, double ControlHigh);

/// <summary>Numbers by layer (dots with the range of their draws), each before the range of its control (bands).</summary>
internal static class LayerMarks
{
    private const double Left = 66, Right = 470, Top = 16, Floor = 208, Height = 256;

    /// <summary>Draws them.</summary>
    /// <param name="page">Where to.</param>
    /// <param name="title">Of the drawing, for those who hear it.</param>
    /// <param name="marks">In order.</param>
    /// <param name="ticks">[layer]: another control, as a tick across; none where null.</param>
    public static void Write(Markup page, string title, IReadOnlyList<LayerMark> marks, IReadOnlyList<double>? ticks = null)
    {
        var scale = AxisScale.Around(
            marks.SelectMany(m => new[] { m.Low, m.High, m.Value, m.ControlLow, m.ControlHigh }).Concat(ticks ?? []).Where(double.IsFinite), Floor, Top);
        var pitch = (Right - Left) / marks.Count;
        var wide = Math.Min(36, pitch * .56);
        double Middle(int index) => Left + ((index + .5) * pitch);

        page.OpenDrawing("drawing profile", 480, Height, title, string.Join(" ", marks.Select(m => double.IsFinite(m.Value)
            ? $"Layer {m.Layer}: {Figures.Plain(m.Value)}, its control {Figures.Plain(m.ControlLow)} to {Figures.Plain(m.ControlHigh)}."
            : $"Layer {m.Layer}: nothing was measured.")));
        foreach (var tick in scale.Ticks())
        {
            page.Line("axis", Left, scale.At(tick), Right, scale.At(tick))
                .Label("small faint", Left - 8, scale.At(tick) + 4, Figures.Plain(tick, scale.Decimals()), "end");
        }

        var every = (int)Math.Ceiling(marks.Count / 16.0);
        foreach (var (index, mark) in marks.Index())
        {
            var x = Middle(index);
            if (double.IsFinite(mark.Value))
            {
                var (top, bottom) = (scale.At(mark.ControlHigh), scale.At(mark.ControlLow));
                page.Box("draws", x - (wide / 2), Math.Min(top, bottom - 2), wide, Math.Max(2, bottom - top))
                    .Line("interval", x, scale.At(mark.Low), x, scale.At(mark.High))
                    .Dot("estimate", x, scale.At(mark.Value), marks.Count > 16 ? 2.5 : 4);
                if (ticks is not null)
                {
                    page.Line("shuffled", x - (wide / 2) - 4, scale.At(ticks[index]), x + (wide / 2) + 4, scale.At(ticks[index]));
                }
            }

            if (index % every == 0)
            {
                page.Label("small soft", x, Floor + 20, $"{mark.Layer}", "middle");
            }
        }

        page.Label("small soft", (Left + Right) / 2, Height - 2, "layer", "middle").Close("svg");
    }

    /// <summary>What the marks of a drawing are.</summary>
    public static void Legend(Markup page, string value, string control, string? tick = null)
    {
        page.Open("div", ("class", "legend"));
        page.Open("span").Leaf("i", ("class", "key dot")).Text(value).Close("span");
        page.Open("span").Leaf("i", ("class", "key band")).Text(control).Close("span");
        if (tick is not null)
        {
            page.Open("span").Leaf("i", ("class", "key tick")).Text(tick).Close("span");
        }

        page.Close("div");
    }
}
