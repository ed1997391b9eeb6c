namespace Vitrine.Inputs.Pictures;

/// <summary>Until the shorter side has a length; the longer one follows, cut to a whole number.</summary>
/// <param name="Edge">Length of the shorter side.</param>
/// <param name="Filter">Which filter.</param>
public sealed record ResizeShortestEdge(int Edge, ResampleFilter Filter) : PictureStep
{
    /// <inheritdoc/>
    public override string Describe(ResizeEngine engine) => $"resize the shorter side to {Edge}, {Named(Filter, engine)}";

    /// <inheritdoc/>
    public override Picture Apply(Picture picture, ResizeEngine engine)
    {
        ArgumentNullException.ThrowIfNull(picture);
        var longer = (int)Math.Min(int.MaxValue, (long)Edge * Math.Max(picture.Width, picture.Height) / Math.Min(picture.Width, picture.Height));
        return picture.Width <= picture.Height
            ? Resampling.Resize(picture, Edge, longer, Filter, engine)
            : Resampling.Resize(picture, longer, Edge, Filter, engine);
    }
}
