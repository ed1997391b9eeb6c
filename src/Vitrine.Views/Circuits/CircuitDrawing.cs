using Vitrine.Mechanisms.Circuits;
using Vitrine.Views.Drawing;

namespace Vitrine.Views;

/// <summary>
/// A circuit as a graph: sources below, layer above layer, the outcome on top; an edge is as wide as its score is large, and its colour is the score's sign.
/// Edges of several positions or steps between the same two are drawn as their sum.
/// </summary>
/// <remarks>It is drawn twice, for a wide page and for a narrow one; the style sheet shows the one that fits.</remarks>
/// <param name="study">What to draw.</param>
public sealed class CircuitDrawing(CircuitStudy study) : View
{
    private const int Most = 80;
    private const double RowPitch = 74, LinePitch = 40, NodeHeight = 24, Left = 74;

    private sealed record Node(string Name, int Row, string Class, string Shown);

    private sealed record Placed(Node Node, double X, double Y, double Width);

    internal override void Write(Markup page)
    {
        var all = study.Circuit.Edges.GroupBy(e => (e.From, e.To)).Select(g => new ScoredEdge(g.Key.From, g.Key.To, g.Sum(e => e.Score)))
            .OrderByDescending(e => Math.Abs(e.Score)).ToArray();
        if (all.Length == 0)
        {
            page.Text("p", "The circuit has no edge.", ("class", "empty"));
            return;
        }

        var edges = all.Take(Most).ToArray();
        page.Open("figure");
        Draw(page, "drawing wide circuit", 1000, edges);
        Draw(page, "drawing narrow circuit", 360, edges);
        page.Open("div", ("class", "legend"));
        page.Open("span").Leaf("i", ("class", "key more")).Text("gives more of the metric").Close("span");
        page.Open("span").Leaf("i", ("class", "key less")).Text("takes from it").Close("span");
        page.Text("span", $"width: score, the widest {Figures.Change(edges[0].Score, Figures.Fine)}");
        page.Text("span", "into a head: q queries, k keys, v values");
        if (all.Length > edges.Length)
        {
            page.Text("span", $"the {edges.Length} largest of {all.Length} edges");
        }

        page.Close("div");
        var patched = study.Patched.ToLookup(e => (e.From, e.To, e.Step, e.Position));
        var table = new NumberTable($"edges of the circuit, in units of {study.Metric}", ["edge", "where", "score", "patched alone"]);
        foreach (var edge in study.Circuit.Edges.Take(400))
        {
            table.Add(
                $"{edge.From} → {edge.To}", new EdgeCell(edge.Step, edge.Position).ToString(), Figures.Change(edge.Score, Figures.Fine),
                patched[(edge.From, edge.To, edge.Step, edge.Position)].FirstOrDefault() is { } found
                    ? Figures.Change(found.Score, Figures.Fine)
                    : Figures.Missing);
        }

        table.WriteFolded(page, brief: true);
        page.Close("figure");
    }

    private void Draw(Markup page, string @class, double width, ScoredEdge[] edges)
    {
        var placed = Place(edges, width, out var height);
        page.OpenDrawing(@class, width, height, "The circuit, from its sources to the outcome",
            string.Join(" ", edges.Take(12).Select(e => $"{e.From} to {e.To}: {Figures.Change(e.Score, Figures.Fine)}.")));
        foreach (var row in placed.Values.GroupBy(p => p.Node.Row).OrderBy(g => g.Key))
        {
            var y = row.Average(p => p.Y);
            page.Line("row", Left - 6, y, width, y).Label("small faint", 0, y + 4, RowName(row.Key));
        }

        var largest = Math.Abs(edges[0].Score);
        foreach (var edge in edges.Reverse())
        {
            var (from, to) = (placed[edge.From], placed[NodeOf(edge.To)]);
            var (x1, y1) = (from.X, from.Y - (NodeHeight / 2));
            var (x2, y2) = (to.X + (InputOf(edge.To) * to.Width * .32), to.Y + (NodeHeight / 2));
            var bend = Math.Max(18, (y1 - y2) * .45);
            page.Open("path", ("class", $"edge {(edge.Score >= 0 ? "more" : "less")}"),
                    ("stroke-width", .8 + (6.4 * Math.Abs(edge.Score) / Math.Max(1e-300, largest))),
                    ("d", FormattableString.Invariant($"M{x1:0.#} {y1:0.#} C{x1:0.#} {y1 - bend:0.#} {x2:0.#} {y2 + bend:0.#} {x2:0.#} {y2:0.#}")))
                .Text("title", $"{edge.From} → {edge.To}: {Figures.Change(edge.Score, Figures.Fine)}").Close("path");
        }

        foreach (var node in placed.Values)
        {
            page.Box($"node {node.Node.Class}", node.X - (node.Width / 2), node.Y - (NodeHeight / 2), node.Width, NodeHeight, 6)
                .Label(node.Node.Class == "outcome" ? "small outcome-name" : "small", node.X, node.Y + 4.5, node.Node.Shown, "middle");
        }

        foreach (var end in edges.Select(e => e.To).Distinct().Where(to => InputOf(to) != 0 || to.EndsWith(".k", StringComparison.Ordinal)))
        {
            var node = placed[NodeOf(end)];
            page.Label("input halo", node.X + (InputOf(end) * node.Width * .32), node.Y + (NodeHeight / 2) + 10, end[^1..], "middle");
        }

        page.Close("svg");
    }

    /// <summary>Rows from the outcome down; a row that is too long goes on in a line below.</summary>
    private Dictionary<string, Placed> Place(ScoredEdge[] edges, double width, out double height)
    {
        var nodes = edges.SelectMany(e => new[] { e.From, NodeOf(e.To) }).Distinct().Select(Described).ToArray();
        var placed = new Dictionary<string, Placed>();
        var y = 24.0;
        foreach (var row in nodes.GroupBy(n => n.Row).OrderByDescending(g => g.Key))
        {
            var (line, used) = (new List<(Node Node, double Width)>(), 0.0);
            foreach (var node in row.OrderBy(n => Order(n)))
            {
                var own = Math.Min(width - Left, 18 + ((node.Class == "outcome" ? 8.6 : 7.4) * node.Shown.Length));
                if (used + own + 14 > width - Left && line.Count > 0)
                {
                    End();
                    y += LinePitch;
                }

                line.Add((node, own));
                used += own + 14;
            }

            End();
            y += RowPitch;

            void End()
            {
                var gap = (width - Left - line.Sum(n => n.Width)) / (line.Count + 1);

                // Feed-forwards stand alone in their rows: to the right, and not above each other, so that what runs past them is seen.
                var x = line[0].Node.Class == "mlp" ? Left + ((width - Left - line[0].Width) * (.58 + (.16 * (line[0].Node.Row / 2 % 3)))) : Left + gap;
                foreach (var (node, own) in line)
                {
                    placed[node.Name] = new Placed(node, x + (own / 2), y, own);
                    x += own + gap;
                }

                (used, _) = (0, line.RemoveAll(_ => true));
            }
        }

        height = y - RowPitch + 34;
        return placed;
    }

    private Node Described(string name)
    {
        if (name == "outcome")
        {
            return new Node(name, (2 * study.Layers) + 1, "outcome", Cut(study.Metric, 34));
        }

        if (name[0] is 'a' or 'm' && name.Length > 1 && char.IsAsciiDigit(name[1]))
        {
            var layer = int.Parse(name[1..].Split('.')[0], System.Globalization.CultureInfo.InvariantCulture);
            return name[0] == 'a' ? new Node(name, (2 * layer) + 1, "head", $"head {name[1..]}") : new Node(name, (2 * layer) + 2, "mlp", $"MLP {layer}");
        }

        return new Node(name, 0, "source", Cut(name.StartsWith("word:", StringComparison.Ordinal) ? $"“{name[5..]}”" : name, 30));
    }

    private double Order(Node node) => node.Row == 0 ? Enumerable.Range(0, study.Sources.Count).FirstOrDefault(i => study.Sources[i] == node.Name, 999)
        : node.Name.Contains('.', StringComparison.Ordinal) && node.Class == "head"
            ? int.Parse(node.Name.Split('.')[1], System.Globalization.CultureInfo.InvariantCulture)
            : 0;

    private string RowName(int row) => row == 0 ? "sources" : row == (2 * study.Layers) + 1 ? "outcome" : $"layer {(row - 1) / 2}";

    private static string Cut(string text, int most) => text.Length <= most ? text : text[..(most - 1)] + "…";

    private static string NodeOf(string reader) => InputOf(reader) != 0 || Reads(reader, ".k") ? reader[..^2] : reader;

    /// <summary>-1 for queries, on the left; 1 for values; 0 else.</summary>
    private static int InputOf(string reader)
        => Reads(reader, ".q") ? -1 : Reads(reader, ".v") ? 1 : 0;

    private static bool Reads(string reader, string input) => reader[0] == 'a' && reader.EndsWith(input, StringComparison.Ordinal);
}
