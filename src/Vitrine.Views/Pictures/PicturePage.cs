using Vitrine.Mechanisms.Pictures;
using Vitrine.Views.Drawing;

namespace Vitrine.Views;

/// <summary>One picture in one model as an HTML file that needs nothing beside it.</summary>
public sealed class PicturePage
{
    private const int DrawnHeads = 192;

    private static readonly string Styles = Report.StyleSheet + Report.Resource("picture.css");

    internal static readonly string Script = Report.Resource("tip.js") + Report.Resource("picture.js");

    private readonly PicturePageData data;
    private readonly Markup page;
    private readonly List<PageFrame.Section> sections = [];

    private PicturePage(PicturePageData data)
    {
        (this.data, page) = (data, new Markup { Places = PlacesOf(data) });
        sections.Add(new("patches", "Patches", "The picture as the model reads it", Patches));
        if (data.Evidence is { } evidence)
        {
            sections.Add(new("classes", "Classes", "What it says", () => Classes(evidence)));
            sections.Add(new("where", "Where", "Which patches speak for it", () => Where(evidence)));
            sections.Add(new("heads", "Heads", "Which heads speak for it", () => Heads(evidence)));
            sections.Add(new("neurons", "Neurons", "Which neurons speak for it", () => Neurons(evidence)));
        }

        if (data.Reading is { } reading)
        {
            sections.Add(new("attention", "Attention", $"Where heads look (query: {reading.Query})", () => Attention(reading)));
            sections.Add(new("rollout", "Rollout", "Attention through the layers", () => Rollout(reading)));
            sections.Add(new("norms", "Norms", "Norms of the tokens, and outliers", () => Norms(reading)));
            sections.Add(new("moved", "Heads", "What heads move", () => Moved(reading)));
            sections.Add(new("neurons-of", "Neurons", "Where neurons are active", () => Active(reading)));
        }
    }

    /// <summary>The page as text.</summary>
    public static string Render(PicturePageData data)
    {
        ArgumentNullException.ThrowIfNull(data);
        return new PicturePage(data).Render();
    }

    private string Render() => PageFrame.Render(
        page, data.Title, data.Lead, data.Facts, sections,
        data.Provenance with { Counts = [new NamedValue("picture", string.Join("; ", data.Steps)), .. data.Provenance.Counts] }, Styles, Script);

    /// <summary>All that the page has a place for: heads where their attention is drawn or their evidence stands, neurons likewise.</summary>
    private static Places PlacesOf(PicturePageData data)
    {
        var places = new Places();
        foreach (var head in data.Reading?.Attention.Take(DrawnHeads) ?? [])
        {
            places.Announce(Places.Head(head.Layer, head.Head));
            places.Announce(Places.Layer(head.Layer));
        }

        foreach (var neuron in data.Reading?.Neurons ?? [])
        {
            places.Announce(Places.Neuron(neuron.Layer, neuron.Index));
        }

        foreach (var unit in data.Evidence?.Heads ?? [])
        {
            places.Announce(Places.Head(unit.Layer, unit.Index));
        }

        foreach (var unit in data.Evidence?.Neurons ?? [])
        {
            places.Announce(Places.Neuron(unit.Layer, unit.Index));
        }

        return places;
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
            Caption = "evidence by patch, in logits",
            Picture = data.Picture,
            FirstToken = data.Tokens.Prefix.Count,
            Style = MapStyle.Signed,
            Number = PatchNumber.Signed(),
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

        Card(new UnitTable("head-units", "head", data.Picture, data.Tokens.Prefix.Count, evidence.Heads));
        Say($"The map of a head is what it brings from each patch, in logits. Ablated: {Filled(evidence.Fill)}, everything behind computed anew; a fall of "
            + "the measure says that the head spoke for the class.");
    }

    private void Neurons(ClassEvidence evidence)
    {
        Say("A feed-forward neuron adds its value vector, as often as it is active. The map is its activation at each patch. Ablated: "
            + $"{Filled(evidence.Fill)}.");
        Card(new UnitTable("neuron-units", "neuron", data.Picture, data.Tokens.Prefix.Count, evidence.Neurons));
    }

    private static string Filled(AblationFill fill) => fill == AblationFill.Mean
        ? "replaced by its mean over the tokens (what it writes alike to every token stays, so that it may say much and be missed little)"
        : "set to zero at every token";

    private void Attention(PictureReading reading)
    {
        Say("The veil lifts from a patch in proportion to the attention it gets. The share is what falls on patches at all; the rest goes to the tokens in "
            + "front. Attention says what a head reads, not what it does with it.");
        if (reading.Table is { } table)
        {
            Card(new AttentionExplorer(data.Picture, data.Tokens, table, Looking(reading)));
            if (table.Layers.Count < data.Layers)
            {
                Say($"The page carries every query of {table.Layers.Count} of {data.Layers} layers: {string.Join(", ", table.Layers)}; --layer asks for "
                    + "another.");
            }
        }
        else
        {
            Say("The page carries one query: the attention of all others was not kept, or is more than a page can carry.");
        }

        var shown = reading.Attention.Take(DrawnHeads).ToList();
        Card(new MapGrid
        {
            Id = "attention-maps",
            Caption = $"attention from {reading.Query}",
            Picture = data.Picture,
            FirstToken = data.Tokens.Prefix.Count,
            FullFrom = .98,
            Uniform = 1.0 / data.Tokens.Count,
            Number = PatchNumber.Share(),
            Maps =
            [
                .. shown.Select(h => new GridMap($"layer {h.Layer}", $"head {h.Layer}:{h.Head}", Figures.Percent(h.MassOnPatches) + " on patches", h.Map)
                {
                    Head = (h.Layer, h.Head),
                }),
                .. reading.Pool.Select(h => new GridMap("pool", $"head {h.Head} of the pool", Figures.Percent(h.MassOnPatches) + " on patches", h.Map)),
            ],
        });
        if (reading.Attention.Count > shown.Count)
        {
            Say($"The other {reading.Attention.Count - shown.Count} heads stand in data.json; --layer draws those of one layer.");
        }
    }

    /// <summary>The token that looks in the maps; the first patch in the middle where that is no single token.</summary>
    private int Looking(PictureReading reading)
        => Enumerable.Range(0, data.Tokens.Count).Cast<int?>().FirstOrDefault(token => data.Tokens.Name(token!.Value) == reading.Query)
            ?? data.Tokens.Prefix.Count + (data.Tokens.Rows / 2 * data.Tokens.Columns) + (data.Tokens.Columns / 2);

    private void Rollout(PictureReading reading)
    {
        Say("Attention averaged over heads, half of it replaced by the residual stream, multiplied from layer to layer (Abnar and Zuidema 2020): from where "
            + $"information could have come to the query ({reading.Query}). It knows nothing of values and feed-forwards.");
        Card(new MapGrid
        {
            Id = "rollout-maps",
            Caption = $"attention rollout from {reading.Query}",
            FullFrom = .98,
            Picture = data.Picture,
            FirstToken = data.Tokens.Prefix.Count,
            Uniform = 1.0 / data.Tokens.Count,
            Number = PatchNumber.Share(2),
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
        Say("The norm of what each head adds to the residual stream at each patch, as a share of the median norm that patches have behind the layer: norms "
            + "grow from layer to layer, and one scale in the stream’s own units would leave all but the last layers dark.");
        Card(new MapGrid
        {
            Id = "head-maps",
            Caption = "norm of what heads write, over the median norm behind the layer",
            Picture = data.Picture,
            FirstToken = data.Tokens.Prefix.Count,
            FullFrom = .98,
            Number = PatchNumber.Share(),
            Maps = [.. reading.Heads.Take(DrawnHeads).Select(Share)],
        });

        GridMap Share(HeadMap head)
        {
            var median = (float)reading.Norms.Layers.Single(layer => layer.Layer == head.Layer).Median;
            var share = head.Written with { Values = [.. head.Written.Values.Select(value => value / median)] };
            return new GridMap($"layer {head.Layer}", $"head {head.Layer}:{head.Head}", "mean " + Figures.Percent(share.Values.Average(), 1), share);
        }
    }

    private void Active(PictureReading reading)
    {
        Say("Feed-forward neurons, teal where they are positive, orange where they are negative. Share: what the neuron writes where it is most active, over "
            + $"the median norm of its layer’s output.{(data.NeuronRule.Length > 0 ? $" Shown: {data.NeuronRule}." : "")}");
        Card(new MapGrid
        {
            Id = "neuron-maps",
            Caption = "activation of neurons, behind the activation function",
            Picture = data.Picture,
            FirstToken = data.Tokens.Prefix.Count,
            FullFrom = .98,
            Style = MapStyle.Signed,
            Number = PatchNumber.Signed(2),
            Maps = [.. reading.Neurons.Select(n => new GridMap("", $"neuron {n.Layer}:{n.Index}", "share " + Figures.Plain(n.Share, 2), n.Map)
            {
                Neuron = (n.Layer, n.Index),
            })],
        });
    }

    private void Say(string text) => page.Open("p").Named(text).Close("p");

    private void Card(View view)
    {
        page.Open("div", ("class", "card"));
        view.Write(page);
        page.Close("div");
    }
}
