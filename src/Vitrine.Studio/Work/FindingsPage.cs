using System.Globalization;
using Vitrine.Studio.Hosting;
using Vitrine.Views;
using Vitrine.Views.Drawing;

namespace Vitrine.Studio.Work;

/// <summary>Kept findings as one HTML file that needs nothing beside it.</summary>
internal static class FindingsPage
{
    /// <summary>The file as text.</summary>
    /// <remarks>Its policy allows no script and no request: what was kept is shown, and can do nothing.</remarks>
    public static string Of(IReadOnlyList<Finding> findings)
    {
        ArgumentNullException.ThrowIfNull(findings);
        var page = new Markup();
        page.Raw("<!doctype html>").Open("html", ("lang", "en")).Open("head").Leaf("meta", ("charset", "utf-8"))
            .Leaf("meta", ("name", "viewport"), ("content", "width=device-width, initial-scale=1"))
            .Leaf("meta", ("http-equiv", "Content-Security-Policy"), ("content", "default-src 'none'; img-src data:; style-src 'unsafe-inline'"))
            .Text("title", "Findings · Vitrine")
            .Open("style").Raw(Report.StyleSheet + Report.Resource("picture.css") + StudioAssets.Resource("studio.css")).Close("style").Close("head")
            .Open("body").Open("main").Text("h1", "Findings").Text("p", $"{findings.Count} kept in the studio of Vitrine.", ("class", "lead"));
        foreach (var finding in findings)
        {
            page.Open("section", ("class", "finding-card")).Text("h2", finding.Title);
            if (finding.Note.Length > 0)
            {
                page.Text("p", finding.Note);
            }

            page.Raw(finding.Html);
            page.Open("p", ("class", "k")).Text($"{finding.Kept.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture)} · state: ")
                .Text("code", finding.Address)
                .Text(finding.Command.Length > 0 ? " · " : "").Text("code", finding.Command).Close("p").Close("section");
        }

        page.Close("main").Close("body").Close("html");
        return page.ToString();
    }
}
