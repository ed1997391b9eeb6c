using Vitrine.Views.Drawing;

namespace Vitrine.Views;

/// <summary>Where a head looks: the picture under a veil that lifts from each patch as much as the head attends to it.</summary>
/// <param name="map">What to draw.</param>
public sealed class AttentionOverlay(AttentionMap map) : View
{
    private const double Side = 240;
    private const double Veil = .74;

    internal override void Write(Markup page)
    {
        if (map.Rows <= 0 || map.Columns <= 0 || map.Weights.Count != map.Rows * map.Columns)
        {
            throw new VitrineException($"attention map {map.Stack} layer {map.Layer} head {map.Head}: {map.Weights.Count} weights were given for {map.Rows} x {map.Columns} patches.");
        }

        page.Open("figure", ("class", "attention"));
        Draw(page);
        page.Open("figcaption").Text("strong", $"layer {map.Layer}, head {map.Head}").Text(" from ").Text("code", TokenStrip.Visible(map.Query)).Leaf("br")
            .Text("span", $"{Figures.Percent(map.MassOnPicture)} of its attention is on the picture; brightest patch {Figures.Percent(Peak, 1)}", ("class", "k"));
        var table = new NumberTable($"attention of {map.Stack} layer {map.Layer} head {map.Head}, in % by patch", ["row", .. Enumerable.Range(0, map.Columns).Select(column => $"{column}")]);
        for (var row = 0; row < map.Rows; row++)
        {
            table.Add([$"{row}", .. map.Weights.Skip(row * map.Columns).Take(map.Columns).Select(weight => Figures.Plain(weight * 100, 1))]);
        }

        table.WriteFolded(page, brief: true);
        page.Close("figcaption").Close("figure");
    }

    private double Peak => map.Weights.Where(double.IsFinite).DefaultIfEmpty(0).Max();

    private void Draw(Markup page)
    {
        var height = Side * map.Picture.Height / map.Picture.Width;
        var (width, tall) = (Side / map.Columns, height / map.Rows);
        var peak = Peak;
        var brightest = map.Weights.Index().MaxBy(weight => weight.Item).Index;
        page.OpenDrawing("drawing picture", Side, height, $"Attention of {map.Stack} layer {map.Layer} head {map.Head} from {map.Query}",
            $"The head attends most to the patch in row {brightest / map.Columns}, column {brightest % map.Columns}, with {Figures.Percent(peak, 1)}; {Figures.Percent(map.MassOnPicture)} of its attention is on the picture.");
        page.Leaf("image", ("href", SpriteSheet.Of(map.Picture).Uri), ("width", Side), ("height", height));
        foreach (var (index, weight) in map.Weights.Index())
        {
            var lifted = peak > 0 && double.IsFinite(weight) ? Math.Clamp(weight / peak, 0, 1) : 0;
            page.Open("rect", ("class", "veil"), ("x", index % map.Columns * width), ("y", index / map.Columns * tall), ("width", width), ("height", tall),
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
