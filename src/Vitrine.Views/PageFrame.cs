using Vitrine.Views.Drawing;

namespace Vitrine.Views;

/// <summary>What every page of one result has: a head, a bar of sections, a title with facts, numbered sections, and how it was made.</summary>
internal static class PageFrame
{
    /// <summary>A section of a page.</summary>
    /// <param name="Id">For links.</param>
    /// <param name="Short">In the bar.</param>
    /// <param name="Title">Above it.</param>
    /// <param name="Content">Writes it.</param>
    internal sealed record Section(string Id, string Short, string Title, Action Content);

    /// <summary>The whole page.</summary>
    /// <param name="page">Empty so far.</param>
    /// <param name="title">Words between asterisks are set in italics.</param>
    /// <param name="lead">Under it; may be empty.</param>
    /// <param name="facts">Numbers in a row; may be none.</param>
    /// <param name="sections">In order.</param>
    /// <param name="made">The last section.</param>
    /// <param name="styles">The style sheet.</param>
    /// <param name="script">The page's only script; null for none.</param>
    public static string Render(
        Markup page, string title, string lead, IReadOnlyList<NamedValue> facts, IReadOnlyList<Section> sections, Provenance made, string styles,
        string? script = null)
    {
        Section[] all = [.. sections, new Section("how", "How it was made", "How it was made", () => Made(page, made))];
        PageHead.Write(page, title.Replace("*", ""), styles, script);
        page.Open("body").Text("a", "Skip to the page", ("class", "skip"), ("href", "#page")).Open("nav", ("aria-label", "Sections")).Open("div")
            .Text("b", "Vitrine").Open("ul");
        foreach (var section in all)
        {
            page.Open("li").Text("a", section.Short, ("href", "#" + section.Id)).Close("li");
        }

        page.Close("ul").Close("div").Close("nav").Open("main", ("id", "page")).Open("header").Open("h1").Prose(title).Close("h1");
        if (lead.Length > 0)
        {
            page.Open("p", ("class", "lead")).Prose(lead).Close("p");
        }

        if (facts.Count > 0)
        {
            page.Open("dl", ("class", "facts"));
            foreach (var fact in facts)
            {
                page.Open("div").Text("dt", fact.Name).Text("dd", fact.Value).Close("div");
            }

            page.Close("dl");
        }

        page.Close("header");
        foreach (var (index, section) in all.Index())
        {
            page.Open("section", ("id", section.Id), ("aria-labelledby", section.Id + "-title"), ("class", "chapter"))
                .Open("h2", ("id", section.Id + "-title")).Text("span", $"{index + 1}", ("class", "n")).Text(" " + section.Title).Close("h2");
            section.Content();
            page.Close("section");
        }

        page.Close("main");
        if (script is not null)
        {
            page.Open("script").Raw(script).Close("script");
        }

        page.Close("body").Close("html");
        return "<!DOCTYPE html>\n" + page;
    }

    /// <summary>How a page was made, as a table.</summary>
    /// <param name="page">Where to.</param>
    /// <param name="made">How.</param>
    /// <param name="model">Its name, where the page does not say it elsewhere.</param>
    public static void Made(Markup page, Provenance made, string? model = null)
    {
        page.Open("div", ("class", "card")).Open("table", ("class", "made")).Text("caption", "How the page was made", ("class", "unseen")).Open("tbody");
        Line("command", made.Command, "mono");
        if (model is not null)
        {
            Line("model", model, "mono");
        }

        Line("fingerprint", made.Fingerprint, "mono");
        Line("seed", made.Seed, null);
        foreach (var entry in made.Counts.Concat(made.Versions))
        {
            Line(entry.Name, entry.Value, null);
        }

        if (made.Files.Count > 0)
        {
            Line("files", string.Join(" · ", made.Files), "mono");
        }

        page.Close("tbody").Close("table").Close("div");

        void Line(string name, string value, string? @class)
            => page.Open("tr").Text("th", name, ("scope", "row")).Text("td", value, ("class", @class)).Close("tr");
    }
}
