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

    /// <summary>A drawing of it under a map.</summary>
    public void WriteUnder(Markup page, PatchMap map, MapStyle style, double? most, string title, string description)
    {
        page.OpenDrawing("drawing picture", Size.Width, Size.Height, title, description);
        Write(page);
        page.Leaf("image", ("href", MapPaint.OverlayUri(map, style, most)), ("width", Size.Width), ("height", Size.Height), ("preserveAspectRatio", "none"));
        page.Close("svg");
    }
}
