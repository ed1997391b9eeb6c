using Vitrine.Mechanisms.Pictures;
using Vitrine.Views.Drawing;

namespace Vitrine.Views;

/// <summary>The first classes of an answer, with bars for their probabilities, or their numbers alone where the head measures a quantity.</summary>
/// <param name="classes">The largest first.</param>
/// <param name="count">How many to show.</param>
public sealed class ClassBars(IReadOnlyList<ClassScore> classes, int count = 10) : View
{
    internal override void Write(Markup page)
    {
        page.Open("div", ("class", "scroll"), ("tabindex", 0), ("role", "group"), ("aria-label", "Classes"));
        page.Open("table", ("class", "classes")).Text("caption", "Classes", ("class", "unseen")).Open("thead").Open("tr").Text("th", "class", ("scope", "col"))
            .Text("th", "probability", ("scope", "col"))
            .Text("th", "logit", ("scope", "col"), ("class", "r")).Close("tr").Close("thead").Open("tbody");
        foreach (var found in classes.Take(count))
        {
            var share = found.Probability is { } p && double.IsFinite(p) ? Math.Clamp(p, 0, 1) : 0;
            page.Open("tr").Open("th", ("scope", "row")).Text("span", TokenStrip.Visible(found.Name), ("class", "label"))
                .Text("span", $" {found.Class}", ("class", "k")).Close("th")
                .Open("td", ("class", "meter"), ("style", FormattableString.Invariant($"--v:{share:0.####}"))).Leaf("i", ("aria-hidden", "true"))
                .Text(found.Probability is { } probability ? Figures.Percent(probability, 1) : Figures.Missing).Close("td")
                .Text("td", Figures.Change(found.Logit, 2), ("class", "r")).Close("tr");
        }

        page.Close("tbody").Close("table").Close("div");
        if (classes.Count > count)
        {
            page.Text("p", $"and {Figures.Count(classes.Count - count)} more classes", ("class", "k"));
        }
    }
}
