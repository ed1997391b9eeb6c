namespace Vitrine.Inputs.Pictures;

/// <summary>tf.image.resize with lanczos3 and antialiasing, rounded half to even and clipped to bytes.</summary>
/// <param name="Width">Pixels in a row.</param>
/// <param name="Height">Rows.</param>
public sealed record LanczosResize(int Width, int Height) : PictureStep
{
    /// <inheritdoc/>
    public override string Describe(ResizeEngine engine) => $"resize to {Width} x {Height}, lanczos3, antialiased, float between the passes (TensorFlow)";

    /// <inheritdoc/>
    public override Picture Apply(Picture picture, ResizeEngine engine)
        => Interpolation.TensorFlowLanczos(Pixels.Of(picture), Width, Height).ToPicture(v => (byte)Math.Clamp(MathF.Round(v), 0, 255));
}
