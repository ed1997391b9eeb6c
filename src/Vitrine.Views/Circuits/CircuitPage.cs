using Vitrine.Mechanisms.Circuits;
using Vitrine.Views.Drawing;

namespace Vitrine.Views;

/// <summary>A circuit as an HTML file that needs nothing beside it.</summary>
public static class CircuitPage
{
    private static readonly string Styles = Report.StyleSheet + Report.Resource("picture.css") + Report.Resource("circuit.css");

    /// <summary>The page as text.</summary>
    /// <param name="study">What was found.</param>
    /// <param name="made">How.</param>
    public static string Render(CircuitStudy study, Provenance made)
    {
        ArgumentNullException.ThrowIfNull(study);
        ArgumentNullException.ThrowIfNull(made);
        var page = new Markup();
        var title = $"The circuit behind {study.Metric} in {Path.GetFileName(study.Model.TrimEnd('/'))}";
        PageHead.Write(page, title, Styles, script: null);
        page.Open("body").Open("main", ("id", "page")).Open("header").Text("h1", title);
        page.Text(
            "p", "Which edges, from what one part of the model writes to what another reads, carry the difference between two inputs.", ("class", "lead"));
        page.Open("dl", ("class", "facts"));
        var last = study.Curve.Count > 0 ? study.Curve[^1] : null;
        foreach (var (name, value) in new[]
        {
            ("edges of the circuit", $"{Figures.Count(study.Circuit.Edges.Count)} of {Figures.Count(study.Circuit.Of)}"),
            ("kept by it alone", Figures.Percent(last?.Kept)),
            ("left without it", Figures.Percent(last?.Removed)),
            ("kept by random ones, at most", Figures.Percent(last is { RandomKept.Count: > 0 } ? last.RandomKept.Max() : null)),
            ($"{study.Metric}, clean", Figures.Change(study.CleanValue, Figures.Fine)),
            ($"{study.Metric}, corrupted", Figures.Change(study.CorruptedValue, Figures.Fine)),
        })
        {
            page.Open("div").Text("dt", name).Text("dd", value).Close("div");
        }

        page.Close("dl").Close("header");
        Section(page, 1, "The circuit", () => Card(page, new CircuitDrawing(study)));
        Section(page, 2, "What it keeps, and what is left without it", () =>
        {
            page.Text("p", "The rest of the model carries what the corrupted input gives it. A circuit that is all that counts keeps everything and leaves "
                + "nothing; random circuits were chosen by the same rule on random scores.");
            Card(page, new CircuitCurvePlot(study.Curve));
        });
        Section(page, 3, "Which of its edges are needed", () => Needs(page, study.Minimality));
        Section(page, 4, "How it was made", () => Made(page, study, made));
        page.Close("main").Close("body").Close("html");
        return "<!DOCTYPE html>\n" + page;
    }

    private static void Needs(Markup page, IReadOnlyList<EdgeNeed> needs)
    {
        if (needs.Count == 0)
        {
            page.Text("p", "No edge was taken out of the circuit.", ("class", "empty"));
            return;
        }

        var idle = needs.Count(n => n.Lost < .01);
        page.Text("p", $"Taken out one by one, {idle} of {needs.Count} edges that were tried cost less than 1 % of the difference.");
        var table = new NumberTable("what the circuit loses without an edge, as a share of the difference", ["edge", "where", "lost"]);
        foreach (var need in needs.Reverse())
        {
            table.Add($"{need.From} → {need.To}", new EdgeCell(need.Step, need.Position).ToString(), Figures.Change(need.Lost));
        }

        table.WriteFolded(page, brief: true);
    }

    private static void Made(Markup page, CircuitStudy study, Provenance made)
    {
        page.Open("div", ("class", "card")).Open("table", ("class", "made")).Text("caption", "How the page was made", ("class", "unseen")).Open("tbody");
        foreach (var (name, value) in new[]
        {
            ("command", made.Command), ("method", study.Circuit.Method), ("clean", string.Join(" · ", study.Clean)),
            ("corrupted", string.Join(" · ", study.Corrupted)), ("edges outside carry", study.Fill.ToString()), ("fingerprint", made.Fingerprint),
            ("seed", made.Seed),
        }.Concat(made.Counts.Concat(made.Versions).Select(v => (v.Name, v.Value))))
        {
            page.Open("tr").Text("th", name, ("scope", "row")).Text("td", value, ("class", name is "command" or "fingerprint" ? "mono" : null)).Close("tr");
        }

        page.Close("tbody").Close("table").Close("div");
    }

    private static void Section(Markup page, int number, string title, Action content)
    {
        page.Open("section", ("class", "chapter"), ("aria-labelledby", $"part-{number}")).Open("h2", ("id", $"part-{number}"))
            .Text("span", $"{number}", ("class", "n")).Text(" " + title).Close("h2");
        content();
        page.Close("section");
    }

    private static void Card(Markup page, View view)
    {
        page.Open("div", ("class", "card"));
        view.Write(page);
        page.Close("div");
    }
}
