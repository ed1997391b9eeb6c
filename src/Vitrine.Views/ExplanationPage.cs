using Vitrine.Mechanisms.Circuits;
using Vitrine.Mechanisms.Explaining;
using Vitrine.Views.Drawing;

namespace Vitrine.Views;

/// <summary>An explanation as an HTML file that needs nothing beside it.</summary>
public static class ExplanationPage
{
    /// <summary>The page as text.</summary>
    /// <param name="explanation">What was found, and what was not.</param>
    /// <param name="made">How to make it again.</param>
    /// <param name="circuit">The edges that carry the difference, drawn beside the answer; not drawn when null.</param>
    /// <param name="refusal">Why there is no circuit; not said when null.</param>
    public static string Render(Explanation explanation, Provenance made, CircuitStudy? circuit = null, string? refusal = null)
    {
        ArgumentNullException.ThrowIfNull(explanation);
        ArgumentNullException.ThrowIfNull(made);
        var page = new Markup();
        PageFrame.Section[] sections =
        [
            new("answer", "Answer", "What was found, and what was not", () => new VerdictList([.. Statements(explanation)]) { OnlyFound = true }.Write(page)),
            .. explanation.Sites.Count == 0 ? Array.Empty<PageFrame.Section>() :
            [
                new("way", "The way", "The way, part by part", () => Way(page, explanation)),
                .. circuit is null && refusal is null ? Array.Empty<PageFrame.Section>() :
                    [new("circuit", "Circuit", "The circuit, edge by edge", () => Edges(page, circuit, refusal))],
                new("parts", "Every part", "Every part that was asked", () => Parts(page, explanation)),
            ],
        ];
        return PageFrame.Render(
            page, $"What carries *{explanation.With}* to {explanation.Metric}", $"{explanation.Model}: {explanation.With} against {explanation.Without}.",
            [
                new("states that judged", $"{explanation.Testing}"), new("states that chose", $"{explanation.Choosing}"),
                new($"{explanation.Metric} without it", Figures.Plain(explanation.Baseline, Figures.Fine)),
                new("level of all claims", Figures.Plain(explanation.Level, 2)),
            ],
            sections, made, CircuitPage.Styles);
    }

    private static IEnumerable<Statement> Statements(Explanation explanation)
        => explanation.Claims.Select(c => new Statement(
            c.Text.Replace("Not shown: ", "", StringComparison.Ordinal),
            explanation.IsDescribed ? null : c.IsShown ? Worlds.Studies.VerdictClass.Shown : Worlds.Studies.VerdictClass.NotShown));

    private static void Way(Markup page, Explanation explanation)
    {
        page.Text("p", "Each part was exchanged between a run with the difference and one without it, on states that served for no choice. The claims stand "
            + "together at one level (Holm); what is not shown is drawn pale.");
        page.Open("div", ("class", "card"));
        new ExplanationWay(explanation).Write(page);
        page.Close("div");
    }

    private static void Edges(Markup page, CircuitStudy? circuit, string? refusal)
    {
        if (circuit is null)
        {
            page.Text("p", $"No circuit is drawn: {refusal}", ("class", "empty"));
            return;
        }

        var last = circuit.Curve[^1];
        page.Text("p", $"The {Figures.Count(circuit.Circuit.Edges.Count)} edges of {Figures.Count(circuit.Circuit.Of)} that carry most of the difference "
            + $"between “{circuit.Clean[0]}” and “{circuit.Corrupted[0]}” ({circuit.Circuit.Method}, on states that chose parts). Alone they keep "
            + $"{Figures.Percent(last.Kept)} of it, without them {Figures.Percent(last.Removed)} is left{Random(last.RandomKept)}. The drawing is no claim: "
            + "what was judged stands above.");
        page.Open("div", ("class", "card"));
        new CircuitDrawing(circuit).Write(page);
        page.Close("div");
        page.Open("div", ("class", "card"));
        new CircuitCurvePlot(circuit.Curve).Write(page);
        page.Close("div");

        static string Random(IReadOnlyList<double> kept) => kept.Count == 0 ? "" : $"; random circuits of as many keep at most {Figures.Percent(kept.Max())}";
    }

    private static void Parts(Markup page, Explanation explanation)
    {
        page.Text("p", "Where parts were chosen: what each gives, put in alone, and what is lost where it is held. Shares of the whole effect; chosen was the "
            + "part in which the smaller of the two is largest.");
        page.Open("div", ("class", "card scroll"), ("tabindex", 0), ("role", "group"), ("aria-label", "Every part")).Open("table", ("class", "heat"))
            .Text("caption", "Shares of the effect by part", ("class", "unseen")).Open("thead").Open("tr").Text("th", "part", ("scope", "col"))
            .Text("th", "gives", ("scope", "col")).Text("th", "takes away", ("scope", "col")).Close("tr").Close("thead").Open("tbody");
        foreach (var site in explanation.Sites)
        {
            page.Open("tr").Open("th", ("scope", "row")).Named(site.Place).Close("th");
            HeatCell.Write(page, site.Sufficient, null);
            HeatCell.Write(page, site.Necessary, null);
            page.Close("tr");
        }

        page.Close("tbody").Close("table").Close("div");
    }
}
