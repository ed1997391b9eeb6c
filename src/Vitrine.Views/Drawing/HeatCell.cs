using System.Globalization;

namespace Vitrine.Views.Drawing;

/// <summary>A table cell whose tint says what its number says: the tint is a fraction, and stays light enough for the text on it.</summary>
internal static class HeatCell
{
    /// <summary>Writes the cell; <paramref name="small"/> stands under the share.</summary>
    public static void Write(Markup page, double share, string? small)
    {
        if (!double.IsFinite(share))
        {
            page.Text("td", Figures.Missing, ("class", "void"));
            return;
        }

        var tint = Math.Clamp(share, 0, 1);
        page.Open("td", ("style", "--v:" + tint.ToString("0.##", CultureInfo.InvariantCulture)), ("class", tint >= .5 ? "hot" : null))
            .Text(Figures.Plain(share * 100, 0)).Text("span", "\u00A0%", ("class", "unit"));
        if (small is not null)
        {
            page.Text("small", small);
        }

        page.Close("td");
    }
}
