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
    private const string Lead = "What the model would answer if it stopped at each of its states, in the terms of its last layer. A state that says nothing "
        + "readable may hold a great deal; one that says the answer need not be what the answer is made from.";

    /// <summary>The page as text.</summary>
    public static string Render(LensPageData data)
    {
        ArgumentNullException.ThrowIfNull(data);
        var page = new Markup();
        var areSeveral = data.Reading.Places.Select(p => p.Row).Distinct().Count() > 1;
        PageFrame.Section[] sections =
        [
            .. data.Reading.Places.GroupBy(p => p.Row).Select(row => new PageFrame.Section(
                $"row-{row.Key}", areSeveral ? $"Row {row.Key}" : "States", areSeveral ? $"Row {row.Key}, state by state" : "State by state",
                () => States(page, data.Reading, [.. row]))),
            .. data.Attributions.Select(found => new PageFrame.Section(
                $"direct-{found.Row}", found.Metric, $"{found.Metric}, taken apart", () => Attribution(page, found))),
        ];
        NamedValue[] read =
        [
            new("model", data.Reading.Model), new("stack", data.Reading.Stack), new("lens", data.Reading.Lens), new("norm", $"{data.Reading.Norm}"),
        ];
        return PageFrame.Render(page, data.Title, Lead, [], sections, data.Made with { Counts = [.. read, .. data.Made.Counts] }, Report.StyleSheet);
    }

    private static void States(Markup page, LensReading reading, IReadOnlyList<LensPlace> row)
    {
        Card(page, new LensTable(reading, row));
        if (row[^1].Cells.Any(c => c.Entropy is not null))
        {
            Card(page, new TrajectoryPlot(row[^1]));
        }
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

    private static void Card(Markup page, View view)
    {
        page.Open("div", ("class", "card"));
        view.Write(page);
        page.Close("div");
    }
}
