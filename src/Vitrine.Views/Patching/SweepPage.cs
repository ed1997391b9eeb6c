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
        PageFrame.Section[] sections =
        [
            new("sweep", "Sweep", "What each cell does", () =>
            {
                page.Open("div", ("class", "card"));
                new SweepHeat(result).Write(page);
                page.Close("div");
            }),
        ];
        var title = $"{result.Method} patching of {Path.GetFileName(result.Model.TrimEnd('/'))}: {result.Metric.Name}";
        return PageFrame.Render(page, title, lead, [], sections, made, Styles);
    }
}
