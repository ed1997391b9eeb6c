namespace Vitrine.Views.Drawing;

/// <summary>The numbers behind a drawing, as a table that opens under it: for screen readers, and for everybody who wants the digits.</summary>
internal sealed class NumberTable(string caption, IReadOnlyList<string> columns)
{
    private readonly List<IReadOnlyList<string>> rows = [];

    /// <summary>Adds a row; its first cell names the row.</summary>
    public void Add(params IReadOnlyList<string> cells) => rows.Add(cells);

    /// <summary>Writes the table behind a disclosure; the caption stands on it unless <paramref name="brief"/>.</summary>
    public void WriteFolded(Markup page, bool brief = false)
    {
        page.Open("details", ("class", "numbers")).Open("summary").Text("The numbers").Text("span", ": " + caption, ("class", brief ? "unseen" : null))
            .Close("summary");
        page.Open("div", ("class", "scroll"), ("tabindex", 0), ("role", "group"), ("aria-label", caption));
        Write(page);
        page.Close("div").Close("details");
    }

    private void Write(Markup page)
    {
        page.Open("table").Text("caption", caption, ("class", "unseen")).Open("thead").Open("tr");
        foreach (var (index, column) in columns.Index())
        {
            page.Text("th", column, ("scope", "col"), ("class", index == 0 ? null : "r"));
        }

        page.Close("tr").Close("thead").Open("tbody");
        foreach (var row in rows)
        {
            page.Open("tr").Text("th", row[0], ("scope", "row"));
            foreach (var cell in row.Skip(1))
            {
                page.Text("td", cell, ("class", "r"));
            }

            page.Close("tr");
        }

        page.Close("tbody").Close("table");
    }
}
