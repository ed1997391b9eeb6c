using Vitrine.Views.Drawing;

namespace Vitrine.Views;

/// <summary>Success of every arm on every task, concept by concept.</summary>
/// <param name="studies">The studies, in order.</param>
public sealed class TaskSuccessTable(IReadOnlyList<ShownStudy> studies) : View
{
    internal override void Write(Markup page)
    {
        var rows = studies.SelectMany(StudyLine.Of).Select(line => (Line: line, Rates: line.SuccessByTask())).Where(row => row.Rates.Count > 0).ToList();
        var tasks = rows.SelectMany(row => row.Rates.Keys).Distinct().ToList();
        if (tasks.Count == 0)
        {
            return;
        }

        page.Open("div", ("class", "scroll"), ("tabindex", 0), ("role", "group"), ("aria-label", "Success by task"));
        page.Open("table", ("class", "heat success-by-task")).Text("caption", "Success by task, % of its episodes").Open("thead").Open("tr")
            .Text("th", "arm", ("scope", "col"));
        foreach (var task in tasks)
        {
            page.Text("th", task, ("scope", "col"));
        }

        page.Close("tr").Close("thead");
        foreach (var concept in rows.GroupBy(row => row.Line.Concept))
        {
            page.Open("tbody").Open("tr").Text("th", concept.Key, ("scope", "rowgroup"), ("class", "group"), ("colspan", tasks.Count + 1)).Close("tr");
            foreach (var (line, rates) in concept)
            {
                page.Open("tr").Text("th", line.Name, ("scope", "row"), ("class", line.IsControl ? "control" : null));
                foreach (var task in tasks)
                {
                    HeatCell.Write(page, rates.TryGetValue(task, out var rate) ? rate : double.NaN, null);
                }

                page.Close("tr");
            }

            page.Close("tbody");
        }

        page.Close("table").Close("div");
    }
}
