using Vitrine.Mechanisms.Concepts;
using Vitrine.Views.Drawing;

namespace Vitrine.Views;

/// <summary>Neurons as dots: near to each other where their value vectors mean alike, as far as two directions can show it.</summary>
/// <param name="map">The dots.</param>
public sealed class NeighbourMap(ConceptMap map) : View
{
    private const double Width = 720, Height = 480, Margin = 28;
    private const int Colours = 5;

    /// <summary>The map as an HTML page of its own, which needs nothing beside it.</summary>
    /// <param name="title">Heading.</param>
    /// <param name="note">What was drawn, and from which model.</param>
    public string RenderPage(string title, string note) => PageHead.Alone(this, title, note);

    internal override void Write(Markup page)
    {
        if (map.Points.Count == 0)
        {
            page.Text("p", "No neuron is on the map.", ("class", "empty"));
            return;
        }

        var groups = map.Points.Select(p => p.Cluster).Distinct().ToList();
        var seen = map.Explained.Sum();
        page.Open("figure");
        page.OpenDrawing("drawing map", Width, Height, "Neurons by meaning",
            $"{map.Points.Count} neurons in {groups.Count} groups; the two directions hold {Figures.Percent(seen)} of the variance.");
        var (x, y) = (Across(p => p.X, Margin, Width - Margin), Across(p => p.Y, Height - Margin, Margin));
        foreach (var point in map.Points)
        {
            page.Open("circle", ("class", Colour(groups.IndexOf(point.Cluster))), ("cx", x.At(point.X)), ("cy", y.At(point.Y)), ("r", 4))
                .Text("title", $"{point.Neuron} ({point.Cluster}): {point.Label}").Close("circle");
        }

        foreach (var group in map.Points.GroupBy(p => p.Cluster))
        {
            page.Label("halo heading", x.At(group.Average(p => p.X)), y.At(group.Average(p => p.Y)), group.Key, "middle");
        }

        page.Close("svg");
        page.Text("p",
            $"Distances on the map hold {Figures.Percent(seen)} of the variance; neurons that lie on each other here may be far apart in what is not "
                + "drawn.", ("class", "k"));
        var table = new NumberTable("neurons on the map", ["neuron", "group", "x", "y", "writes"]);
        foreach (var point in map.Points)
        {
            table.Add($"{point.Neuron}", point.Cluster, Figures.Plain(point.X, 3), Figures.Plain(point.Y, 3), point.Label);
        }

        table.WriteFolded(page);
        page.Close("figure");
    }

    private static string Colour(int group) => group < Colours ? FormattableString.Invariant($"dot group-{group}") : "dot";

    private AxisScale Across(Func<MapPoint, double> coordinate, double from, double to)
    {
        var (low, high) = (map.Points.Min(coordinate), map.Points.Max(coordinate));
        return high > low ? new AxisScale(low, high, from, to) : new AxisScale(low - 1, low + 1, from, to);
    }
}
