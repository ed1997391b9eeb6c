namespace Vitrine.Inputs.Pictures;

/// <summary>To a fixed size, whatever the picture's shape.</summary>
/// <param name="Width">Pixels in a row.</param>
/// <param name="Height">Rows.</param>
/// <param name="Filter">Which filter.</param>
public sealed record Resize(int Width, int Height, ResampleFilter Filter) : PictureStep
{
    /// <inheritdoc/>
    public override string Describe(ResizeEngine engine) => $"resize to {Width} x {Height}, {Named(Filter, engine)}";

    /// <inheritdoc/>
    public override Picture Apply(Picture picture, ResizeEngine engine) => Resampling.Resize(picture, Width, Height, Filter, engine);
}
