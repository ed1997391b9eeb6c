namespace Vitrine.Inputs.Pictures;

/// <summary>The middle; a smaller picture is laid on black first.</summary>
/// <param name="Width">Pixels in a row.</param>
/// <param name="Height">Rows.</param>
/// <remarks>
/// An odd pixel stays right and below when cropping. When padding, Pillow's users put it left and above, torchvision's right and below. Source: transformers,
/// image_transforms.py and image_processing_backends.py.
/// </remarks>
public sealed record CentreCrop(int Width, int Height) : PictureStep
{
    /// <inheritdoc/>
    public override string Describe(ResizeEngine engine) => $"crop the middle {Width} x {Height}";

    /// <inheritdoc/>
    public override Picture Apply(Picture picture, ResizeEngine engine)
    {
        ArgumentNullException.ThrowIfNull(picture);
        var odd = engine == ResizeEngine.Torchvision ? 0 : 1;
        var (width, height) = (Math.Max(Width, picture.Width), Math.Max(Height, picture.Height));
        var canvas = (width, height) == (picture.Width, picture.Height)
            ? picture
            : picture.On(width, height, (width - picture.Width + odd) / 2, (height - picture.Height + odd) / 2);
        return canvas.Part((width - Width) / 2, (height - Height) / 2, Width, Height);
    }
}
