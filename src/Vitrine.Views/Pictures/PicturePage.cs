using Vitrine.Mechanisms.Pictures;
using Vitrine.Views.Drawing;

namespace Vitrine.Views;

/// <summary>One picture in one model as an HTML file that needs nothing beside it.</summary>
public sealed class PicturePage
{
    private const int DrawnHeads = 192;

    private static readonly string Styles = Report.StyleSheet + Report.Resource("picture.css");

    private readonly PicturePageData data;
    private readonly Markup page = new();
    private readonly List<(string Id, string Short, string Title, Action Content)> sections = [];

    private PicturePage(PicturePageData data)
    {
        this.data = data;
        sections.Add(("patches", "Patches", "The picture as the model reads it", Patches));
        if (data.Evidence is { } evidence)
        {
            sections.Add(("classes", "Classes", "What it says", () => Classes(evidence)));
            sections.Add(("where", "Where", "Which patches speak for it", () => Where(evidence)));
            sections.Add(("heads", "Heads", "Which heads speak for it", () => Heads(evidence)));
            sections.Add(("neurons", "Neurons", "Which neurons speak for it", () => Neurons(evidence)));
        }

        if (data.Reading is { } reading)
        {
            sections.Add(("attention", "Attention", $"Where heads look (query: {reading.Query})", () => Attention(reading)));
            sections.Add(("rollout", "Rollout", "Attention through the layers", () => Rollout(reading)));
            sections.Add(("norms", "Norms", "Norms of the tokens, and outliers", () => Norms(reading)));
            sections.Add(("moved", "Heads", "What heads move", () => Moved(reading)));
            sections.Add(("neurons-of", "Neurons", "Where neurons are active", () => Active(reading)));
        }

        sections.Add(("how", "How it was made", "How it was made", Made));
    }

    /// <summary>The page as text.</summary>
    public static string Render(PicturePageData data)
    {
        ArgumentNullException.ThrowIfNull(data);
        return new PicturePage(data).Render();
    }

    private string Render()
    {
        PageHead.Write(page, data.Title.Replace("*", ""), Styles, null);
        page.Open("body").Text("a", "Skip to the page", ("class", "skip"), ("href", "#page")).Open("nav", ("aria-label", "Sections")).Open("div")
            .Text("b", "Vitrine").Open("ul");
        foreach (var (id, name, _, _) in sections)
        {
            page.Open("li").Text("a", name, ("href", "#" + id)).Close("li");
        }

        page.Close("ul").Close("div").Close("nav").Open("main", ("id", "page")).Open("header").Text("h1", data.Title);
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

        page.Close("header");
        foreach (var (index, (id, _, title, content)) in sections.Index())
        {
            page.Open("section", ("id", id), ("aria-labelledby", id + "-title"), ("class", "chapter")).Open("h2", ("id", id + "-title"))
                .Text("span", $"{index + 1}", ("class", "n")).Text(" " + title).Close("h2");
            content();
            page.Close("section");
        }

        page.Close("main").Close("body").Close("html");
        return "<!DOCTYPE html>\n" + page;
    }

    private void Patches()
    {
        Say("The picture is cut into patches, each patch becomes one vector, and the vectors in a row are all that the blocks read: what words are to a "
            + "language model.");
        Card(new PatchSequence(data.Picture, data.Tokens, data.Width, [.. data.Reading?.Norms.Outliers.Select(o => o.Token) ?? []]));
    }

    private void Classes(ClassEvidence evidence)
    {
        Say($"What follows is measured on one number: {evidence.Measure}.");
        Card(new ClassBars(evidence.Classes));
    }

    private void Where(ClassEvidence evidence)
    {
        Say("Several methods, because none is the truth: teal patches speak for the class, orange ones against it. Under them the test: the patches that a "
            + "method puts first are taken away together, beside as many random ones. A method that finds what matters lies left of the rings.");
        Card(new MapGrid
        {
            Id = "where-maps",
            Caption = "evidence by patch",
            Picture = data.Picture,
            Style = MapStyle.Signed,
            Print = value => Figures.Change(value),
            Maps = [.. evidence.Patches.Select(p => new GridMap("", p.Method, $"strongest {Figures.Change(p.Map.Values.MaxBy(MathF.Abs))}", p.Map))],
        });
        Card(new DeletionPlot(evidence.Patches, evidence.Measure));
    }

    private void Heads(ClassEvidence evidence)
    {
        if (evidence.Direct is { } direct)
        {
            Say("The residual stream is a sum, and the class head reads it through one norm: held fixed, the measure is an exact sum of what each head and "
                + "each feed-forward wrote to the tokens that the head reads. What a part does by way of later parts is not in it; its ablation has both.");
            Card(new HeadHeat(direct));
        }
        else
        {
            Say($"There is no direct attribution: {evidence.NotDirect}. Heads are ranked by the gradient estimate.");
        }

        Card(new UnitTable("head-units", "head", data.Picture, evidence.Heads));
        Say($"The map of a head is what it brings from each patch, in logits. Ablated: {Filled(evidence.Fill)}, everything behind computed anew; a fall of "
            + "the measure says that the head spoke for the class.");
    }

    private void Neurons(ClassEvidence evidence)
    {
        Say("A feed-forward neuron adds its value vector, as often as it is active. The map is its activation at each patch. Ablated: "
            + $"{Filled(evidence.Fill)}.");
        Card(new UnitTable("neuron-units", "neuron", data.Picture, evidence.Neurons));
    }

    private static string Filled(AblationFill fill) => fill == AblationFill.Mean
        ? "replaced by its mean over the tokens (what it writes alike to every token stays, so that it may say much and be missed little)"
        : "set to zero at every token";

    private void Attention(PictureReading reading)
    {
        Say("The veil lifts from a patch in proportion to the attention it gets, each map by its own largest. The share is what falls on patches at all; the "
            + "rest goes to the tokens in front. Attention says what a head reads, not what it does with it.");
        var shown = reading.Attention.Take(DrawnHeads).ToList();
        Card(new MapGrid
        {
            Id = "attention-maps",
            Caption = $"attention from {reading.Query}",
            Picture = data.Picture,
            Print = value => Figures.Percent(value, 1),
            Maps = [.. shown.Select(h => new GridMap($"layer {h.Layer}", $"head {h.Head}", Figures.Percent(h.MassOnPatches) + " on patches", h.Map)),
                .. reading.Pool.Select(h => new GridMap("pool", $"head {h.Head}", Figures.Percent(h.MassOnPatches) + " on patches", h.Map))],
        });
        if (reading.Attention.Count > shown.Count)
        {
            Say($"The other {reading.Attention.Count - shown.Count} heads stand in data.json; --layer draws those of one layer.");
        }
    }

    private void Rollout(PictureReading reading)
    {
        Say("Attention averaged over heads, half of it replaced by the residual stream, multiplied from layer to layer (Abnar and Zuidema 2020): from where "
            + $"information could have come to the query ({reading.Query}). It knows nothing of values and feed-forwards. A map is painted in full from the "
            + "share on that 97 of 100 patches do not reach.");
        Card(new MapGrid
        {
            Id = "rollout-maps",
            Caption = $"attention rollout from {reading.Query}",
            FullFrom = .97,
            Picture = data.Picture,
            Print = value => Figures.Percent(value, 2),
            Maps = [.. reading.Rollout.Select(r => new GridMap("", $"layer {r.Layer}", Figures.Percent(r.Map.Values.Sum(v => (double)v)) + " on patches",
                r.Map))],
        });
    }

    private void Norms(PictureReading reading)
    {
        Say("Large encoders use a few patches of little content as scratch space; their tokens have norms far above the others’, and attention maps show "
            + "them as specks. Registers give the model that space of its own (Darcet et al. 2024). What is out of line before the first layer comes from "
            + "the picture itself. Written by: the neurons with the largest parts in the token’s squared norm.");
        Card(new NormProfile(reading.Norms, reading.Tokens));
    }

    private void Moved(PictureReading reading)
    {
        Say("The norm of what each head adds to the residual stream at each patch, all maps of a layer on one scale.");
        Card(new MapGrid
        {
            Id = "head-maps",
            Caption = "norm of what heads write",
            Picture = data.Picture,
            Maps = [.. reading.Heads.Take(DrawnHeads)
                .Select(h => new GridMap($"layer {h.Layer}", $"head {h.Head}", "mean " + Figures.Plain(h.Written.Values.Average(), 2), h.Written))],
            SharesRow = true,
        });
    }

    private void Active(PictureReading reading)
    {
        Say("Feed-forward neurons, teal where they are positive, orange where they are negative. Share: what the neuron writes where it is most active, over "
            + "the median norm of its layer’s output.");
        Card(new MapGrid
        {
            Id = "neuron-maps",
            Caption = "activation of neurons",
            Picture = data.Picture,
            Style = MapStyle.Signed,
            Print = value => Figures.Change(value, 2),
            Maps = [.. reading.Neurons.Select(n => new GridMap("", $"{n.Layer}:{n.Index}", "share " + Figures.Plain(n.Share, 2), n.Map))],
        });
    }

    private void Made()
    {
        page.Open("div", ("class", "card")).Open("table", ("class", "made")).Text("caption", "How the page was made", ("class", "unseen")).Open("tbody");
        Line("command", data.Provenance.Command, "mono");
        Line("fingerprint", data.Provenance.Fingerprint, "mono");
        Line("seed", data.Provenance.Seed, null);
        Line("picture", string.Join("; ", data.Steps), null);
        foreach (var entry in data.Provenance.Counts.Concat(data.Provenance.Versions))
        {
            Line(entry.Name, entry.Value, null);
        }

        if (data.Provenance.Files.Count > 0)
        {
            Line("files", string.Join(" · ", data.Provenance.Files), "mono");
        }

        page.Close("tbody").Close("table").Close("div");
    }

    private void Line(string name, string value, string? @class)
        => page.Open("tr").Text("th", name, ("scope", "row")).Text("td", value, ("class", @class)).Close("tr");

    private void Say(string text) => page.Text("p", text);

    private void Card(View view)
    {
        page.Open("div", ("class", "card"));
        view.Write(page);
        page.Close("div");
    }
}
