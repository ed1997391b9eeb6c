using Vitrine.Views.Drawing;

namespace Vitrine.Views;

/// <summary>One report, section by section.</summary>
internal sealed class ReportPage(ReportData data)
{
    private static readonly (string Id, string Short, string Title)[] Sections =
    [
        ("film", "Before and after", "The robot, before and after"),
        ("found", "Findings", "What was found"),
        ("pass", "The pass", "The pass, from picture and words to an action"),
        ("write", "Neurons", "What the neurons write"),
        ("look", "Attention", "Where it looks"),
        ("carry", "One decision", "What carries it, in one decision"),
        ("steer", "Closed loop", "What steering does, in closed loop"),
        ("trust", "Parity", "Whether the engine’s numbers are right"),
        ("how", "How it was made", "How it was made"),
    ];

    private readonly Markup page = new() { Places = PlacesOf(data) };

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
        Opening();
        foreach (var (index, content) in new[] { Episodes, Found, Pass, Writes, Looks, Carries, Steers, Parity, Made }.Index())
        {
            Section(index, content);
        }

        page.Close("main").Open("script").Raw(Report.Script).Close("script").Close("body").Close("html");
        return "<!DOCTYPE html>\n" + page;
    }

    /// <summary>All that the page has a place for.</summary>
    private static Places PlacesOf(ReportData data)
    {
        var places = new Places();
        foreach (var layer in data.Flow is null ? LayerTable.LayersOf(data) : [])                             // an expert counts layers of its own
        {
            places.Announce(Places.Layer(layer));
        }

        foreach (var look in data.Attention.Select(map => map.Look))
        {
            places.Announce(Places.Head(look.Layer, look.Head));
        }

        foreach (var neuron in data.Concepts.SelectMany(concept => concept.Neurons))
        {
            places.Announce(Places.Neuron(neuron.Layer, neuron.Index));
        }

        foreach (var neuron in data.Flow?.Neurons?.Neurons.Select(n => n.Neuron) ?? [])
        {
            places.Announce(Places.Neuron(neuron.Layer, neuron.Index));
        }

        return places;
    }

    private void Section(int index, Action content)
    {
        var (id, _, title) = Sections[index];
        page.Open("section", ("id", id), ("aria-labelledby", id + "-title"), ("class", "chapter")).Open("h2", ("id", id + "-title"))
            .Text("span", $"{index + 1}", ("class", "n")).Text(" " + title).Close("h2");
        content();
        page.Close("section");
    }

    private void Opening()
    {
        page.Open("header", ("class", "opening")).Open("h1").Prose(data.Title).Close("h1");
        page.Open("p", ("class", data.Finding.Length > 0 ? "finding" : "finding empty"))
            .Prose(data.Finding.Length > 0 ? data.Finding : "Nothing was judged, so there is nothing that was found.").Close("p");
        if (data.Lead.Length > 0)
        {
            page.Open("p", ("class", "lead")).Prose(data.Lead).Close("p");
        }

        page.Close("header");
    }

    private void Found()
    {
        if (data.Facts.Count > 0)
        {
            page.Open("dl", ("class", "facts"));
            foreach (var fact in data.Facts)
            {
                page.Open("div").Text("dt", fact.Name).Text("dd", fact.Value).Close("div");
            }

            page.Close("dl");
        }

        new VerdictList(data.Statements).Write(page);
    }

    private void Pass()
    {
        if (data.Flow is not null)
        {
            Say("Patches, words and state become one sequence, which is read once. The expert starts from noise and, flow step by flow step, moves every "
                + "number of a chunk of actions, reading the keys and values that the language stack left in every layer.");
            Diagram();
            Card(new ChunkCoursePlot(data.Flow.Chunk));
            return;
        }

        Say("Patches and words become one sequence. Every block reads the residual stream and adds to it: attention moves information between positions, the "
                + "feed-forward part works within one. "
            + (data.Pass is { ActionTokens.Count: 0 } ? "The action is read off the last position." : "The last positions say the action, one token a "
                + "dimension."));
        Diagram();
    }

    private void Diagram()
    {
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
        if (data.Flow is { } flow)
        {
            Say("Each feed-forward neuron of the expert adds one fixed vector to a row of the chunk. Through the final norm’s gain and the projection to "
                + "actions it can be read as a change of the action. Beside what a neuron writes stands what it does: the mean change of the chunk with one "
                + "deviation more at every row and flow step.");
            if (flow.Neurons is { } neurons)
            {
                Card(new ExpertNeuronTable(neurons, flow.Chunk.Course.Names));
            }
            else
            {
                Empty("No neuron was read.");
            }

            return;
        }

        Say("Each feed-forward neuron adds one fixed vector, its value vector, to the residual stream. Read in the model’s own vocabulary, some spell a "
                + "concept, some a motion. Both ends are shown, because a neuron that fires negatively writes the other one.");
        if (data.LayerProfile is { } profile)
        {
            Card(new LayerProfilePlot(profile), "card measured");
        }
        else
        {
            Empty("No layer was profiled.");
        }

        if (LayerTable.LayersOf(data).Count > 0)
        {
            Card(new LayerTable(data));
        }

        if (data.Concepts.Count == 0)
        {
            Empty("No concept was looked for.");
            return;
        }

        page.Open("div", ("class", "legend")).Open("span").Text("span", "word", ("class", "chip hit")).Text(" word of the concept").Close("span")
            .Open("span").Text("span", "[+0.84]", ("class", "chip act")).Text(" action value").Close("span")
            .Text("span", "score: " + data.ScoreMeaning).Close("div");
        foreach (var cluster in data.Concepts)
        {
            Card(new ConceptTable(cluster, data.ScoreMeaning));
        }
    }

    private void Looks()
    {
        Say("Chosen heads, over the picture that they read. The veil lifts from a patch in proportion to the attention it gets; the frame marks where the "
            + "object really is. Attention says what a head reads, not what it does with it."
            + (data.AttentionRule.Length > 0 ? $" Shown: {data.AttentionRule}." : ""));
        if (data.Flow is { } flow)
        {
            Card(new ExpertLookTable(flow.Looks));
        }

        if (data.Attention.Count == 0)
        {
            Empty("No attention map was recorded.");
            return;
        }

        var full = AttentionOverlay.Full(data.Attention);
        page.Open("div", ("class", "card"));
        VeilLegend.Write(page, full, weight => Figures.Percent(weight, 1), data.Attention.Select(map => map.Look.Uniform).Average(), atLeast: true);
        page.Open("div", ("class", "maps"));
        foreach (var map in data.Attention)
        {
            new AttentionOverlay(map, full).Write(page);
        }

        page.Close("div").Close("div");
        if (data.EveryHead.Count > 0)
        {
            Card(new HeadSlider(data.EveryHead));
        }
    }

    private void Carries()
    {
        if (data.Flow is { } flow)
        {
            Say("The expert hears the words only through keys and values of the prompt’s rows. Activation patching of these: for the same picture, state and "
                + "noise, the expert reads some rows in some layers as they are under another word. Read alone, is a row sufficient? Held back where the other "
                + "word is said, is it necessary? The tint says how much of the word’s own effect the rows give; under “held back”, how much is lost.");
            if (flow.Swaps.Count == 0)
            {
                Empty("No row was exchanged.");
            }

            foreach (var swap in flow.Swaps)
            {
                Card(new PrefixSwapTable(swap));
            }

            return;
        }

        Say("Activation patching, with three questions to each part. Mean difference: what does one vector, the average change that the word makes there, "
            + "do when it is added? Denoising: what does the part’s own output do when it alone is put in, state by state, from the run with the word (is it "
            + "sufficient)? Noising: what remains of the word when the part is held back at the run without it (is it necessary)? Where mean difference and "
            + "denoising disagree, what the part writes depends on the state. The tint says how much of the word’s own effect a part gives; in the rows of "
            + "noising, how much is lost without it.");
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
        Say("Every arm runs the same layouts with the same pixel noise. Points are paired differences to no edit. Success stands beside motion, because a "
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
        if (data.Episodes.Count == 0)
        {
            Empty("No episode was recorded.");
            return;
        }

        foreach (var subject in data.Episodes.GroupBy(pair => pair.Subject))
        {
            page.Open("div", ("class", "card"));
            if (subject.Key.Length > 0)
            {
                page.Open("h3").Prose(subject.Key).Close("h3");
            }

            page.Open("div", ("class", "films"));
            foreach (var pair in subject)
            {
                new EpisodePlayer(pair).Write(page);
            }

            page.Close("div").Close("div");
        }

        page.Text("p", "Before and after share layout, noise and clock. The line is the gripper’s path with a dot at each step, so dots far apart are fast "
            + "steps. A ring marks a solved task, a cross one that was not solved.", ("class", "k"));
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
        PageFrame.Made(page, data.Provenance, data.Model.Name);
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

    private void Card(View view, string @class = "card")
    {
        page.Open("div", ("class", @class));
        view.Write(page);
        page.Close("div");
    }

    private void Say(string text) => page.Open("p").Prose(text).Close("p");

    private void Empty(string text) => page.Text("p", text, ("class", "empty"));
}
