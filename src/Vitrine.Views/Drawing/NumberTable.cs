namespace Vitrine.Views.Drawing;

/// <summary>The numbers behind a drawing, as a table that opens under it: for screen readers, and for everybody who wants the digits.</summary>
internal sealed class NumberTable(string caption, IReadOnlyList<string> columns)
{
    private readonly List<(string Group, List<IReadOnlyList<string>> Rows)> groups = [];

    /// <summary>Begins a group of rows under a heading of their own.</summary>
    public void Group(string heading) => groups.Add((heading, []));

    /// <summary>Adds a row; its first cell names the row.</summary>
    public void Add(params IReadOnlyList<string> cells)
    {
        if (groups.Count == 0)
        {
            Group("");
        }

        groups[^1].Rows.Add(cells);
    }

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

        page.Close("tr").Close("thead");
        foreach (var (heading, rows) in groups)
        {
            page.Open("tbody");
            if (heading.Length > 0)
            {
                page.Open("tr").Text("th", heading, ("scope", "rowgroup"), ("class", "group"), ("colspan", columns.Count)).Close("tr");
            }

            foreach (var row in rows)
            {
                page.Open("tr").Open("th", ("scope", "row")).Named(row[0]).Close("th");
                foreach (var cell in row.Skip(1))
                {
                    page.Open("td", ("class", "r")).Named(cell).Close("td");
                }

                page.Close("tr");
            }

            page.Close("tbody");
        }

        page.Close("table");
    }
}
