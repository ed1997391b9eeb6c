using Vitrine.Mechanisms.Circuits;
using Vitrine.Views.Drawing;

namespace Vitrine.Views;

/// <summary>A circuit as an HTML file that needs nothing beside it.</summary>
public static class CircuitPage
{
    private const string Lead = "Which edges, from what one part of the model writes to what another reads, carry the difference between two inputs.";

    internal static readonly string Styles = Report.StyleSheet + Report.Resource("picture.css") + Report.Resource("circuit.css");

    /// <summary>The page as text.</summary>
    /// <param name="study">What was found.</param>
    /// <param name="made">How.</param>
    public static string Render(CircuitStudy study, Provenance made)
    {
        ArgumentNullException.ThrowIfNull(study);
        ArgumentNullException.ThrowIfNull(made);
        var page = new Markup();
        var title = $"The circuit behind {study.Metric} in {Path.GetFileName(study.Model.TrimEnd('/'))}";
        var last = study.Curve.Count > 0 ? study.Curve[^1] : null;
        NamedValue[] facts =
        [
            new("edges of the circuit", $"{Figures.Count(study.Circuit.Edges.Count)} of {Figures.Count(study.Circuit.Of)}"),
            new("kept by it alone", Figures.Percent(last?.Kept)),
            new("left without it", Figures.Percent(last?.Removed)),
            new("kept by random ones, at most", Figures.Percent(last is { RandomKept.Count: > 0 } ? last.RandomKept.Max() : null)),
            new($"{study.Metric}, clean", Figures.Change(study.CleanValue, Figures.Fine)),
            new($"{study.Metric}, corrupted", Figures.Change(study.CorruptedValue, Figures.Fine)),
        ];
        PageFrame.Section[] sections =
        [
            new("circuit", "Circuit", "The circuit", () => Card(page, new CircuitDrawing(study))),
            new("kept", "Kept", "What it keeps, and what is left without it", () =>
            {
                page.Text("p", "The rest of the model carries what the corrupted input gives it. A circuit that is all that counts keeps everything and leaves "
                    + "nothing; random circuits were chosen by the same rule on random scores.");
                Card(page, new CircuitCurvePlot(study.Curve));
            }),
            new("needed", "Needed", "Which of its edges are needed", () => Needs(page, study.Minimality)),
        ];
        NamedValue[] asked =
        [
            new("method", study.Circuit.Method), new("clean", string.Join(" · ", study.Clean)), new("corrupted", string.Join(" · ", study.Corrupted)),
            new("edges outside carry", study.Fill.ToString()),
        ];
        return PageFrame.Render(page, title, Lead, facts, sections, made with { Counts = [.. asked, .. made.Counts] }, Styles);
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

    private static void Card(Markup page, View view)
    {
        page.Open("div", ("class", "card"));
        view.Write(page);
        page.Close("div");
    }
}
