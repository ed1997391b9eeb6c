using System.Runtime.InteropServices;
using Vitrine.Views.Drawing;

namespace Vitrine.Views;

/// <summary>Where any head of a stack looks: the layer and the head are chosen by two sliders.</summary>
/// <remarks>Without a script it shows the head that looks most at the picture.</remarks>
/// <param name="maps">One of each head, over one picture.</param>
public sealed class HeadSlider(IReadOnlyList<AttentionMap> maps) : View
{
    private const double Side = 320;

    internal override void Write(Markup page)
    {
        AttentionMap[] sorted = [.. maps.OrderBy(m => m.Look.Layer).ThenBy(m => m.Look.Head)];
        var (layers, heads) = (sorted.Max(m => m.Look.Layer) + 1, sorted.Max(m => m.Look.Head) + 1);
        if (sorted.Length != layers * heads || sorted.Any(m => (m.Look.Rows, m.Look.Columns) != (sorted[0].Look.Rows, sorted[0].Look.Columns)))
        {
            throw new VitrineException($"head slider: {sorted.Length} maps for {layers} layers of {heads} heads; expected one of each, of one size.");
        }

        var shown = sorted.MaxBy(m => m.Look.MassOnPicture)!;
        var (look, height) = (shown.Look, Side * shown.Picture.Height / shown.Picture.Width);
        var (width, tall) = (Side / look.Columns, height / look.Rows);
        page.Open("figure", ("class", "head-slider"), ("data-heads", heads), ("data-columns", look.Columns), ("data-first", look.FirstToken),
            ("data-veil", AttentionOverlay.Veil));
        page.OpenDrawing("drawing picture", Side, height, $"Attention of one head of {look.Stack}", "Which head is said below; the sliders choose another.");
        page.Leaf("image", ("href", SpriteSheet.Of(shown.Picture).Uri), ("width", Side), ("height", height), ("preserveAspectRatio", "none"));
        var most = look.Weights.Max();
        foreach (var (index, weight) in look.Weights.Index())
        {
            page.Leaf("rect", ("class", "veil"), ("x", index % look.Columns * width), ("y", index / look.Columns * tall), ("width", width), ("height", tall),
                ("fill-opacity", FormattableString.Invariant($"{AttentionOverlay.Veil * (1 - (most > 0 ? weight / most : 0)):0.###}")));
        }

        if (shown.Target is { } target)
        {
            page.Box("target under", target.Left * Side, target.Top * height, target.Width * Side, target.Height * height, 4)
                .Box("target", target.Left * Side, target.Top * height, target.Width * Side, target.Height * height, 4);
        }

        page.Close("svg").Open("figcaption").Open("div", ("class", "controls"));
        Slider(page, "layer", layers - 1, look.Layer);
        Slider(page, "head", heads - 1, look.Head);
        page.Close("div").Open("p", ("class", "said"), ("aria-live", "polite")).Text("strong", $"head {look.Layer}:{look.Head}")
            .Text($" from {TokenStrip.Visible(look.Query)}: {Figures.Percent(look.MassOnPicture, 1)} on the picture; largest patch {Figures.Percent(most, 1)}")
            .Close("p").Text("p", "The veil is scaled to each head’s own largest patch.", ("class", "k"));
        foreach (var map in sorted)
        {
            float[] weights = [.. map.Look.Weights.Select(w => (float)w)];
            page.Text("data", "", ("hidden", "hidden"), ("value", Convert.ToBase64String(MemoryMarshal.AsBytes(weights.AsSpan()))),
                ("data-from", TokenStrip.Visible(map.Look.Query)));
        }

        page.Close("figcaption").Close("figure");
    }

    private static void Slider(Markup page, string name, int last, int at)
        => page.Open("label").Text(name + " ").Leaf("input", ("type", "range"), ("min", 0), ("max", last), ("value", at), ("data-choose", name)).Close("label");
}
