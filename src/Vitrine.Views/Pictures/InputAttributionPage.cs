using Vitrine.Inputs.Pictures;
using Vitrine.Mechanisms.InputAttribution;
using Vitrine.Mechanisms.Pictures;
using Vitrine.Views.Drawing;

namespace Vitrine.Views;

/// <summary>What a page about attribution to inputs shows.</summary>
public sealed record InputAttributionPageData
{
    /// <summary>What the page is about.</summary>
    public required string Title { get; init; }

    /// <summary>The scores.</summary>
    public required InputAttributions Attributions { get; init; }

    /// <summary>By camera, as the model sees them; under the empty name where there is one; none for texts.</summary>
    public IReadOnlyDictionary<string, Picture> Pictures { get; init; } = new Dictionary<string, Picture>();

    /// <summary>How the page can be made again.</summary>
    public required Provenance Provenance { get; init; }
}

/// <summary>Which inputs a model's answer rests on, method by method, as an HTML file that needs nothing beside it.</summary>
public sealed class InputAttributionPage
{
    private static readonly string Styles = Report.StyleSheet + Report.Resource("picture.css") + Report.Resource("attribution.css");

    private const string Lead = "Which inputs the number rests on, by methods that answer different questions. Each is tried: the inputs that it puts first "
        + "are taken away, or put in, beside random orders.";

    private static readonly string[] Columns =
        ["method", "deletion area", "95 % of random orders", "insertion area", "95 % of random orders", "infidelity", "left to explain"];

    private static readonly string Script = PicturePage.Script;

    private readonly InputAttributionPageData data;
    private readonly Markup page = new();

    private InputAttributionPage(InputAttributionPageData data) => this.data = data;

    /// <summary>The page as text.</summary>
    public static string Render(InputAttributionPageData data)
    {
        ArgumentNullException.ThrowIfNull(data);
        return new InputAttributionPage(data).Render();
    }

    private InputAttributions Found => data.Attributions;

    private string Render()
    {
        NamedValue[] facts =
        [
            new("metric", Found.Metric), new("its value", Figures.Change(Found.Value)),
            new("with every input taken away", Figures.Change(Found.Baseline)), new("inputs", $"{Found.Inputs.Count}"),
        ];
        PageFrame.Section[] sections =
        [
            new("overview", "Overview", "Which method foretells what taking away does", Overview),
            .. Found.Methods.Select(method => new PageFrame.Section(method.Method, method.Method, method.Method, () => Method(method))),
        ];
        NamedValue[] asked =
        [
            new("model", Found.Model), new("taken away", Found.Fill == AblationFill.Mean ? "replaced by the mean of its kind" : "set to zero"),
        ];
        return PageFrame.Render(
            page, data.Title, Lead, facts, sections, data.Provenance with { Counts = [.. asked, .. data.Provenance.Counts] }, Styles, Script);
    }

    private void Overview()
    {
        page.Open("div", ("class", "card")).Open("div", ("class", "scroll"), ("tabindex", 0), ("role", "group"), ("aria-label", "Methods"))
            .Open("table", ("class", "overview stacked"))
            .Text("caption", "Methods beside random orders", ("class", "unseen")).Open("thead").Open("tr");
        foreach (var (index, column) in Columns.Index())
        {
            page.Text("th", column, ("scope", "col"), ("class", index == 0 ? null : "r"));
        }

        page.Close("tr").Close("thead").Open("tbody");
        foreach (var method in Found.Methods)
        {
            page.Open("tr").Text("th", method.Method, ("scope", "row"))
                .Text("td", Figures.Change(method.Deletion.Area), Label(1), ("class", method.Deletion.Area < method.Deletion.RandomLow ? "r yes" : "r"))
                .Text("td", Range(method.Deletion), Label(2), ("class", "r"))
                .Text("td", Figures.Change(method.Insertion.Area), Label(3), ("class", method.Insertion.Area > method.Insertion.RandomHigh ? "r yes" : "r"))
                .Text("td", Range(method.Insertion), Label(4), ("class", "r")).Text("td", Figures.Plain(method.Infidelity, 2), Label(5), ("class", "r"))
                .Text("td", method.Left is { } left ? Figures.Change(left) : Figures.Missing, Label(6), ("class", "r")).Close("tr");
        }

        (string, object?) Label(int column) => ("data-label", Columns[column]);

        page.Close("tbody").Close("table").Close("div").Close("div");
        page.Text("p", "Area: the mean of the metric while inputs go (deletion) or come in (insertion), the highest score first. A method that finds what "
            + "holds the metric up has a deletion area below random orders and an insertion area above them; green where it lies outside 95 % of them. "
            + "Infidelity: the share of what taking random sets away does that the scores do not foretell, from 0 to 1. Left to explain: sum of the scores "
            + "minus the change of the metric, for methods that promise 0.", ("class", "k"));
    }

    private void Method(InputScores method)
    {
        page.Open("div", ("class", "card method"));
        new TintedInputs(Found.Inputs, method.Scores, data.Pictures, method.Method).Write(page);
        page.Open("div", ("class", "method-curves"));
        new RemovalPlot(method.Deletion, $"{Found.Metric} as inputs go", "inputs taken away, the highest score first").Write(page);
        new RemovalPlot(method.Insertion, $"{Found.Metric} as inputs come in", "inputs there, the highest score first").Write(page);
        page.Close("div").Open("div", ("class", "legend")).Open("span").Leaf("i", ("class", "key after")).Text("the method’s order")
            .Close("span").Open("span").Leaf("i", ("class", "key before")).Text("mean of random orders").Close("span").Open("span")
            .Leaf("i", ("class", "key band")).Text("all of them").Close("span").Close("div").Close("div");
    }

    private static string Range(RemovalCurve curve) => $"{Figures.Change(curve.RandomLow)} to {Figures.Change(curve.RandomHigh)}";
}
