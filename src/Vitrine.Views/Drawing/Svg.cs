namespace Vitrine.Views.Drawing;

/// <summary>The shapes that the drawings are made of; colours and weights are classes of the page's style sheet.</summary>
internal static class Svg
{
    /// <summary>Opens a drawing that a screen reader meets as one picture with a name and a description.</summary>
    public static Markup OpenDrawing(this Markup page, string @class, double width, double height, string title, string description)
        => page.Open("svg", ("xmlns", "http://www.w3.org/2000/svg"), ("class", @class),
            ("viewBox", FormattableString.Invariant($"0 0 {width:0.##} {height:0.##}")), ("role", "img"))
            .Text("title", title).Text("desc", description);

    /// <summary>Opens a drawing with links in it: a group, since nothing inside one picture could be reached.</summary>
    public static Markup OpenLinked(this Markup page, string @class, double width, double height, string title, string description)
        => page.Open("svg", ("xmlns", "http://www.w3.org/2000/svg"), ("class", @class),
            ("viewBox", FormattableString.Invariant($"0 0 {width:0.##} {height:0.##}")), ("role", "group"), ("aria-label", title))
            .Text("title", title).Text("desc", description);

    /// <summary>A line of text that leads to a place; plain text where the page has none.</summary>
    public static Markup LinkedLabel(this Markup page, string place, string @class, double x, double y, string text, string anchor = "start")
    {
        if (!page.Places.Has(place))
        {
            return page.Label(@class, x, y, text, anchor);
        }

        return page.Open("a", ("href", "#" + place)).Label(@class, x, y, text, anchor).Close("a");
    }

    /// <summary>A straight line.</summary>
    public static Markup Line(this Markup page, string @class, double x1, double y1, double x2, double y2)
        => page.Leaf("line", ("class", @class), ("x1", x1), ("y1", y1), ("x2", x2), ("y2", y2));

    /// <summary>A rectangle with rounded corners.</summary>
    public static Markup Box(this Markup page, string @class, double x, double y, double width, double height, double corner = 3)
        => page.Leaf("rect", ("class", @class), ("x", x), ("y", y), ("width", Math.Max(0, width)), ("height", Math.Max(0, height)),
            ("rx", Math.Min(corner, Math.Max(0, Math.Min(width, height)) / 2)));

    /// <summary>A circle.</summary>
    public static Markup Dot(this Markup page, string @class, double x, double y, double radius)
        => page.Leaf("circle", ("class", @class), ("cx", x), ("cy", y), ("r", radius));

    /// <summary>A line of text; <paramref name="anchor"/> is start, middle or end.</summary>
    public static Markup Label(this Markup page, string @class, double x, double y, string text, string anchor = "start")
        => page.Text("text", text, ("class", @class), ("x", x), ("y", y), ("text-anchor", anchor == "start" ? null : anchor));
}
