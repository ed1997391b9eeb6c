namespace Vitrine.Inputs.Pictures;

/// <summary>Until the longer side has a length; the shorter one follows, cut to a whole number and made even.</summary>
/// <param name="Edge">Length of the longer side.</param>
/// <param name="Filter">Which filter.</param>
/// <remarks>Idefics3 and SmolVLM. Source: transformers, image_processing_idefics3.py.</remarks>
public sealed record ResizeLongestEdge(int Edge, ResampleFilter Filter) : PictureStep
{
    /// <inheritdoc/>
    public override string Describe(ResizeEngine engine) => $"resize the longer side to {Edge}, {Named(Filter, engine)}";

    /// <inheritdoc/>
    public override Picture Apply(Picture picture, ResizeEngine engine)
    {
        ArgumentNullException.ThrowIfNull(picture);
        var ratio = (double)picture.Width / picture.Height;
        return picture.Width >= picture.Height
            ? Resampling.Resize(picture, Edge, Even((int)(Edge / ratio)), Filter, engine)
            : Resampling.Resize(picture, Even((int)(Edge * ratio)), Edge, Filter, engine);
    }

    private static int Even(int side) => Math.Max(1, side + (side % 2));
}
