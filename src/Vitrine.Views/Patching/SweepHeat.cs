using Vitrine.Mechanisms.Patching;
using Vitrine.Views.Drawing;

namespace Vitrine.Views;

/// <summary>A sweep as heat maps, one a point: layers by position, head, group or step; of paths, heads by later heads. Where coordinates are counted, the
/// largest alone.</summary>
/// <param name="result">What to show.</param>
public sealed class SweepHeat(PatchResult result) : View
{
    private const int Largest = 60;

    /// <summary>Whether cells are shares of the way to the other run; else changes of the metric.</summary>
    private bool IsShare => result.Source is not null;

    internal override void Write(Markup page)
    {
        var most = Math.Max(1e-12, result.Cells.Max(c => Math.Abs(Value(c))));
        foreach (var point in result.Cells.GroupBy(c => (c.Cell.Point, c.Cell.To)))
        {
            var cells = point.ToArray();
            page.Text("h3", point.Key.To is { } to ? $"{point.Key.Point} to {to}" : point.Key.Point);
            if (Array.Exists(cells, c => c.Cell.Neuron is not null))
            {
                Listed(page, [.. cells.OrderByDescending(c => Math.Abs(Value(c))).Take(Largest)]);
            }
            else
            {
                Grid(page, cells, most);
            }
        }

        page.Text("p", IsShare
            ? $"share of the way from {Figures.Plain(result.Baseline)} (unpatched) to {Figures.Plain(result.Source!.Average())} (the other run), "
                + result.Metric.Name
            : $"change of {result.Metric.Name}, {Figures.Plain(result.Baseline)} unpatched", ("class", "k"));
    }

    private void Grid(Markup page, PatchEffect[] cells, double most)
    {
        string[] columns = [.. cells.Select(c => Column(c.Cell)).Distinct()];
        page.Open("div", ("class", "scroll"), ("tabindex", 0), ("role", "group"), ("aria-label", $"{result.Method} of {cells[0].Cell.Point}"));
        page.Open("table", ("class", "heat signed")).Text("caption", $"{result.Method} of {cells[0].Cell.Point} by layer", ("class", "unseen"))
            .Open("thead").Open("tr").Open("td").Close("td");
        foreach (var column in columns)
        {
            page.Text("th", column, ("scope", "col"));
        }

        page.Close("tr").Close("thead").Open("tbody");
        foreach (var row in cells.GroupBy(c => Row(c.Cell)))
        {
            page.Open("tr").Text("th", row.Key, ("scope", "row"));
            var own = row.GroupBy(c => Column(c.Cell)).ToDictionary(g => g.Key, g => g.First());
            foreach (var column in columns)
            {
                Cell(page, own.TryGetValue(column, out var cell) ? Value(cell) : double.NaN, most);
            }

            page.Close("tr");
        }

        page.Close("tbody").Close("table").Close("div");
    }

    private void Listed(Markup page, PatchEffect[] cells)
    {
        page.Open("table").Text("caption", $"The {cells.Length} largest", ("class", "unseen")).Open("thead").Open("tr").Text("th", "cell", ("scope", "col"))
            .Text("th", IsShare ? "share" : "change", ("scope", "col")).Close("tr").Close("thead").Open("tbody");
        foreach (var cell in cells)
        {
            page.Open("tr").Text("th", cell.Cell.Name, ("scope", "row")).Text("td", Shown(Value(cell))).Close("tr");
        }

        page.Close("tbody").Close("table");
    }

    private double Value(PatchEffect cell) => result.Share(cell) ?? result.Change(cell);

    private string Shown(double value) => IsShare ? Figures.Percent(value) : Figures.Change(value, 2);

    private static string Row(PatchCell cell)
    {
        var path = cell.To is null ? "" : $" head {cell.Head}";
        var step = cell.Step is { } pass && (cell.Position ?? cell.Head) is not null ? $" step {pass}" : "";
        var place = cell.Head is null || cell.To is not null ? "" : cell.Position is { } at ? $" position {at}" : cell.Group is { } group ? $" {group}" : "";
        return $"layer {cell.Layer}{path}{step}{place}";
    }

    private string Column(PatchCell cell) => cell switch
    {
        { ToLayer: { } layer } => $"{layer}.{cell.ToHead}",
        { Head: { } head } => $"head {head}",
        { Position: { } at } => at < result.Tokens.Count && result.Tokens[at].Trim() is { Length: > 0 } token ? $"{at} {token}" : $"{at}",
        { Group: { } group } => group,
        { Step: { } step } => $"step {step}",
        _ => "all",
    };

    private void Cell(Markup page, double value, double most)
    {
        if (!double.IsFinite(value))
        {
            page.Text("td", Figures.Missing, ("class", "void"));
            return;
        }

        page.Open("td", ("style", FormattableString.Invariant($"--v:{Math.Abs(value) / most:0.##}")), ("class", value < 0 ? "against" : null))
            .Text(Shown(value)).Close("td");
    }
}
