using Vitrine.Mechanisms.Pictures;
using Vitrine.Views.Drawing;

namespace Vitrine.Views;

/// <summary>Norms of the tokens layer by layer: the patches as a band with their median, class token and registers as lines, outliers as dots.</summary>
/// <remarks>It is drawn twice, for a wide page and for a narrow one; the style sheet shows the one that fits.</remarks>
/// <param name="norms">What to draw.</param>
/// <param name="tokens">Names of the tokens.</param>
public sealed class NormProfile(TokenNorms norms, PictureTokens tokens) : View
{
    private const int ListedOutliers = 24;

    internal override void Write(Markup page)
    {
        page.Open("figure", ("class", "norms"));
        Draw(page, "drawing wide", 1000, 350);
        Draw(page, "drawing narrow", 360, 330);
        page.Open("div", ("class", "legend"));
        page.Open("span").Leaf("i", ("class", "key band")).Text("patches, from the 10th to the 90th of 100").Close("span");
        page.Open("span").Leaf("i", ("class", "key after")).Text("their median").Close("span");
        page.Open("span").Leaf("i", ("class", "key dot outlier")).Text("an outlier").Close("span");
        page.Open("span").Leaf("i", ("class", "key tick")).Text("where outliers begin").Close("span");
        if (tokens.Prefix.Count > 0)
        {
            page.Open("span").Leaf("i", ("class", "key line")).Text("class token").Close("span");
        }

        if (tokens.Prefix.Count > 1)
        {
            page.Open("span").Leaf("i", ("class", "key before")).Text("registers").Close("span");
        }

        page.Text("span", norms.Rule).Close("div");
        var table = new NumberTable(
            "norms of the tokens by layer", ["layer", "median of patches", "largest patch", "outlier above", "outliers", "high-norm", .. tokens.Prefix]);
        foreach (var layer in norms.Layers)
        {
            table.Add([Name(layer.Layer), Number(layer.Median), Number(Patches(layer).Max()), Number(layer.Threshold), $"{layer.Outliers.Count}",
                $"{layer.HighNorm.Count}", .. layer.Norms.Take(tokens.Prefix.Count).Select(n => Number(n))]);
        }

        table.WriteFolded(page, brief: true);
        Outliers(page);
        page.Close("figure");
    }

    private void Outliers(Markup page)
    {
        if (norms.Outliers.Count == 0)
        {
            page.Text("p", "No patch is out of line in any layer.", ("class", "k"));
            return;
        }

        page.Open("div", ("class", "scroll"), ("tabindex", 0), ("role", "group"), ("aria-label", "Outliers"));
        page.Open("table", ("class", "outliers stacked")).Text("caption", "Patches that are out of line").Open("thead").Open("tr")
            .Text("th", "patch", ("scope", "col")).Text("th", "outlier in layers", ("scope", "col")).Text("th", "high-norm in layers", ("scope", "col"))
            .Text("th", "largest norm / median", ("scope", "col"), ("class", "r")).Text("th", "written by", ("scope", "col")).Close("tr").Close("thead")
            .Open("tbody");
        foreach (var outlier in norms.Outliers.Take(ListedOutliers))
        {
            var writers = outlier.PeakLayer < 0
                ? "the picture itself"
                : string.Join(", ", outlier.Writers.Select(w => $"{w.Layer}:{w.Index} ({Figures.Percent(w.Share)})"));
            page.Open("tr").Text("th", outlier.Name, ("scope", "row"), ("class", "mono"))
                .Text("td", Ranges(outlier.Layers), ("data-label", "outlier in layers"))
                .Text("td", Ranges(outlier.HighNormLayers), ("data-label", "high-norm in layers"))
                .Open("td", ("class", "r"), ("data-label", "largest norm / median"))
                .Named($"{Figures.Plain(outlier.Ratio, 2)}, {(outlier.PeakLayer < 0 ? "input" : $"layer {outlier.PeakLayer}")}").Close("td")
                .Open("td", ("data-label", "written by")).Named(writers).Close("td").Close("tr");
        }

        page.Close("tbody").Close("table").Close("div");
        if (norms.Outliers.Count > ListedOutliers)
        {
            page.Text("p", $"and {norms.Outliers.Count - ListedOutliers} more, in data.json", ("class", "k"));
        }
    }

    private IEnumerable<float> Patches(NormsOfLayer layer) => layer.Norms.Skip(tokens.Prefix.Count);

    private void Draw(Markup page, string @class, double width, double height)
    {
        var all = norms.Layers.SelectMany(l => l.Norms).Where(n => n > 0 && float.IsFinite(n)).Select(n => (double)n).ToList();
        var (least, most) = (all.DefaultIfEmpty(1).Min(), all.DefaultIfEmpty(1).Max());
        var logarithmic = most > 20 * least;
        var (left, right, top, floor) = (56.0, width - 10, 30.0, height - 48);
        var low = Math.Floor(Math.Log10(least) * 4) / 4;
        var scale = logarithmic
            ? new AxisScale(low, Math.Max(Math.Ceiling(Math.Log10(most) * 4) / 4, low + .25), floor, top)
            : AxisScale.Around(all, floor, top);
        double Y(double norm) => Math.Clamp(scale.At(logarithmic ? Math.Log10(Math.Max(norm, least)) : norm), top, floor);
        double X(int index) => left + ((index + .5) * (right - left) / norms.Layers.Count);

        var largest = norms.Layers.MaxBy(l => Patches(l).Max())!;
        page.OpenDrawing(@class, width, height, "Norms of the tokens by layer",
            $"The median norm of the patches goes from {Number(norms.Layers[0].Median)} to {Number(norms.Layers[^1].Median)}; the largest patch has "
                + $"{Number(Patches(largest).Max())}, in layer {Name(largest.Layer)}; {norms.Outliers.Count} patches are outliers somewhere.");
        foreach (var tick in logarithmic ? Decades(scale.Low, scale.High) : scale.Ticks())
        {
            page.Line("axis", left, Y(tick), right, Y(tick)).Label("small faint", left - 8, Y(tick) + 4, Number(tick), "end");
        }

        var sorted = norms.Layers.Select(l => Patches(l).Order().ToArray()).ToArray();
        var upper = sorted.Select((s, i) => At(X(i), Y(s[(int)((s.Length - 1) * .9)])));
        var lower = sorted.Select((s, i) => At(X(i), Y(s[(int)((s.Length - 1) * .1)]))).Reverse();
        page.Leaf("polygon", ("class", "draws"), ("points", string.Join(' ', upper.Concat(lower))));
        for (var token = tokens.Prefix.Count - 1; token >= 0; token--)
        {
            Curve(page, token == 0 ? "curve class-token" : "curve before", l => l.Norms[token], X, Y);
        }

        Curve(page, "curve after", l => l.Median, X, Y);
        var every = (int)Math.Ceiling(norms.Layers.Count * 34 / (right - left));
        foreach (var (index, layer) in norms.Layers.Index())
        {
            if (layer.Threshold <= most)
            {
                page.Line("threshold", X(index) - 9, Y(layer.Threshold), X(index) + 9, Y(layer.Threshold));
            }

            foreach (var token in layer.Outliers.Union(layer.HighNorm))
            {
                page.Open("circle", ("class", "outlier"), ("cx", X(index)), ("cy", Y(layer.Norms[token])), ("r", 3.2))
                    .Text("title", $"{tokens.Name(token)}, layer {Name(layer.Layer)}: {Number(layer.Norms[token])}").Close("circle");
            }

            if (index % every == 0)
            {
                page.Label("small soft", X(index), floor + 20, Name(layer.Layer), "middle");
            }
        }

        page.Label("small soft", 0, 12, logarithmic ? "norm, units of the residual stream, logarithmic" : "norm, units of the residual stream")
            .Label("small soft", (left + right) / 2, height - 4, "output of layer", "middle")
            .Close("svg");
    }

    private void Curve(Markup page, string @class, Func<NormsOfLayer, double> value, Func<int, double> x, Func<double, double> y)
        => page.Leaf("polyline", ("class", @class), ("points", string.Join(' ', norms.Layers.Select((l, i) => At(x(i), y(value(l)))))));

    private static IEnumerable<double> Decades(double low, double high)
    {
        for (var power = (int)Math.Floor(low); power <= high; power++)
        {
            foreach (var digit in new[] { 1, 2, 5 })
            {
                if (Math.Log10(digit) + power is { } at && at >= low - 1e-9 && at <= high + 1e-9)
                {
                    yield return digit * Math.Pow(10, power);
                }
            }
        }
    }

    private static string At(double x, double y) => FormattableString.Invariant($"{x:0.##},{y:0.##}");

    private static string Name(int layer) => layer < 0 ? "in" : $"{layer}";

    private static string Number(double value) => Figures.Plain(value, value is < 10 and > -10 && value != Math.Round(value) ? 2 : 0);

    /// <summary>Layers as people write them: <c>in–2, 5</c>.</summary>
    private static string Ranges(IReadOnlyList<int> layers)
    {
        var parts = new List<string>();
        for (var i = 0; i < layers.Count; i++)
        {
            var from = i;
            while (i + 1 < layers.Count && layers[i + 1] == layers[i] + 1)
            {
                i++;
            }

            parts.Add(from == i ? Name(layers[i]) : $"{Name(layers[from])}–{Name(layers[i])}");
        }

        return parts.Count == 0 ? Figures.Missing : string.Join(", ", parts);
    }
}
