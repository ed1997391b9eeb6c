using Vitrine.Views.Drawing;

namespace Vitrine.Views;

/// <summary>One report, section by section.</summary>
internal sealed class ReportPage(ReportData data)
{
    private static readonly (string Id, string Short, string Title)[] Sections =
    [
        ("pass", "The pass", "The pass, from picture and words to an action"),
        ("write", "What neurons write", "What the neurons write"),
        ("look", "Where it looks", "Where it looks"),
        ("carry", "What carries it", "What carries it, in one decision"),
        ("steer", "What steering does", "What steering does, in closed loop"),
        ("film", "Episodes", "Episodes, before and after"),
        ("trust", "Parity", "Whether the engine’s numbers are right"),
        ("how", "How it was made", "How it was made"),
    ];

    private readonly Markup page = new();

    public string Render()
    {
        PageHead.Write(page, data.Title.Replace("*", ""), Report.StyleSheet, Report.Script);
        page.Open("body").Text("a", "Skip to the report", ("class", "skip"), ("href", "#report"));
        page.Open("nav", ("aria-label", "Sections")).Open("div").Text("b", "Vitrine").Open("ul");
        foreach (var (id, name, _) in Sections)
        {
            page.Open("li").Text("a", name, ("href", "#" + id)).Close("li");
        }

        page.Close("ul").Close("div").Close("nav").Open("main", ("id", "report"));
        Summary();
        Section(0, Pass);
        Section(1, Writes);
        Section(2, Looks);
        Section(3, Carries);
        Section(4, Steers);
        Section(5, Episodes);
        Section(6, Parity);
        Section(7, Made);
        page.Close("main").Open("script").Raw(Report.Script).Close("script").Close("body").Close("html");
        return "<!DOCTYPE html>\n" + page;
    }

    private void Section(int index, Action content)
    {
        var (id, _, title) = Sections[index];
        page.Open("section", ("id", id), ("aria-labelledby", id + "-title"), ("class", "chapter")).Open("h2", ("id", id + "-title"))
            .Text("span", $"{index + 1}", ("class", "n")).Text(" " + title).Close("h2");
        content();
        page.Close("section");
    }

    private void Summary()
    {
        page.Open("header").Open("h1").Prose(data.Title).Close("h1");
        if (data.Lead.Length > 0)
        {
            page.Open("p", ("class", "lead")).Prose(data.Lead).Close("p");
        }

        if (data.Facts.Count > 0)
        {
            page.Open("dl", ("class", "facts"));
            foreach (var fact in data.Facts)
            {
                page.Open("div").Text("dt", fact.Name).Text("dd", fact.Value).Close("div");
            }

            page.Close("dl");
        }

        if (data.Shown.Count + data.NotShown.Count > 0)
        {
            page.Open("div", ("class", "verdict"));
            Statements("Shown", data.Shown);
            Statements("Not shown", data.NotShown);
            page.Close("div");
        }

        page.Close("header");
    }

    private void Statements(string title, IReadOnlyList<Statement> statements)
    {
        if (statements.Count == 0)
        {
            return;
        }

        page.Text("h2", title).Open("ul");
        foreach (var statement in statements)
        {
            var (kind, mark, name) = statement.IsEffect switch
            {
                true => ("yes", "●", "An effect: "),
                false => ("no", "○", "No effect: "),
                null => ("limit", "–", ""),
            };
            page.Open("li", ("class", kind)).Text("span", mark, ("class", "mark"), ("aria-hidden", "true")).Open("span");
            if (name.Length > 0)
            {
                page.Text("span", name, ("class", "unseen"));
            }

            page.Prose(statement.Text).Close("span").Close("li");
        }

        page.Close("ul");
    }

    private void Pass()
    {
        page.Text("p",
            "Patches and words become one sequence. Every block reads the residual stream and adds to it: attention moves information between positions, the "
                + "feed-forward part works within one. "
            + (data.Pass is { ActionTokens.Count: 0 } ? "The action is read off the last position." : "The last positions say the action, one token a "
                + "dimension."));
        if (data.Model.Stacks.Count > 0)
        {
            Card(new TransformerDiagram(data.Model, data.Pass));
        }

        if (data.Pass is null)
        {
            Empty("No pass was recorded.");
        }
    }

    private void Writes()
    {
        page.Text("p",
            "Each feed-forward neuron adds one fixed vector, its value vector, to the residual stream. Read in the model’s own vocabulary, some spell a "
                + "concept, some a motion. Both ends are shown, because a neuron that fires negatively writes the other one.");
        if (data.LayerProfile is { } profile)
        {
            Card(new LayerProfilePlot(profile), "card measured");
        }
        else
        {
            Empty("No layer was profiled.");
        }

        if (data.Concepts.Count == 0)
        {
            Empty("No concept was looked for.");
            return;
        }

        page.Open("div", ("class", "legend")).Open("span").Text("span", "word", ("class", "chip hit")).Text(" word of the concept").Close("span")
            .Open("span").Text("span", ".84", ("class", "chip act")).Text(" action value").Close("span").Text("span", "score: " + data.ScoreMeaning)
            .Text("span", "below the score: mean activation ± standard deviation").Close("div");
        page.Open("div", ("class", "two"));
        foreach (var cluster in data.Concepts)
        {
            Card(new ConceptTable(cluster, data.ScoreMeaning));
        }

        page.Close("div");
    }

    private void Looks()
    {
        page.Text("p",
            "Chosen heads, over the picture that they read. The veil lifts from a patch in proportion to the attention it gets; the frame marks where the "
                + "object really is. Attention says what a head reads, not what it does with it.");
        if (data.Attention.Count == 0)
        {
            Empty("No attention map was recorded.");
            return;
        }

        page.Open("div", ("class", "card maps"));
        foreach (var map in data.Attention)
        {
            new AttentionOverlay(map).Write(page);
        }

        page.Close("div");
    }

    private void Carries()
    {
        page.Text("p",
            "Three questions to each part. What does its mean difference do when it is added? What does its own output do, state by state, when it alone is "
                + "put in from the run with the words (is it sufficient)? What remains of the words when it is held back (is it necessary)? Where mean "
                + "difference and put in disagree, the part’s work depends on the state. The deeper the tint, the more of the words’ own effect.");
        if (data.OneStep.Count == 0)
        {
            Empty("No part was measured.");
        }

        foreach (var effect in data.OneStep)
        {
            Card(new OneStepTable(effect));
        }
    }

    private void Steers()
    {
        page.Text("p",
            "Every arm runs the same layouts with the same pixel noise. Points are paired differences to no edit. Success stands beside motion, because a "
                + "robot that moves faster and fails has not been steered.");
        if (data.Study is not { } study)
        {
            Empty("No closed-loop study was run.");
            return;
        }

        Card(new ForestPlot(study));
        if (study.Studies.SelectMany(StudyLine.Of).Any(line => line.SuccessByTask().Count > 0))
        {
            Card(new TaskSuccessTable(study.Studies));
        }
    }

    private void Episodes()
    {
        page.Text("p",
            "The same layout and the same noise, on one clock. The line is the gripper’s path with a dot at each step, so dots far apart are fast steps; a "
                + "ring marks a solved task.");
        if (data.Episodes.Count == 0)
        {
            Empty("No episode was recorded.");
        }

        foreach (var pair in data.Episodes)
        {
            Card(new EpisodePlayer(pair));
        }
    }

    private void Parity()
    {
        if (data.Certificate is not { } certificate)
        {
            Empty("No parity certificate was made in this run.");
            return;
        }

        var (passed, points) = (certificate.Folders.Count(folder => folder.Passed), certificate.Folders.Sum(folder => (long)folder.Points));
        page.Open("p")
            .Text("The engine was held against reference numbers, point by point; the bound on the relative error is "
                + $"{Figures.Scientific(certificate.Bound)}. ")
            .Text("strong", $"{passed} of {certificate.Folders.Count} folders passed, {Figures.Count(points)} points.").Close("p");
        if (certificate.Folders.Count == 0)
        {
            return;
        }

        page.Open("div", ("class", "card")).Open("div", ("class", "scroll"), ("tabindex", 0), ("role", "group"), ("aria-label", "Parity certificate"))
            .Open("table").Text("caption", "Parity certificate", ("class", "unseen"))
            .Open("thead").Open("tr").Text("th", "reference", ("scope", "col")).Text("th", "points", ("scope", "col"), ("class", "r"))
            .Text("th", "largest relative error", ("scope", "col"), ("class", "r")).Text("th", "verdict", ("scope", "col")).Close("tr").Close("thead")
            .Open("tbody");
        foreach (var folder in certificate.Folders)
        {
            page.Open("tr").Text("th", folder.Name, ("scope", "row"), ("class", "mono")).Text("td", Figures.Count(folder.Points), ("class", "r"))
                .Text("td", Figures.Scientific(folder.LargestRelativeError), ("class", "r"))
                .Text("td", folder.Passed ? "✓ passed" : "✕ failed", ("class", folder.Passed ? "yes" : "no")).Close("tr");
        }

        page.Close("tbody").Close("table").Close("div").Close("div");
    }

    private void Made()
    {
        page.Text("p", "Everything on this page comes out of one command and can be made again.");
        page.Open("div", ("class", "card")).Open("table", ("class", "made")).Text("caption", "How the page was made", ("class", "unseen")).Open("tbody");
        var provenance = data.Provenance;
        Line("command", provenance.Command, "mono");
        Line("model", data.Model.Name, "mono");
        Line("fingerprint", provenance.Fingerprint, "mono");
        Line("seed", provenance.Seed, null);
        foreach (var entry in provenance.Counts.Concat(provenance.Versions))
        {
            Line(entry.Name, entry.Value, null);
        }

        if (provenance.Files.Count > 0)
        {
            Line("files", string.Join(" · ", provenance.Files), "mono");
        }

        page.Close("tbody").Close("table").Close("div");
        if (data.Definitions.Count > 0)
        {
            page.Open("details", ("class", "definitions")).Text("summary", "Definitions").Open("dl");
            foreach (var definition in data.Definitions)
            {
                page.Text("dt", definition.Name).Open("dd").Prose(definition.Value).Close("dd");
            }

            page.Close("dl").Close("details");
        }
    }

    private void Line(string name, string value, string? @class)
        => page.Open("tr").Text("th", name, ("scope", "row")).Text("td", value, ("class", @class)).Close("tr");

    private void Card(View view, string @class = "card")
    {
        page.Open("div", ("class", @class));
        view.Write(page);
        page.Close("div");
    }

    private void Empty(string text) => page.Text("p", text, ("class", "empty"));
}
