using Vitrine.Policies.Flow;
using Vitrine.Views.Drawing;
using Vitrine.Worlds.Decisions;

namespace Vitrine.Views;

/// <summary>Which rows of a prompt carry a word, by the layer of the expert that reads them, as shares of what the word does in one decision.</summary>
/// <param name="shown">What to show.</param>
public sealed class PrefixSwapTable(ShownSwap shown) : View
{
    private readonly PrefixSwapResult result = shown.Result;

    internal override void Write(Markup page)
    {
        page.Open("section", ("class", "onestep")).Open("h3").Text("em", result.Concept).Text("span", $" {result.Metric}", ("class", "k")).Close("h3");
        page.Open("p", ("class", "k")).Text($"“{result.Other}” instead of “{result.Own}”: ")
            .Text("strong", Figures.Change(result.Word) + (shown.Unit.Length > 0 ? " " + shown.Unit : ""))
            .Text($" = 100 %, over {Figures.Count(result.States)} states").Close("p");
        int?[] layers = [.. result.Parts.Select(part => part.Layer).Distinct().OrderBy(layer => layer ?? int.MaxValue)];
        var shares = new ShareTable(result.Word, layers);
        shares.Write(
            page, $"Where {result.Other} acts: shares of its effect on {result.Metric}, by rows of the prompt and layers of the expert",
            [
                ("read of the other prompt", [.. Kinds.Select(rows => new ShareTable.Line(
                    PrefixSwapResult.NameOf(rows), "alone", layer => Of(rows, layer)?.Sufficient, share => share))]),
                ("held back", [.. Kinds.Select(rows => new ShareTable.Line(
                    PrefixSwapResult.NameOf(rows), "what remains; tint: what is lost", layer => Of(rows, layer)?.Necessary, share => 1 - share))
                    .Where(line => layers.Any(layer => line.Of(layer) is not null))]),
            ]);
        shares.Controls(page, result.Controls);
        Numbers().WriteFolded(page, brief: true);
        page.Close("section");
    }

    private SwappedRows[] Kinds => [.. result.Parts.Select(part => part.Rows).Distinct()];

    private SwapEstimate? Of(SwappedRows rows, int? layer) => result.Parts.FirstOrDefault(part => part.Rows == rows && part.Layer == layer);

    private NumberTable Numbers()
    {
        var table = new NumberTable(
            $"{result.Concept}, {result.Metric}{(shown.Unit.Length > 0 ? $", in {shown.Unit}" : "")}",
            ["rows", "read of the other prompt", "held back: remains"]);
        table.Add($"saying “{result.Other}”", Figures.Change(result.Word), Figures.Missing);
        foreach (var rows in Kinds)
        {
            table.Group(PrefixSwapResult.NameOf(rows));
            foreach (var part in result.Parts.Where(part => part.Rows == rows))
            {
                table.Add(ShareTable.Name(part.Layer), Figures.Change(part.Sufficient), Figures.Change(part.Necessary));
            }

            foreach (var range in result.Ranges.Where(range => range.Rows == rows))
            {
                table.Add(range.Name, Figures.Change(range.Sufficient), Figures.Missing);
            }
        }

        ShareTable.Add(table, result.Controls, 1);
        return table;
    }
}
