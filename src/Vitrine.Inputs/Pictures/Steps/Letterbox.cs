namespace Vitrine.Inputs.Pictures;

/// <summary>Laid on a square of one colour.</summary>
/// <param name="Red">Red of the border.</param>
/// <param name="Green">Green of the border.</param>
/// <param name="Blue">Blue of the border.</param>
/// <remarks>
/// OpenVLA pads both sides by the same whole number, so an odd difference leaves the canvas one pixel off square. Source: openvla, processing_prismatic.py.
/// </remarks>
public sealed record Letterbox(byte Red, byte Green, byte Blue) : PictureStep
{
    /// <inheritdoc/>
    public override string Describe(ResizeEngine engine) => $"letterbox to a square on ({Red}, {Green}, {Blue})";

    /// <inheritdoc/>
    public override Picture Apply(Picture picture, ResizeEngine engine)
    {
        ArgumentNullException.ThrowIfNull(picture);
        var side = Math.Max(picture.Width, picture.Height);
        var (x, y) = ((side - picture.Width) / 2, (side - picture.Height) / 2);
        return picture.On(picture.Width + (2 * x), picture.Height + (2 * y), x, y, (Red, Green, Blue));
    }
}
