using Vitrine.Mechanisms.Pictures;
using Vitrine.Views.Drawing;

namespace Vitrine.Views;

/// <summary>Where a head looks: the picture under a veil that lifts from each patch as much as the head attends to it.</summary>
/// <param name="map">What to draw.</param>
/// <param name="full">The attention at which the veil is gone, the same for maps that are compared; the map's own largest where null.</param>
public sealed class AttentionOverlay(AttentionMap map, double? full = null) : View
{
    /// <summary>The veil is thin enough that what nobody looks at can still be seen under it.</summary>
    internal const double Veil = .58;
    private const double Side = 240;
    private readonly HeadLook look = map.Look;

    /// <summary>One scale for several maps: what 98 of 100 patches do not reach.</summary>
    /// <remarks>A single patch that gets all would leave the others in the dark.</remarks>
    internal static double Full(IEnumerable<AttentionMap> maps)
    {
        double[] sorted = [.. maps.SelectMany(m => m.Look.Weights).Where(double.IsFinite).Order()];
        return sorted.Length == 0 ? 0 : sorted[(int)Math.Ceiling((sorted.Length - 1) * .98)];
    }

    internal override void Write(Markup page)
    {
        if (look.Rows <= 0 || look.Columns <= 0 || look.Weights.Count != look.Rows * look.Columns)
        {
            throw new VitrineException($"attention map {look.Stack} layer {look.Layer} head {look.Head}: {look.Weights.Count} weights were given for "
                + $"{look.Rows} x {look.Columns} patches.");
        }

        page.Open("figure", ("class", "attention"), ("id", page.Places.Take(Places.Head(look.Layer, look.Head))));
        Draw(page);
        page.Open("figcaption").Text("strong", $"head {look.Layer}:{look.Head}").Text(" from ").Text("code", TokenStrip.Visible(look.Query)).Text(", ")
            .Link(Places.Layer(look.Layer), $"layer {look.Layer}").Leaf("br")
            .Text("span", $"{Figures.Percent(look.MassOnPicture)} on the picture{Evenly}; largest patch {Figures.Percent(Peak, 1)}", ("class", "k"));
        var table = new NumberTable($"attention of {look.Stack} head {look.Layer}:{look.Head}, in % by patch",
            ["row", .. Enumerable.Range(0, look.Columns).Select(column => $"column {column}")]);
        for (var row = 0; row < look.Rows; row++)
        {
            table.Add([$"{row}", .. look.Weights.Skip(row * look.Columns).Take(look.Columns).Select(weight => Figures.Plain(weight * 100, 1))]);
        }

        table.WriteFolded(page, brief: true);
        page.Close("figcaption").Close("figure");
    }

    private double Peak => look.Weights.Where(double.IsFinite).DefaultIfEmpty(0).Max();

    private string Evenly => look.Uniform is { } alike ? $" (looking everywhere alike: {Figures.Percent(Math.Min(1, alike * look.Weights.Count))})" : "";

    private void Draw(Markup page)
    {
        var height = Side * map.Picture.Height / map.Picture.Width;
        var (width, tall) = (Side / look.Columns, height / look.Rows);
        var most = full ?? Peak;
        var brightest = look.Weights.Index().MaxBy(weight => weight.Item).Index;
        page.OpenDrawing("drawing picture", Side, height, $"Attention of {look.Stack} head {look.Layer}:{look.Head} from {look.Query}",
            $"The head attends most to the patch in row {brightest / look.Columns}, column {brightest % look.Columns}, with {Figures.Percent(Peak, 1)}; "
                + $"{Figures.Percent(look.MassOnPicture)} of its attention is on the picture.");
        page.Leaf("image", ("href", SpriteSheet.Of(map.Picture).Uri), ("width", Side), ("height", height));
        foreach (var (index, weight) in look.Weights.Index())
        {
            var lifted = most > 0 && double.IsFinite(weight) ? Math.Clamp(weight / most, 0, 1) : 0;
            page.Open("rect", ("class", "veil"), ("x", index % look.Columns * width), ("y", index / look.Columns * tall), ("width", width), ("height", tall),
                ("fill-opacity", FormattableString.Invariant($"{Veil * (1 - lifted):0.###}")))
                .Text("title", $"row {index / look.Columns}, column {index % look.Columns}: {Figures.Percent(weight, 1)}; token {look.FirstToken + index} of "
                    + "the sequence").Close("rect");
        }

        if (map.Target is { } target)
        {
            page.Box("target under", target.Left * Side, target.Top * height, target.Width * Side, target.Height * height, 4)
                .Box("target", target.Left * Side, target.Top * height, target.Width * Side, target.Height * height, 4);
        }

        page.Close("svg");
    }
}
