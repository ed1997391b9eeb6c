namespace Vitrine.Inputs.Pictures;

/// <summary>Written as JPEG (4:2:0) and read again, because the training data went through it.</summary>
/// <param name="Quality">1 to 100.</param>
public sealed record JpegRoundTrip(int Quality) : PictureStep
{
    /// <inheritdoc/>
    public override string Describe(ResizeEngine engine) => $"through JPEG of quality {Quality}";

    /// <inheritdoc/>
    public override Picture Apply(Picture picture, ResizeEngine engine) => PictureFile.Decode(PictureFile.EncodeJpeg(picture, Quality), "JPEG round trip");
}
