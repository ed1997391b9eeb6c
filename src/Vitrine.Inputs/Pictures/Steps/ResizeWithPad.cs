namespace Vitrine.Inputs.Pictures;

/// <summary>openpi's client: shrunk or grown to fit, bilinear on bytes, centred on black.</summary>
/// <param name="Width">Pixels in a row.</param>
/// <param name="Height">Rows.</param>
/// <remarks>An odd pixel of padding stays right and below. Source: openpi-client, image_tools.resize_with_pad.</remarks>
public sealed record ResizeWithPad(int Width, int Height) : PictureStep
{
    /// <inheritdoc/>
    public override string Describe(ResizeEngine engine) => $"fit into {Width} x {Height}, {Named(ResampleFilter.Bilinear, engine)}, centred on black";

    /// <inheritdoc/>
    public override Picture Apply(Picture picture, ResizeEngine engine)
    {
        ArgumentNullException.ThrowIfNull(picture);
        var place = Placement.Centred(picture.Width, picture.Height, Width, Height);
        return Resampling.Resize(picture, place.Width, place.Height, ResampleFilter.Bilinear, engine).On(Width, Height, place.Left, place.Top);
    }
}
