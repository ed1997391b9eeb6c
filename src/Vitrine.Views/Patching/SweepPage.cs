using Vitrine.Mechanisms.Patching;
using Vitrine.Views.Drawing;

namespace Vitrine.Views;

/// <summary>A sweep as an HTML file that needs nothing beside it.</summary>
public static class SweepPage
{
    private static readonly string Styles = Report.StyleSheet + Report.Resource("picture.css");

    /// <summary>The page as text.</summary>
    /// <param name="result">What to show.</param>
    /// <param name="lead">In a sentence, what was asked.</param>
    /// <param name="made">What somebody needs to make it again.</param>
    public static string Render(PatchResult result, string lead, Provenance made)
    {
        ArgumentNullException.ThrowIfNull(result);
        ArgumentNullException.ThrowIfNull(made);
        var page = new Markup();
        PageHead.Write(page, $"{result.Method} patching of {Path.GetFileName(result.Model.TrimEnd('/'))}", Styles, script: null);
        page.Open("body").Open("main", ("id", "page")).Open("header").Text("h1", $"{result.Method}: {result.Metric.Name}").Open("p", ("class",
            "lead")).Text(lead)
            .Close("p").Close("header").Open("section", ("class", "chapter")).Open("div", ("class", "card"));
        new SweepHeat(result).Write(page);
        page.Close("div").Close("section").Open("section", ("class", "chapter")).Text("h2", "How it was made").Open("table", ("class", "made")).Open("tbody");
        foreach (var (name, value) in made.Counts.Concat(made.Versions).Select(v => (v.Name, v.Value)).Prepend(("seed", made.Seed))
            .Prepend(("fingerprint", made.Fingerprint)).Prepend(("command", made.Command)))
        {
            page.Open("tr").Text("th", name, ("scope", "row")).Text("td", value).Close("tr");
        }

        page.Close("tbody").Close("table").Close("section").Close("main").Close("body").Close("html");
        return "<!DOCTYPE html>\n" + page;
    }
}
