using Vitrine.Mechanisms.ValueVectors;
using Vitrine.Views.Drawing;

namespace Vitrine.Views;

/// <summary>
/// Layer by layer: the share of patterned neurons (bars), the same with a shuffled vocabulary (ticks across the bars), and the share of action tokens (line)
/// beside the share that chance would give (dashes).
/// </summary>
/// <param name="profile">What to draw.</param>
public sealed class LayerProfilePlot(LayerProfile profile) : View
{
    private const double Left = 66, Right = 470, Top = 16, Floor = 208, Height = 256;

    internal override void Write(Markup page)
    {
        if (profile.Rows.Count == 0)
        {
            page.Text("p", "No layer was profiled.", ("class", "empty"));
            return;
        }

        page.Open("figure");
        Draw(page);
        page.Open("div").Open("div", ("class", "legend"));
        page.Open("span").Leaf("i", ("class", "key bar")).Text("patterned neurons, % of the layer’s: " + profile.Rule).Close("span");
        page.Open("span").Leaf("i", ("class", "key tick")).Text("their control: the same, vocabulary shuffled").Close("span");
        page.Open("span").Leaf("i", ("class", "key line")).Text("action tokens, % of the top tokens").Close("span");
        if (profile.Chance is { } chance)
        {
            var rest = profile.Vocabulary > profile.Tokens ? $" (of {profile.Vocabulary} in the vocabulary; the rest stand for nothing)" : "";
            page.Open("span").Leaf("i", ("class", "key chance"))
                .Text($"its control: chance, {Figures.Percent(chance, 1)}: {profile.ActionTokens} of the {profile.Tokens} tokens that are read are action "
                    + $"tokens{rest}").Close("span");
            page.Text("span", Sides(chance));
        }

        page.Close("div");
        var table = new NumberTable($"layer profile of {profile.Stack}, in %", ["layer", "patterned", "shuffled", "action tokens", "chance"]);
        foreach (var row in profile.Rows)
        {
            table.Add($"{row.Layer}", Figures.Percent(row.Patterned, 1), Figures.Percent(row.Shuffled, 1), Figures.Percent(row.ActionTokens, 1),
                Figures.Percent(profile.Chance ?? double.NaN, 1));
        }

        table.WriteFolded(page, brief: true);
        page.Close("div").Close("figure");
    }

    /// <summary>Which layers lie above chance and which below.</summary>
    private string Sides(double chance)
    {
        return $"Above chance: {Named(row => row.ActionTokens > chance)}; below: {Named(row => row.ActionTokens < chance)}.";

        string Named(Func<LayerReading, bool> lies)
        {
            string[] layers = [.. profile.Rows.Where(lies).Select(row => $"{row.Layer}")];
            return layers.Length switch { 0 => "no layer", 1 => "layer " + layers[0], _ => "layers " + EditWords.List(layers) };
        }
    }

    private void Draw(Markup page)
    {
        var rows = profile.Rows;
        var share = AxisScale.Around(rows.SelectMany(row => new[] { row.Patterned, row.Shuffled, row.ActionTokens }).Append(profile.Chance ?? 0), Floor, Top);
        var pitch = (Right - Left) / rows.Count;
        var bar = Math.Min(36, pitch * .56);
        double Middle(int index) => Left + ((index + .5) * pitch);

        page.OpenLinked("drawing profile", 480, Height, $"What the value vectors of {profile.Stack} write, by layer",
            $"Patterned share from {Figures.Percent(rows[0].Patterned, 1)} in layer {rows[0].Layer} to {Figures.Percent(rows[^1].Patterned, 1)} in layer "
                + $"{rows[^1].Layer}; with a shuffled vocabulary at most {Figures.Percent(rows.Max(row => row.Shuffled), 1)}; action tokens up to "
                + $"{Figures.Percent(rows.Max(row => row.ActionTokens), 1)}{(profile.Chance is { } even ? $", by chance {Figures.Percent(even, 1)}" : "")}.");
        foreach (var tick in share.Ticks())
        {
            page.Line("axis", Left, share.At(tick), Right, share.At(tick)).Label("small faint", Left - 8, share.At(tick) + 4, Figures.Percent(tick), "end");
        }

        var every = (int)Math.Ceiling(rows.Count / 16.0);
        foreach (var (index, row) in rows.Index())
        {
            var x = Middle(index);
            if (double.IsFinite(row.Patterned))
            {
                page.Open("rect", ("class", "bar"), ("x", x - (bar / 2)), ("y", share.At(row.Patterned)), ("width", bar),
                    ("height", Floor - share.At(row.Patterned)), ("rx", Math.Min(3, bar / 4)))
                    .Text("title", $"layer {row.Layer}: {Figures.Percent(row.Patterned, 1)} patterned").Close("rect");
            }

            if (double.IsFinite(row.Shuffled))
            {
                page.Line("shuffled", x - (bar / 2) - 4, share.At(row.Shuffled), x + (bar / 2) + 4, share.At(row.Shuffled));
            }

            if (index % every == 0)
            {
                page.LinkedLabel(Places.Layer(row.Layer), "small soft", x, Floor + 20, $"{row.Layer}", "middle");
            }
        }

        if (profile.Chance is { } chance)
        {
            page.Line("chance", Left, share.At(chance), Right, share.At(chance)).Label("small chance-label", Right, share.At(chance) - 5, "chance", "end");
        }

        var drawn = rows.Index().Where(row => double.IsFinite(row.Item.ActionTokens)).Select(row => (X: Middle(row.Index), Y: share.At(row.Item.ActionTokens)))
            .ToList();
        page.Leaf("polyline", ("class", "actions"), ("points", string.Join(' ', drawn.Select(at => FormattableString.Invariant($"{at.X:0.##},{at.Y:0.##}")))));
        foreach (var (x, y) in drawn)
        {
            page.Dot("actions", x, y, rows.Count > 16 ? 2.5 : 3.5);
        }

        page.Label("small soft", (Left + Right) / 2, Height - 2, "layer", "middle").Close("svg");
    }
}
