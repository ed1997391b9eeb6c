namespace Vitrine.Inputs.Pictures;

/// <summary>An 8-bit RGB picture, row 0 on top.</summary>
public sealed class Picture
{
    /// <summary>More pixels than this are refused before anything is allocated.</summary>
    public const long LargestPixelCount = 100_000_000;

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

    /// <summary>Reads a PNG or JPEG file; transparency is dropped.</summary>
    /// <param name="path">The file.</param>
    /// <param name="upright">As of <see cref="PictureFile.Read"/>.</param>
    /// <exception cref="VitrineException">The file cannot be read or is no such picture.</exception>
    public static Picture Open(string path, bool upright = false) => PictureFile.Read(path, upright);

    /// <summary>A picture of one colour.</summary>
    public static Picture Plain(int width, int height, (byte Red, byte Green, byte Blue) colour)
    {
        RequireSize("picture", width, height);
        var rgb = new byte[3 * width * height];
        for (var i = 0; i < rgb.Length; i += 3)
        {
            (rgb[i], rgb[i + 1], rgb[i + 2]) = colour;
        }

        return new Picture(width, height, rgb);
    }

    /// <summary>Turned by 180 degrees.</summary>
    public Picture HalfTurned()
    {
        var rgb = new byte[Rgb.Length];
        for (int from = 0, to = rgb.Length - 3; to >= 0; from += 3, to -= 3)
        {
            Rgb.AsSpan(from, 3).CopyTo(rgb.AsSpan(to));
        }

        return new Picture(Width, Height, rgb);
    }

    /// <summary>A part.</summary>
    /// <exception cref="VitrineException">It does not lie inside.</exception>
    public Picture Part(int left, int top, int width, int height)
    {
        if (left < 0 || top < 0 || width <= 0 || height <= 0 || left > Width - width || top > Height - height)
        {
            throw new VitrineException($"picture: {width} x {height} pixels at ({left}, {top}) do not lie inside {Width} x {Height}.");
        }

        var rgb = new byte[3 * width * height];
        for (var y = 0; y < height; y++)
        {
            Rgb.AsSpan((((top + y) * Width) + left) * 3, 3 * width).CopyTo(rgb.AsSpan(3 * y * width));
        }

        return new Picture(width, height, rgb);
    }

    /// <summary>Laid on a larger canvas of one colour.</summary>
    /// <exception cref="VitrineException">The canvas does not hold it.</exception>
    public Picture On(int width, int height, int left, int top, (byte Red, byte Green, byte Blue) colour = default)
    {
        if (left < 0 || top < 0 || left > width - Width || top > height - Height)
        {
            throw new VitrineException($"picture: {Width} x {Height} pixels at ({left}, {top}) do not fit on {width} x {height}.");
        }

        var canvas = Plain(width, height, colour);
        for (var y = 0; y < Height; y++)
        {
            Rgb.AsSpan(3 * y * Width, 3 * Width).CopyTo(canvas.Rgb.AsSpan((((top + y) * width) + left) * 3));
        }

        return canvas;
    }

    /// <summary>Refuses a size before it is allocated.</summary>
    internal static void RequireSize(string what, int width, int height)
    {
        if (width <= 0 || height <= 0 || (long)width * height > LargestPixelCount)
        {
            throw new VitrineException($"{what}: {width} x {height} pixels; expected at least one and at most {LargestPixelCount}.");
        }
    }
}
