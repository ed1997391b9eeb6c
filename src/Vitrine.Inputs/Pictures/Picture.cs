namespace Vitrine.Inputs.Pictures;

/// <summary>An 8-bit RGB picture, row 0 on top.</summary>
public sealed class Picture
{
    /// <summary>Wraps pixels without copying them.</summary>
    /// <param name="width">Pixels in a row.</param>
    /// <param name="height">Rows.</param>
    /// <param name="rgb">height x width x 3 bytes, row by row, R G B.</param>
    /// <exception cref="VitrineException">A size is not positive, or the bytes are not height x width x 3.</exception>
    public Picture(int width, int height, byte[] rgb)
    {
        ArgumentNullException.ThrowIfNull(rgb);
        if (width <= 0 || height <= 0 || rgb.LongLength != 3L * width * height)
        {
            throw new VitrineException($"picture: {rgb.LongLength} bytes were given for {width} x {height} RGB pixels; expected {3L * width * height}.");
        }

        (Width, Height, Rgb) = (width, height, rgb);
    }

    /// <summary>Pixels in a row.</summary>
    public int Width { get; }

    /// <summary>Rows.</summary>
    public int Height { get; }

    /// <summary>height x width x 3 bytes, row by row, R G B.</summary>
    public byte[] Rgb { get; }
}
