using System.Globalization;

namespace Vitrine.Views.Drawing;

/// <summary>A table cell whose tint is a fraction, and stays light enough for the text on it.</summary>
internal static class HeatCell
{
    /// <summary>Writes the cell.</summary>
    /// <param name="page">Where to.</param>
    /// <param name="share">What is printed.</param>
    /// <param name="small">Stands under it.</param>
    /// <param name="tinted">What the tint says; the share itself where null.</param>
    public static void Write(Markup page, double share, string? small, double? tinted = null)
    {
        if (!double.IsFinite(share))
        {
            page.Text("td", Figures.Missing, ("class", "void"));
            return;
        }

        var tint = Math.Clamp(tinted ?? share, 0, 1);
        page.Open("td", ("style", "--v:" + tint.ToString("0.##", CultureInfo.InvariantCulture)), ("class", tint >= .5 ? "hot" : null))
            .Text(Figures.Plain(share * 100, 0)).Text("span", "\u00A0%", ("class", "unit"));
        if (small is not null)
        {
            page.Text("small", small);
        }

        page.Close("td");
    }
}
