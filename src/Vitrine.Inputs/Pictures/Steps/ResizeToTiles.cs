namespace Vitrine.Inputs.Pictures;

/// <summary>To whole tiles: the longer side up to the next multiple, the shorter one after it and up to its own next multiple.</summary>
/// <param name="Side">Side of a tile.</param>
/// <param name="Filter">Which filter.</param>
public sealed record ResizeToTiles(int Side, ResampleFilter Filter) : PictureStep
{
    /// <inheritdoc/>
    public override string Describe(ResizeEngine engine) => $"resize to whole tiles of {Side}, {Named(Filter, engine)}";

    /// <inheritdoc/>
    public override Picture Apply(Picture picture, ResizeEngine engine)
    {
        ArgumentNullException.ThrowIfNull(picture);
        var ratio = (double)picture.Width / picture.Height;
        int width, height;
        if (picture.Width >= picture.Height)
        {
            width = Up(picture.Width);
            height = Up((int)(width / ratio));
        }
        else
        {
            height = Up(picture.Height);
            width = Up((int)(height * ratio));
        }

        return Resampling.Resize(picture, width, height, Filter, engine);

        int Up(int length) => Math.Max(1, (length + Side - 1) / Side) * Side;
    }
}
