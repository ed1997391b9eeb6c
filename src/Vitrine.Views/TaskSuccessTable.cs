using Vitrine.Views.Drawing;

namespace Vitrine.Views;

/// <summary>Success of every arm on every task.</summary>
/// <param name="rows">The arms of a study.</param>
public sealed class TaskSuccessTable(IReadOnlyList<StudyRow> rows) : View
{
    internal override void Write(Markup page)
    {
        var tasks = rows.SelectMany(row => row.Tasks).Select(task => task.Task).Distinct().ToList();
        if (tasks.Count == 0)
        {
            return;
        }

        page.Open("div", ("class", "scroll"), ("tabindex", 0), ("role", "group"), ("aria-label", "Success by task"));
        page.Open("table", ("class", "heat success-by-task")).Text("caption", "Success by task").Open("thead").Open("tr").Text("th", "arm", ("scope", "col"));
        foreach (var task in tasks)
        {
            page.Text("th", task, ("scope", "col"));
        }

        page.Close("tr").Close("thead").Open("tbody");
        foreach (var row in rows.Where(row => row.Tasks.Count > 0))
        {
            page.Open("tr").Open("th", ("scope", "row"), ("class", row.IsControl ? "control" : null)).Text(row.Arm);
            if (row.Concept.Length > 0)
            {
                page.Text("span", " " + row.Concept, ("class", "k"));
            }

            page.Close("th");
            foreach (var task in tasks)
            {
                HeatCell.Write(page, row.Tasks.FirstOrDefault(found => found.Task == task) is { } found ? found.Rate : double.NaN, null);
            }

            page.Close("tr");
        }

        page.Close("tbody").Close("table").Close("div");
    }
}
