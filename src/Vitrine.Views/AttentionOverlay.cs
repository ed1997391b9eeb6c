using Vitrine.Mechanisms.Pictures;
using Vitrine.Views.Drawing;

namespace Vitrine.Views;

/// <summary>Where a head looks: the picture under a veil that lifts from each patch as much as the head attends to it.</summary>
/// <param name="map">What to draw.</param>
public sealed class AttentionOverlay(AttentionMap map) : View
{
    private const double Side = 240;
    private const double Veil = .74;
    private readonly HeadLook look = map.Look;

    internal override void Write(Markup page)
    {
        if (look.Rows <= 0 || look.Columns <= 0 || look.Weights.Count != look.Rows * look.Columns)
        {
            throw new VitrineException($"attention map {look.Stack} layer {look.Layer} head {look.Head}: {look.Weights.Count} weights were given for "
                + $"{look.Rows} x {look.Columns} patches.");
        }

        page.Open("figure", ("class", "attention"));
        Draw(page);
        page.Open("figcaption").Text("strong", $"layer {look.Layer}, head {look.Head}").Text(" from ").Text("code", TokenStrip.Visible(look.Query)).Leaf("br")
            .Text("span", $"{Figures.Percent(look.MassOnPicture)} of its attention is on the picture; brightest patch {Figures.Percent(Peak, 1)}",
                ("class", "k"));
        var table = new NumberTable($"attention of {look.Stack} layer {look.Layer} head {look.Head}, in % by patch",
            ["row", .. Enumerable.Range(0, look.Columns).Select(column => $"{column}")]);
        for (var row = 0; row < look.Rows; row++)
        {
            table.Add([$"{row}", .. look.Weights.Skip(row * look.Columns).Take(look.Columns).Select(weight => Figures.Plain(weight * 100, 1))]);
        }

        table.WriteFolded(page, brief: true);
        page.Close("figcaption").Close("figure");
    }

    private double Peak => look.Weights.Where(double.IsFinite).DefaultIfEmpty(0).Max();

    private void Draw(Markup page)
    {
        var height = Side * map.Picture.Height / map.Picture.Width;
        var (width, tall) = (Side / look.Columns, height / look.Rows);
        var peak = Peak;
        var brightest = look.Weights.Index().MaxBy(weight => weight.Item).Index;
        page.OpenDrawing("drawing picture", Side, height, $"Attention of {look.Stack} layer {look.Layer} head {look.Head} from {look.Query}",
            $"The head attends most to the patch in row {brightest / look.Columns}, column {brightest % look.Columns}, with {Figures.Percent(peak, 1)}; "
                + $"{Figures.Percent(look.MassOnPicture)} of its attention is on the picture.");
        page.Leaf("image", ("href", SpriteSheet.Of(map.Picture).Uri), ("width", Side), ("height", height));
        foreach (var (index, weight) in look.Weights.Index())
        {
            var lifted = peak > 0 && double.IsFinite(weight) ? Math.Clamp(weight / peak, 0, 1) : 0;
            page.Open("rect", ("class", "veil"), ("x", index % look.Columns * width), ("y", index / look.Columns * tall), ("width", width), ("height", tall),
                ("fill-opacity", FormattableString.Invariant($"{Veil * (1 - lifted):0.###}"))).Text("title", Figures.Percent(weight, 1)).Close("rect");
        }

        if (map.Target is { } target)
        {
            page.Box("target under", target.Left * Side, target.Top * height, target.Width * Side, target.Height * height, 4)
                .Box("target", target.Left * Side, target.Top * height, target.Width * Side, target.Height * height, 4);
        }

        page.Close("svg");
    }
}
