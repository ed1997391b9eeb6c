using Vitrine.Mechanisms.Probes;
using Vitrine.Views.Drawing;

namespace Vitrine.Views;

/// <summary>The examples of layers in their first two principal components, a small drawing each.</summary>
/// <param name="layers">What to draw; where there are many, some are left out.</param>
/// <param name="labels">Name of each example, empty for none; up to five names have a colour each, more have none.</param>
public sealed class ComponentScatter(IReadOnlyList<LayerGeometry> layers, IReadOnlyList<string> labels) : View
{
    private const int Most = 12, Colours = 5;
    private const double Side = 200;

    internal override void Write(Markup page)
    {
        string[] names = [.. labels.Where(l => l.Length > 0).Distinct().Order(StringComparer.Ordinal)];
        var areColoured = names.Length is > 1 and <= Colours;
        var shown = layers.Count <= Most ? layers : [.. Enumerable.Range(0, Most).Select(i => layers[i * (layers.Count - 1) / (Most - 1)])];
        page.Open("figure").Open("div", ("class", "scatters"));
        foreach (var layer in shown)
        {
            page.Open("div").Text("h3", $"layer {layer.Layer}");
            Draw(page, layer, areColoured ? names : []);
            page.Text("p", $"{Figures.Percent(layer.Shares[0])} and {Figures.Percent(layer.Shares.Count > 1 ? layer.Shares[1] : 0)} of the variance",
                ("class", "k")).Close("div");
        }

        page.Close("div");
        if (areColoured)
        {
            page.Open("div", ("class", "legend"));
            foreach (var (index, name) in names.Index())
            {
                page.Open("span").Open("svg", ("class", "map swatch"), ("viewBox", "0 0 12 12"), ("aria-hidden", "true"))
                    .Dot($"dot group-{index}", 6, 6, 5).Close("svg").Text(name).Close("span");
            }

            page.Close("div");
        }

        page.Close("figure");
    }

    private void Draw(Markup page, LayerGeometry layer, string[] names)
    {
        var most = Math.Max(1e-30, layer.Scores.Max(s => Math.Max(Math.Abs(s[0]), Math.Abs(s[1]))));
        page.OpenDrawing("drawing map", Side, Side, $"Layer {layer.Layer} in two components",
            $"{layer.Scores.Count} examples; the first component holds {Figures.Percent(layer.Shares[0])} of the variance.");
        page.Line("axis", 0, Side / 2, Side, Side / 2).Line("axis", Side / 2, 0, Side / 2, Side);
        foreach (var (i, score) in layer.Scores.Index())
        {
            page.Dot(names.Length > 0 && labels[i].Length > 0 ? $"dot group-{Array.IndexOf(names, labels[i])}" : "dot", At(score[0]), Side - At(score[1]), 2.6);
        }

        page.Close("svg");

        double At(double score) => (Side / 2) + (score / most * ((Side / 2) - 5));
    }
}
