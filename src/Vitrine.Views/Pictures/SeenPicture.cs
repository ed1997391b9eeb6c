using System.Runtime.InteropServices;
using Vitrine.Inputs.Pictures;
using Vitrine.Mechanisms.Pictures;
using Vitrine.Views.Drawing;

namespace Vitrine.Views;

/// <summary>A picture that a view shows many times but carries once: the first drawing defines it, the others use it.</summary>
/// <param name="picture">The picture.</param>
/// <param name="id">Unique in the page.</param>
internal sealed class SeenPicture(Picture picture, string id)
{
    private bool isDefined;

    /// <summary>Units of a drawing of it: 100 in its longer side.</summary>
    public (double Width, double Height) Size { get; } = (
        100.0 * picture.Width / Math.Max(picture.Width, picture.Height), 100.0 * picture.Height / Math.Max(picture.Width, picture.Height));

    /// <summary>Writes it into the open drawing.</summary>
    public void Write(Markup page)
    {
        if (isDefined)
        {
            page.Leaf("use", ("href", "#" + id));
            return;
        }

        page.Leaf("image", ("id", id), ("class", "photo"), ("href", SpriteSheet.Of(picture).Uri), ("width", Size.Width), ("height", Size.Height),
            ("preserveAspectRatio", "none"));
        isDefined = true;
    }

    /// <summary>A drawing of it under a map; the page's script reads a patch's number from it.</summary>
    /// <param name="page">Where to.</param>
    /// <param name="map">One number a patch.</param>
    /// <param name="style">How it is painted.</param>
    /// <param name="most">The number that is painted in full.</param>
    /// <param name="number">How the numbers are printed.</param>
    /// <param name="firstToken">The token of the first patch.</param>
    /// <param name="title">Name of the drawing.</param>
    public void WriteUnder(Markup page, PatchMap map, MapStyle style, double most, PatchNumber number, int firstToken, string title)
    {
        var peak = map.Values.Index().MaxBy(value => Math.Abs(value.Item)).Index;
        page.Open("svg", ("xmlns", "http://www.w3.org/2000/svg"), ("class", "drawing picture"),
            ("viewBox", FormattableString.Invariant($"0 0 {Size.Width:0.##} {Size.Height:0.##}")), ("role", "img"), ("data-rows", map.Rows),
            ("data-columns", map.Columns), ("data-first", firstToken), ("data-number", number.ToString()), ("data-full", Round(Largest(map))),
            ("data-values", Packed(map)));
        page.Text("title", title).Text("desc", $"Strongest at row {peak / map.Columns}, column {peak % map.Columns}, with {number.Print(map.Values[peak])}.");
        Write(page);
        page.Leaf("image", ("href", MapPaint.OverlayUri(map, style, most)), ("width", Size.Width), ("height", Size.Height), ("preserveAspectRatio", "none"));
        page.Close("svg");
    }

    private static double Largest(PatchMap map) => map.Values.Where(float.IsFinite).Select(value => (double)Math.Abs(value)).DefaultIfEmpty(0).Max();

    private static string Round(double value) => value.ToString("G7", System.Globalization.CultureInfo.InvariantCulture);

    /// <remarks>16 bits a number, as parts of 32767 of the largest; what is not finite is -32768.</remarks>
    private static string Packed(PatchMap map)
    {
        var full = Largest(map);
        short[] parts = [.. map.Values.Select(Part)];
        return Convert.ToBase64String(MemoryMarshal.AsBytes(parts.AsSpan()));

        short Part(float value) => !float.IsFinite(value) ? short.MinValue : (short)(full > 0 ? Math.Round(value / full * short.MaxValue) : 0);
    }
}
