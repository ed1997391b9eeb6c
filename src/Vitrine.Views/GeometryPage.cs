using Vitrine.Mechanisms.Probes;
using Vitrine.Views.Drawing;

namespace Vitrine.Views;

/// <summary>What a page about geometry shows.</summary>
/// <param name="Title">In plain words.</param>
/// <param name="Asked">What was read, in words.</param>
/// <param name="Layers">How each layer lies.</param>
/// <param name="Similarity">Layers beside each other, or beside those of another reading.</param>
/// <param name="Made">How to make it again.</param>
public sealed record GeometryPageData(string Title, string Asked, IReadOnlyList<LayerGeometry> Layers, LayerSimilarity Similarity, Provenance Made)
{
    /// <summary>Concept directions by layer; none where there are no concepts.</summary>
    public IReadOnlyList<LayerEntanglement> Entanglement { get; init; } = [];

    /// <summary>What each example is called, for its colour; none where nothing is known.</summary>
    public IReadOnlyList<string> Labels { get; init; } = [];
}

/// <summary>The geometry of activations as an HTML file that needs nothing beside it.</summary>
public static class GeometryPage
{
    /// <summary>The page as text.</summary>
    public static string Render(GeometryPageData data)
    {
        ArgumentNullException.ThrowIfNull(data);
        var page = new Markup();
        var areOthers = !data.Similarity.Rows.SequenceEqual(data.Similarity.Columns);
        PageFrame.Section[] sections =
        [
            new("shape", "Shape", "How many directions each layer uses", () => Shape(page, data)),
            new("components", "Components", "Along the first two principal components",
                () => Card(page, new ComponentScatter(data.Layers, data.Labels), false)),
            new("alike", "Alike", areOthers ? "How alike the two readings are" : "How alike the layers are", () => Alike(page, data.Similarity)),
            .. data.Entanglement.Count == 0 ? Array.Empty<PageFrame.Section>() :
            [
                new("entangled", "Entangled", "How far concepts share an axis", () => Entangled(page, data.Entanglement)),
            ],
        ];
        return PageFrame.Render(page, data.Title, data.Asked + ".", [], sections, data.Made, Report.StyleSheet);
    }

    private static void Shape(Markup page, GeometryPageData data)
    {
        page.Text("p", "The participation ratio counts directions that carry variance; a curve counts the plane that it bends in. TwoNN follows curved sheets, "
            + "and wants examples that were drawn independently.");
        Card(page, new LayerShapePlot(data.Layers), true);
        if (data.Layers.All(l => l.Clusters is not null))
        {
            page.Open("div", ("class", "card measured")).Open("figure");
            LayerMarks.Write(page, "Silhouette of k-means by layer", [.. data.Layers.Select(l => new LayerMark(
                l.Layer, l.Clusters!.Silhouette, l.Clusters.Silhouette, l.Clusters.Silhouette, l.Clusters.Shuffled.Smallest, l.Clusters.Shuffled.Largest))]);
            page.Open("div");
            LayerMarks.Legend(page, $"silhouette of {data.Layers[0].Clusters!.Assignments.Distinct().Count()} clusters (k-means)",
                "its control: principal coordinates shuffled");
            var table = new NumberTable("silhouettes", ["layer", "silhouette", "shuffled, mean", "largest", "p"]);
            foreach (var layer in data.Layers)
            {
                table.Add($"{layer.Layer}", Figures.Plain(layer.Clusters!.Silhouette), Figures.Plain(layer.Clusters.Shuffled.Mean),
                    Figures.Plain(layer.Clusters.Shuffled.Largest), Figures.Probability(layer.Clusters.P));
            }

            table.WriteFolded(page, brief: true);
            page.Close("div").Close("figure").Close("div");
        }
    }

    private static void Alike(Markup page, LayerSimilarity found)
    {
        page.Text("p", "Linear CKA is 1 for what differs by rotation and one scale. With fewer examples than coordinates it is high for unrelated layers "
            + "too, which the unbiased one is not: that one is drawn. What is left after the best rotation (Procrustes) stands in the table, beside shuffled "
            + "examples.");
        page.Open("div", ("class", "card measured")).Open("figure");
        var (rows, columns) = (Short(found.Rows), Short(found.Columns));
        HeatSquares.Write(page, "Unbiased CKA of every pair of layers", rows, columns, found.Unbiased, $"layer, at {Stem(found.Columns)}",
            $"layer, at {Stem(found.Rows)}");
        page.Open("div").Text("p", "Unbiased CKA: pale is 0, full is 1.", ("class", "k"));
        var table = new NumberTable(
            "pairs of layers", ["layer", "beside", "CKA", "unbiased", "shuffled examples", "left after rotation", "of shuffled examples"]);
        foreach (var match in found.Matches)
        {
            table.Add(match.Place, match.Beside, Figures.Plain(match.Cka), Figures.Plain(match.Unbiased), Figures.Plain(match.Shuffled),
                Figures.Plain(match.Disparity ?? double.NaN), Figures.Plain(match.ShuffledDisparity ?? double.NaN));
        }

        table.WriteFolded(page);
        var all = new NumberTable("unbiased CKA of every pair", ["layer", .. columns]);
        foreach (var (i, row) in rows.Index())
        {
            all.Add([row, .. found.Unbiased[i].Select(v => Figures.Plain(v, 2))]);
        }

        all.WriteFolded(page);
        page.Close("div").Close("figure").Close("div");
    }

    private static void Entangled(Markup page, IReadOnlyList<LayerEntanglement> found)
    {
        page.Text("p", "The mean |cos| between the directions of the concepts. Shuffled coordinates keep each direction’s own numbers; shuffled labels move "
            + "all concepts together to other examples, and so keep what concepts that exclude each other give alone.");
        page.Open("div", ("class", "card measured")).Open("figure");
        LayerMarks.Write(page, "Mean |cos| of concept directions by layer", [.. found.Select(e => new LayerMark(
            e.Layer, e.Found.Mean, e.Found.Mean, e.Found.Mean, e.ShuffledLabels.Smallest, e.ShuffledLabels.Largest))],
            [.. found.Select(e => e.Found.Shuffled.Mean)]);
        page.Open("div");
        LayerMarks.Legend(page, "mean |cos| of the concepts’ directions", "the same of shuffled labels", "coordinates shuffled, mean");
        var table = new NumberTable(
            "entanglement", ["layer", "mean |cos|", "largest", "shuffled coordinates", "p", "shuffled labels", "largest", "p"]);
        foreach (var row in found)
        {
            table.Add($"{row.Layer}", Figures.Plain(row.Found.Mean), Figures.Plain(row.Found.Largest), Figures.Plain(row.Found.Shuffled.Mean),
                Figures.Probability(row.Found.P), Figures.Plain(row.ShuffledLabels.Mean), Figures.Plain(row.ShuffledLabels.Largest),
                Figures.Probability(row.P));
        }

        table.WriteFolded(page, brief: true);
        page.Close("div").Close("figure").Close("div");
        var most = found.MaxBy(e => e.Found.Mean)!;
        page.Text("h3", $"Pairs in layer {most.Layer}, where the mean is largest").Open("div", ("class", "card measured")).Open("figure");
        HeatSquares.Write(page, $"|cos| of every pair of concepts in layer {most.Layer}", most.Found.Names, most.Found.Names, most.Found.Cosines, "", "");
        page.Open("div").Text("p", "|cos|: pale is 0, full is 1.", ("class", "k"));
        var pairs = new NumberTable("|cos| of every pair", ["concept", .. most.Found.Names]);
        foreach (var (i, name) in most.Found.Names.Index())
        {
            pairs.Add([name, .. most.Found.Cosines[i].Select(v => Figures.Plain(v))]);
        }

        pairs.WriteFolded(page, brief: true);
        page.Close("div").Close("figure").Close("div");
    }

    /// <summary>Layers of addresses <c>stack.layer.point</c>.</summary>
    private static string[] Short(IReadOnlyList<string> places) => [.. places.Select(p => p.Split('.')[1])];

    private static string Stem(IReadOnlyList<string> places) => places[0].Split('.', 3) is [var stack, _, var point] ? $"{stack}.*.{point}" : places[0];

    private static void Card(Markup page, View view, bool isMeasured)
    {
        page.Open("div", ("class", isMeasured ? "card measured" : "card"));
        view.Write(page);
        page.Close("div");
    }
}
