namespace Vitrine.Inputs.Pictures;

/// <summary>Both sides to multiples of a factor, the pixel count between two bounds, the shape nearly kept.</summary>
/// <param name="Factor">Side of a merged patch.</param>
/// <param name="FewestPixels">Smaller pictures grow.</param>
/// <param name="MostPixels">Larger pictures shrink.</param>
/// <param name="Filter">Which filter.</param>
/// <remarks>Halves round to even. Source: transformers, image_processing_qwen2_vl.py, smart_resize.</remarks>
public sealed record SmartResize(int Factor, long FewestPixels, long MostPixels, ResampleFilter Filter) : PictureStep
{
    private const double LargestRatio = 200;

    /// <inheritdoc/>
    public override string Describe(ResizeEngine engine)
        => $"resize both sides to multiples of {Factor}, {FewestPixels} to {MostPixels} pixels, {Named(Filter, engine)}";

    /// <inheritdoc/>
    public override Picture Apply(Picture picture, ResizeEngine engine)
    {
        ArgumentNullException.ThrowIfNull(picture);
        var (width, height) = Size(picture.Width, picture.Height);
        return Resampling.Resize(picture, width, height, Filter, engine);
    }

    /// <summary>The size that a picture gets.</summary>
    /// <exception cref="VitrineException">It is more than 200 times as long as wide.</exception>
    public (int Width, int Height) Size(int width, int height)
    {
        if ((double)Math.Max(width, height) / Math.Min(width, height) > LargestRatio)
        {
            throw new VitrineException($"resize to multiples: {width} x {height} pixels are more than {LargestRatio} times as long as wide.");
        }

        var (w, h) = (Factor * (long)Math.Round((double)width / Factor), Factor * (long)Math.Round((double)height / Factor));
        if (w * h > MostPixels)
        {
            var shrink = Math.Sqrt((double)width * height / MostPixels);
            (w, h) = (Math.Max(Factor, Factor * (long)Math.Floor(width / shrink / Factor)),
                Math.Max(Factor, Factor * (long)Math.Floor(height / shrink / Factor)));
        }
        else if (w * h < FewestPixels)
        {
            var grow = Math.Sqrt((double)FewestPixels / ((double)width * height));
            (w, h) = (Factor * (long)Math.Ceiling(width * grow / Factor), Factor * (long)Math.Ceiling(height * grow / Factor));
        }

        return ((int)Math.Min(w, int.MaxValue), (int)Math.Min(h, int.MaxValue));
    }
}
