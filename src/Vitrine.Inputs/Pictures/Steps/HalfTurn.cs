namespace Vitrine.Inputs.Pictures;

/// <summary>Turned by 180 degrees: LIBERO's cameras see upside down.</summary>
public sealed record HalfTurn : PictureStep
{
    /// <inheritdoc/>
    public override string Describe(ResizeEngine engine) => "turn by 180 degrees";

    /// <inheritdoc/>
    public override Picture Apply(Picture picture, ResizeEngine engine)
    {
        ArgumentNullException.ThrowIfNull(picture);
        return picture.HalfTurned();
    }
}
