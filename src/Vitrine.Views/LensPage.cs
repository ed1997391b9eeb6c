using Vitrine.Mechanisms.Attribution.Direct;
using Vitrine.Mechanisms.Lenses;
using Vitrine.Views.Drawing;

namespace Vitrine.Views;

/// <summary>What a page about a lens shows.</summary>
/// <param name="Title">In plain words.</param>
/// <param name="Reading">What was read.</param>
/// <param name="Made">How it was made.</param>
public sealed record LensPageData(string Title, LensReading Reading, Provenance Made)
{
    /// <summary>A metric taken apart, row by row; none where none was asked for.</summary>
    public IReadOnlyList<DirectAttribution> Attributions { get; init; } = [];
}

/// <summary>A lens as one HTML file that needs nothing beside it.</summary>
public static class LensPage
{
    private const int Named = 12;

    /// <summary>The page as text.</summary>
    public static string Render(LensPageData data)
    {
        ArgumentNullException.ThrowIfNull(data);
        var page = new Markup();
        PageHead.Write(page, data.Title, Report.StyleSheet, script: null);
        page.Open("body").Open("main", ("id", "page")).Open("header").Text("h1", data.Title);
        page.Text("p", "What the model would answer if it stopped at each of its states, in the terms of its last layer. A state that says nothing "
            + "readable may hold a great deal; one that says the answer need not be what the answer is made from.", ("class", "lead")).Close("header");
        var areSeveral = data.Reading.Places.Select(p => p.Row).Distinct().Count() > 1;
        foreach (var row in data.Reading.Places.GroupBy(p => p.Row))
        {
            Section(page, $"row-{row.Key}", areSeveral ? $"Row {row.Key}, state by state" : "State by state", () =>
            {
                Card(page, new LensTable(data.Reading, [.. row]));
                if (row.Last().Cells.Any(c => c.Entropy is not null))
                {
                    Card(page, new TrajectoryPlot(row.Last()));
                }
            });
        }

        foreach (var found in data.Attributions)
        {
            Section(page, $"direct-{found.Row}", $"{found.Metric}, taken apart", () => Attribution(page, found));
        }

        Section(page, "how", "How it was made", () => Made(page, data));
        page.Close("main").Close("body").Close("html");
        return "<!DOCTYPE html>\n" + page;
    }

    private static void Attribution(Markup page, DirectAttribution found)
    {
        page.Text("p", $"{Figures.Change(found.Measure, 4)} = {Figures.Change(found.Constant, 4)} that no part can change, "
            + $"{Figures.Change(found.Embedding, 4)} from the embedding, and what the layers write; rounding "
            + FormattableString.Invariant($"{found.Remainder:0.0e+0}. What a part does by way of later parts is not in it.")
            + (found.IsLinear ? "" : " The metric is not linear in what it is read from: shares are those of its gradient."));
        page.Open("div", ("class", "card"));
        var layers = new NumberTable($"{found.Metric} by layer", ["layer", "attention", "feed-forward"]);
        foreach (var layer in found.Layers)
        {
            layers.Add($"{layer.Layer}", Figures.Change(layer.Attention, 4), Figures.Change(layer.FeedForward, 4));
        }

        layers.WriteFolded(page);
        Parts("head", l => l.Heads);
        Parts("neuron", l => l.Neurons);
        page.Close("div");

        void Parts(string kind, Func<DirectLayer, IReadOnlyList<float>> of)
        {
            var table = new NumberTable($"the {kind}s that say most", [kind, "says"]);
            var all = found.Layers.SelectMany(l => of(l).Select((v, i) => (l.Layer, Index: i, Value: v)));
            foreach (var (layer, index, value) in all.OrderByDescending(p => Math.Abs(p.Value)).Take(Named))
            {
                table.Add($"{layer}:{index}", Figures.Change(value, 4));
            }

            table.WriteFolded(page);
        }
    }

    private static void Made(Markup page, LensPageData data)
    {
        page.Open("table", ("class", "made")).Open("tbody");
        foreach (var (name, value) in new[]
        {
            ("command", data.Made.Command), ("model", data.Reading.Model), ("stack", data.Reading.Stack), ("lens", data.Reading.Lens),
            ("norm", $"{data.Reading.Norm}"), ("fingerprint", data.Made.Fingerprint),
        }.Concat(data.Made.Versions.Select(v => (v.Name, v.Value))))
        {
            page.Open("tr").Text("th", name, ("scope", "row")).Text("td", value, ("class", "mono")).Close("tr");
        }

        page.Close("tbody").Close("table");
    }

    private static void Section(Markup page, string id, string title, Action content)
    {
        page.Open("section", ("id", id), ("aria-labelledby", id + "-title"), ("class", "chapter")).Text("h2", title, ("id", id + "-title"));
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
