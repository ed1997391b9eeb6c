namespace Vitrine.Inputs.Pictures;

/// <summary>The middle part of the area, blown up again by tf.image.crop_and_resize.</summary>
/// <param name="Area">Share of the area: each side is cut to its square root.</param>
/// <param name="Width">Pixels in a row of the result.</param>
/// <param name="Height">Rows of the result.</param>
/// <remarks>
/// Bytes to [0, 1] and back as tf.image.convert_image_dtype does it: back by 255.5, cut off. Source: openvla, experiments/robot/openvla_utils.py.
/// </remarks>
public sealed record CentreAreaCrop(double Area, int Width, int Height) : PictureStep
{
    /// <inheritdoc/>
    public override string Describe(ResizeEngine engine)
        => FormattableString.Invariant($"crop the middle {Area} of the area and resize it to {Width} x {Height}, bilinear (TensorFlow)");

    /// <inheritdoc/>
    public override Picture Apply(Picture picture, ResizeEngine engine)
    {
        if (Area is not (> 0 and <= 1))
        {
            throw new VitrineException($"centre crop: {Area} is no share of an area; expected more than 0 and at most 1.");
        }

        var side = (float)Math.Sqrt(Area);
        var start = (1 - side) / 2;
        return Interpolation.CropAndResize(Pixels.Of(picture, (_, v) => v * (1f / 255)), (start, start, start + side, start + side), Width, Height)
            .ToPicture(v => (byte)(Math.Clamp(v, 0, 1) * 255.5f));
    }
}
