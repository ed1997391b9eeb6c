using Vitrine.Inputs.Pictures;
using Vitrine.Mechanisms.InputAttribution;
using Vitrine.Mechanisms.Metrics;
using Vitrine.Mechanisms.Pictures;
using Vitrine.Views.Drawing;

namespace Vitrine.Views;

/// <summary>Scores on a model's inputs: words as tinted chips, patches over their picture, both on one diverging scale.</summary>
/// <param name="inputs">Words, patches, state.</param>
/// <param name="scores">One an input.</param>
/// <param name="pictures">By camera, as the model sees them; under the empty name where there is one.</param>
/// <param name="name">Of the method; unique in the page.</param>
public sealed class TintedInputs(
    IReadOnlyList<InputToken> inputs, IReadOnlyList<double> scores, IReadOnlyDictionary<string, Picture> pictures, string name) : View
{
    internal override void Write(Markup page)
    {
        var full = scores.Where(double.IsFinite).Select(Math.Abs).DefaultIfEmpty(0).Max();
        var words = inputs.Index().Where(i => i.Item.Kind != InputKind.Patch).ToList();
        var patches = inputs.Index().Where(i => i.Item.Kind == InputKind.Patch).ToList();
        page.Open("div", ("class", "map-scale")).Text("span", "one scale for all inputs:").Open("span", ("class", "ends")).Text(Figures.Change(-full))
            .Leaf("i", ("class", "ramp signed-ramp")).Text(Figures.Change(full)).Close("span").Close("div");
        page.Open("div", ("class", words.Count > 0 && patches.Count > 0 ? "seen-inputs" : "seen-inputs words-alone"));
        if (patches.Count > 0)
        {
            page.Open("div", ("class", "map-cells"));
            foreach (var camera in patches.GroupBy(p => p.Item.Camera ?? ""))
            {
                Picture(page, camera.Key, [.. camera], full);
            }

            page.Close("div");
        }

        if (words.Count > 0)
        {
            page.Open("div", ("class", "tinted"));
            foreach (var (index, token) in words)
            {
                var (colour, bright) = Tint(scores[index], full);
                page.Open("span", ("class", bright ? "tint bright" : "tint"), ("style", $"--v:{colour}"), ("title", Figures.Change(scores[index])))
                    .Text(TokenStrip.Visible(token.Name)).Text("span", $" {Figures.Change(scores[index])}", ("class", "unseen")).Close("span");
            }

            page.Close("div");
        }

        page.Close("div");
        var table = new NumberTable("scores of the inputs", ["input", "score"]);
        foreach (var (token, score) in inputs.Zip(scores).OrderByDescending(s => Math.Abs(s.Second)))
        {
            table.Add(TokenStrip.Visible(token.Name), Figures.Change(score, Figures.Fine));
        }

        table.WriteFolded(page, brief: true);
    }

    private void Picture(Markup page, string camera, List<(int Index, InputToken Item)> patches, double full)
    {
        var (rows, columns) = (patches.Max(p => p.Item.Row) + 1, patches.Max(p => p.Item.Column) + 1);
        var values = new float[rows * columns];
        foreach (var (index, token) in patches)
        {
            values[(token.Row * columns) + token.Column] = (float)scores[index];
        }

        page.Open("div", ("class", "map-cell"));
        if (pictures.TryGetValue(camera, out var picture) || pictures.Count == 1)
        {
            new SeenPicture(picture ?? pictures.Values.Single(), $"seen-{name}-{(camera.Length == 0 ? "picture" : camera)}")
                .WriteUnder(
                    page, new PatchMap(rows, columns, values), MapStyle.Signed, full, PatchNumber.Signed(), 0,
                    $"{name} over {(camera.Length == 0 ? "the picture" : camera)}");
        }

        page.Open("p").Text("span", camera.Length == 0 ? "the picture" : camera, ("class", "k")).Close("p").Close("div");
    }

    /// <summary>The colour of a score, as <see cref="MapPaint"/> paints it over dark, and whether dark text reads on it.</summary>
    private static (string Colour, bool IsBright) Tint(double score, double full)
    {
        var depth = full > 0 && double.IsFinite(score) ? Math.Min(1, Math.Abs(score) / full) : 0;
        var (r, g, b) = MapPaint.Signed(score, depth);
        return ($"#{r:x2}{g:x2}{b:x2}", depth > .4);
    }
}

/// <summary>A deletion or insertion curve beside its random orders.</summary>
/// <param name="curve">To draw.</param>
/// <param name="title">What happens to the inputs.</param>
/// <param name="axis">What the numbers are.</param>
internal sealed class RemovalPlot(RemovalCurve curve, string title, string axis) : View
{
    private const double Left = 58, Right = 400, Top = 12, Floor = 150;

    internal override void Write(Markup page)
    {
        var all = curve.Random.SelectMany(r => r).Concat(curve.Values).ToList();
        var scale = AxisScale.Around(all, Floor, Top);
        var most = curve.Taken[^1];
        double X(int taken) => Left + ((Right - Left) * taken / most);
        page.Open("figure").Text("h4", title);
        page.OpenDrawing("drawing", 410, 196, title,
            $"Area {Figures.Change(curve.Area)}; random orders {Figures.Change(curve.RandomLow)} to {Figures.Change(curve.RandomHigh)}.");
        foreach (var tick in scale.Ticks())
        {
            page.Line(Math.Abs(tick) < 1e-12 ? "zero" : "axis", Left, scale.At(tick), Right, scale.At(tick))
                .Label("small faint", Left - 7, scale.At(tick) + 4, Figures.Plain(tick, scale.Decimals()), "end");
        }

        var (low, high) = (Each(r => r.Min()), Each(r => r.Max()));
        page.Leaf("polygon", ("class", "band-area"), ("points", Points(low.Concat(high.Reverse()))));
        page.Leaf("polyline", ("class", "curve before"), ("points", Points(Each(r => r.Average()))));
        page.Leaf("polyline", ("class", "curve after"), ("points", Points(curve.Values.Select((v, i) => (curve.Taken[i], v)))));
        page.Label("small faint", Left, Floor + 18, "0").Label("small faint", Right, Floor + 18, $"{most}", "end")
            .Label("small soft", (Left + Right) / 2, Floor + 40, axis, "middle").Close("svg").Close("figure");

        IEnumerable<(int Taken, double Value)> Each(Func<IEnumerable<double>, double> of)
            => curve.Taken.Select((taken, i) => (taken, of(curve.Random.Select(r => r[i]))));

        string Points(IEnumerable<(int Taken, double Value)> points)
            => string.Join(' ', points.Select(p => FormattableString.Invariant($"{X(p.Taken):0.##},{scale.At(p.Value):0.##}")));
    }
}
