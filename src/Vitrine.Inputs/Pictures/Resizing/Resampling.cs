namespace Vitrine.Inputs.Pictures;

/// <summary>Resizing of 8-bit pictures with antialiasing, bit for bit as Pillow or torch do it.</summary>
/// <remarks>Two passes with 8-bit rounding between them, weights in fixed point. A pass whose size does not change is skipped.</remarks>
public static class Resampling
{
    /// <summary>Below this many products the cores are not worth waking.</summary>
    private const long ParallelFrom = 1 << 19;

    /// <summary>Resizes as an engine does.</summary>
    /// <param name="picture">From.</param>
    /// <param name="width">Pixels in a row of the result.</param>
    /// <param name="height">Rows of the result.</param>
    /// <param name="filter">Which filter.</param>
    /// <param name="engine">Whose arithmetic.</param>
    /// <exception cref="VitrineException">The result would have no pixel, or more than <see cref="Picture.LargestPixelCount"/>.</exception>
    public static Picture Resize(Picture picture, int width, int height, ResampleFilter filter, ResizeEngine engine = ResizeEngine.Pillow12)
    {
        ArgumentNullException.ThrowIfNull(picture);
        Picture.RequireSize("resize", width, height);
        var torch = engine == ResizeEngine.Torchvision;
        return VerticalFirst(picture, width, height, engine)
            ? Horizontal(Vertical(picture, height), width)
            : Vertical(Horizontal(picture, width), height);

        Picture Horizontal(Picture from, int to) => from.Width == to ? from : Rows(from, to, Weights(from.Width, to));

        Picture Vertical(Picture from, int to) => from.Height == to ? from : Columns(from, to, Weights(from.Height, to));

        FixedPointTaps Weights(int from, int to)
        {
            var taps = Taps.Antialiased(from, to, filter);
            return torch ? FixedPointTaps.Torch(taps) : FixedPointTaps.Pillow(taps);
        }
    }

    /// <summary>Resizes as Pillow does.</summary>
    /// <param name="picture">From.</param>
    /// <param name="width">Pixels in a row of the result.</param>
    /// <param name="height">Rows of the result.</param>
    /// <param name="filter">Which filter.</param>
    /// <param name="order">Whose order of passes.</param>
    public static Picture Resize(Picture picture, int width, int height, ResampleFilter filter, PassOrder order)
        => Resize(picture, width, height, filter, order == PassOrder.Pillow13 ? ResizeEngine.Pillow13 : ResizeEngine.Pillow12);

    /// <summary>Whether an engine runs the vertical pass first: Pillow 13 does where the height shrinks by more than twice what the width does.</summary>
    public static bool VerticalFirst(Picture picture, int width, int height, ResizeEngine engine)
    {
        ArgumentNullException.ThrowIfNull(picture);
        return engine == ResizeEngine.Pillow13 && height < picture.Height && picture.Height - height > 2 * (picture.Width - width);
    }

    private static Picture Rows(Picture from, int width, FixedPointTaps taps)
    {
        var rgb = new byte[3 * width * from.Height];
        Each(from.Height, (long)width * taps.Weights[0].Length, y =>
        {
            for (var x = 0; x < width; x++)
            {
                Accumulate(from.Rgb, ((y * from.Width) + taps.First[x]) * 3, 3, taps.Weights[x], taps.Bits, rgb.AsSpan(((y * width) + x) * 3, 3));
            }
        });
        return new Picture(width, from.Height, rgb);
    }

    private static Picture Columns(Picture from, int height, FixedPointTaps taps)
    {
        var rgb = new byte[3 * from.Width * height];
        Each(height, (long)from.Width * taps.Weights[0].Length, y =>
        {
            for (var x = 0; x < from.Width; x++)
            {
                Accumulate(
                    from.Rgb, ((taps.First[y] * from.Width) + x) * 3, from.Width * 3, taps.Weights[y], taps.Bits, rgb.AsSpan(((y * from.Width) + x) * 3, 3));
            }
        });
        return new Picture(from.Width, height, rgb);
    }

    /// <summary>Runs rows on all cores where there is enough to do.</summary>
    internal static void Each(int rows, long workOfOne, Action<int> row)
    {
        if (rows * workOfOne >= ParallelFrom)
        {
            Parallel.For(0, rows, row);
            return;
        }

        for (var y = 0; y < rows; y++)
        {
            row(y);
        }
    }

    private static void Accumulate(byte[] from, int at, int stride, int[] weights, int bits, Span<byte> to)
    {
        var half = bits == 0 ? 0 : 1 << (bits - 1);
        var (r, g, b) = (half, half, half);
        foreach (var weight in weights)
        {
            r += from[at] * weight;
            g += from[at + 1] * weight;
            b += from[at + 2] * weight;
            at += stride;
        }

        (to[0], to[1], to[2]) = (Clip(r >> bits), Clip(g >> bits), Clip(b >> bits));
    }

    private static byte Clip(int value) => (byte)Math.Clamp(value, 0, 255);
}
