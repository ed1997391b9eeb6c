using Vitrine.Views.Drawing;
using Vitrine.Worlds.Studies;

namespace Vitrine.Views;

/// <summary>Statements by what they say: shown; moves, but breaks the task; not shown; and the limits of it all.</summary>
/// <param name="statements">In any order.</param>
public sealed class VerdictList(IReadOnlyList<Statement> statements) : View
{
    private static readonly (VerdictClass? Class, string Style, string Mark, string Title)[] Classes =
    [
        (VerdictClass.Shown, "shown", "●", "Shown"),
        (VerdictClass.BreaksTask, "breaks", "◐", "Moves, but breaks the task"),
        (VerdictClass.NotShown, "not-shown", "○", "Not shown"),
        (null, "limits", "–", "Limits"),
    ];

    /// <summary>Whether classes of which there is nothing are left out.</summary>
    public bool OnlyFound { get; init; }

    internal override void Write(Markup page)
    {
        if (statements.Count == 0)
        {
            page.Text("p", "No statement was made.", ("class", "empty"));
            return;
        }

        page.Open("div", ("class", "verdicts"));
        foreach (var (verdict, style, mark, title) in Classes)
        {
            var own = statements.Where(statement => statement.Class == verdict).ToList();
            if (own.Count == 0 && OnlyFound)
            {
                continue;
            }

            page.Open("section", ("class", "verdict " + style), ("aria-label", title)).Open("h3")
                .Text("span", mark, ("class", "mark"), ("aria-hidden", "true")).Text(" " + title).Close("h3");
            if (own.Count == 0)
            {
                page.Text("p", "Nothing.", ("class", "k")).Close("section");
                continue;
            }

            page.Open("ul");
            foreach (var statement in own)
            {
                page.Open("li").Open("p").Prose(statement.Text).Close("p");
                foreach (var line in statement.Evidence)
                {
                    page.Open("p", ("class", "k")).Prose(line).Close("p");
                }

                page.Close("li");
            }

            page.Close("ul").Close("section");
        }

        page.Close("div");
    }
}
