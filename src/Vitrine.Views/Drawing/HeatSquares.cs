namespace Vitrine.Views.Drawing;

/// <summary>A matrix of numbers from 0 to 1 as squares: pale is 0, full is 1.</summary>
internal static class HeatSquares
{
    private const double Side = 400, Top = 10, Sign = 10.6;

    /// <summary>Draws it.</summary>
    /// <param name="page">Where to.</param>
    /// <param name="title">Of the drawing, for those who hear it.</param>
    /// <param name="rows">Names, from the top.</param>
    /// <param name="columns">Names, from the left.</param>
    /// <param name="values">[row][column].</param>
    /// <param name="across">What the columns are, under them; may be empty.</param>
    /// <param name="down">What the rows are, above them; may be empty.</param>
    public static void Write(
        Markup page, string title, IReadOnlyList<string> rows, IReadOnlyList<string> columns, IReadOnlyList<IReadOnlyList<double>> values, string across,
        string down)
    {
        var left = Math.Min(190, 22 + (Sign * rows.Max(r => r.Length)));
        var (width, height) = ((Side - Top) / columns.Count, Math.Min((Side - Top) / columns.Count, 300.0 / rows.Count));
        var top = down.Length > 0 ? Top + 26 : Top;
        var floor = top + (height * rows.Count);
        page.OpenDrawing("drawing profile squares", left + Side, floor + (across.Length > 0 ? 48 : 26), title, "The numbers stand under it.");
        if (down.Length > 0)
        {
            page.Label("small soft", 0, Top + 10, down);
        }

        foreach (var (i, row) in rows.Index())
        {
            if (i % (int)Math.Ceiling(rows.Count / 14.0) == 0)
            {
                page.Label("small soft", left - 8, top + ((i + .5) * height) + 5, Cut(row, (int)(left / Sign)), "end");
            }

            foreach (var (j, column) in columns.Index())
            {
                page.Open("rect", ("class", "bar"), ("x", left + (j * width)), ("y", top + (i * height)), ("width", width - 1), ("height", height - 1),
                    ("fill-opacity", double.IsFinite(values[i][j]) ? .04 + (.96 * Math.Clamp(values[i][j], 0, 1)) : 0))
                    .Text("title", $"{row}, {column}: {Figures.Plain(values[i][j])}").Close("rect");
            }
        }

        var every = (int)Math.Ceiling(columns.Count * columns.Max(c => (c.Length + 1.5) * Sign) / Side);
        foreach (var (j, column) in columns.Index().Where(c => c.Index % every == 0))
        {
            page.Label("small soft", left + ((j + .5) * width), floor + 18, column, "middle");
        }

        if (across.Length > 0)
        {
            page.Label("small soft", left + (Side / 2), floor + 42, across, "middle");
        }

        page.Close("svg");
    }

    private static string Cut(string name, int most) => name.Length <= most ? name : name[..Math.Max(1, most - 1)] + "…";
}
