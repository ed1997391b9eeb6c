namespace Vitrine.Views.Drawing;

/// <summary>The scale of maps, drawn: what the veil hides, what it shows, and where a map without a preference would stand.</summary>
internal static class VeilLegend
{
    /// <summary>The legend of maps whose veil lifts.</summary>
    /// <param name="page">Where to.</param>
    /// <param name="most">What is shown in full.</param>
    /// <param name="print">Prints a number of the maps.</param>
    /// <param name="uniform">What every patch would have if all had the same; null where that means nothing.</param>
    /// <param name="atLeast">Whether larger numbers are shown in full too.</param>
    public static void Write(Markup page, double most, Func<double, string> print, double? uniform = null, bool atLeast = false)
    {
        page.Open("div", ("class", "map-scale")).Text("span", "one scale for all maps:").Text("span", print(0)).Open("i", ("class", "ramp veil-ramp"));
        if (uniform is { } even && most > 0 && even < most)
        {
            page.Leaf("b", ("style", FormattableString.Invariant($"left:{even / most * 100:0.#}%")));
        }

        page.Close("i").Text("span", (atLeast ? "from " : "") + print(most) + (atLeast ? " on" : ""));
        if (uniform is { } alike)
        {
            page.Text("span", $"mark: {print(alike)}, what each patch gets from a head that looks everywhere alike");
        }

        page.Close("div");
    }

    /// <summary>The legend of maps with a sign.</summary>
    public static void WriteSigned(Markup page, double most, Func<double, string> print, bool atLeast = false)
        => page.Open("div", ("class", "map-scale")).Text("span", "one scale for all maps:").Text("span", (atLeast ? "up to " : "") + print(-most))
            .Leaf("i", ("class", "ramp signed-ramp")).Text("span", (atLeast ? "from " : "") + print(most) + (atLeast ? " on" : "")).Close("div");
}
