using Vitrine.Inputs.Pictures;
using Vitrine.Mechanisms.Pictures;
using Vitrine.Views.Drawing;

namespace Vitrine.Views;

/// <summary>A picture cut into patches, and the patches in a row as the tokens that the blocks read (Dosovitskiy et al. 2021).</summary>
/// <param name="picture">What the model sees.</param>
/// <param name="tokens">Names of the tokens.</param>
/// <param name="width">Numbers in a token.</param>
/// <param name="marked">Tokens to mark, e.g. outliers.</param>
public sealed class PatchSequence(Picture picture, PictureTokens tokens, int width, IReadOnlyCollection<int> marked) : View
{
    private const int First = 21, Last = 3, InRow = 8;
    private const double Pitch = 43, Side = 38;

    /// <summary>What the marks mean, in a sentence.</summary>
    public string Marks { get; init; } = "Marked patches are out of line in their norm.";

    internal override void Write(Markup page)
    {
        var seen = new SeenPicture(picture, "sequence-seen");
        page.Open("figure", ("class", "patchified"));
        Cut(page, seen);
        page.Open("div");
        Sequence(page, seen);
        page.Open("p", ("class", "k"))
            .Text($"{tokens.Rows} x {tokens.Columns} patches of {picture.Width / tokens.Columns} x {picture.Height / tokens.Rows} pixels, row by row")
            .Text(tokens.Prefix.Count > 0 ? $", behind {string.Join(", ", tokens.Prefix)}: " : ": ")
            .Text($"{tokens.Count} tokens of {width} numbers. No order but that of the positions that are added to them.");
        if (marked.Count > 0)
        {
            page.Text(" " + Marks);
        }

        page.Close("p").Close("div");
        var table = new NumberTable("tokens of the picture", ["token", "what it is"]);
        for (var token = 0; token < Math.Min(tokens.Count, tokens.Prefix.Count + 4); token++)
        {
            table.Add($"{token}", tokens.Name(token));
        }

        table.Add($"{tokens.Count - 1}", tokens.Name(tokens.Count - 1));
        table.WriteFolded(page, brief: true);
        page.Close("figure");
    }

    private void Cut(Markup page, SeenPicture seen)
    {
        var (across, down) = (seen.Size.Width / tokens.Columns, seen.Size.Height / tokens.Rows);
        page.OpenDrawing("drawing picture cut", seen.Size.Width, seen.Size.Height, "The picture cut into patches",
            $"{tokens.Rows} rows and {tokens.Columns} columns of patches.");
        seen.Write(page);
        for (var column = 1; column < tokens.Columns; column++)
        {
            page.Line("cut-line", column * across, 0, column * across, seen.Size.Height);
        }

        for (var row = 1; row < tokens.Rows; row++)
        {
            page.Line("cut-line", 0, row * down, seen.Size.Width, row * down);
        }

        foreach (var patch in marked.Select(token => token - tokens.Prefix.Count).Where(patch => patch >= 0))
        {
            page.Box("marked", patch % tokens.Columns * across, patch / tokens.Columns * down, across, down, 0);
        }

        page.Close("svg");
    }

    /// <summary>The first and last tokens in order, each patch as it looks.</summary>
    private void Sequence(Markup page, SeenPicture seen)
    {
        int?[] shown = tokens.Count <= First + Last + 1
            ? [.. Enumerable.Range(0, tokens.Count)]
            : [.. Enumerable.Range(0, First), null, .. Enumerable.Range(tokens.Count - Last + 1, Last - 1)];
        var rows = (shown.Length + InRow - 1) / InRow;
        page.OpenDrawing("drawing sequence", InRow * Pitch, rows * (Pitch + 14), "The tokens in order",
            $"{tokens.Count} tokens: {(tokens.Prefix.Count > 0 ? string.Join(", ", tokens.Prefix) + ", then " : "")}{tokens.Patches} patches from the upper "
                + "left to the lower right.");
        foreach (var (index, token) in shown.Index())
        {
            var (x, y) = (index % InRow * Pitch, index / InRow * (Pitch + 14));
            if (token is not { } one)
            {
                page.Label("soft", x + (Side / 2), y + (Side / 2) + 5, "⋯", "middle");
            }
            else if (one < tokens.Prefix.Count)
            {
                page.Box("part", x, y, Side, Side).Label("tiny", x + (Side / 2), y + (Side / 2) + 4, Short(tokens.Prefix[one]), "middle")
                    .Label("tiny faint", x + (Side / 2), y + Side + 12, $"{one}", "middle");
            }
            else
            {
                Patch(page, seen, one, x, y);
            }
        }

        page.Close("svg");
    }

    private void Patch(Markup page, SeenPicture seen, int token, double x, double y)
    {
        var patch = token - tokens.Prefix.Count;
        var (across, down) = (seen.Size.Width / tokens.Columns, seen.Size.Height / tokens.Rows);
        page.Open("svg", ("x", x), ("y", y), ("width", Side), ("height", Side), ("preserveAspectRatio", "none"),
            ("viewBox",
                FormattableString.Invariant($"{patch % tokens.Columns * across:0.####} {patch / tokens.Columns * down:0.####} {across:0.####} {down:0.####}")));
        seen.Write(page);
        page.Close("svg");
        if (marked.Contains(token))
        {
            page.Box("marked", x, y, Side, Side, 0);
        }

        page.Label("tiny faint", x + (Side / 2), y + Side + 12, $"{token}", "middle");
    }

    private static string Short(string name) => name.StartsWith("register ", StringComparison.Ordinal) ? "reg " + name["register ".Length..] : name;
}
