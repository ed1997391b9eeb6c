namespace Vitrine.Inputs.Pictures;

/// <summary>Which pass of a two-pass resize runs first; the rounding between the passes makes the results differ.</summary>
public enum PassOrder
{
    /// <summary>Horizontal first, as Pillow up to 12 does. Pinned policy environments run it.</summary>
    Pillow12,

    /// <summary>Vertical first where the height shrinks by more than twice what the width does, as Pillow 13 does.</summary>
    Pillow13,
}

/// <summary>Pillow's resize on 8-bit RGB, bit for bit.</summary>
/// <remarks>
/// Two passes with 8-bit rounding between them; weights in double precision, normalised, then fixed point with 22 bits. A pass whose size does not change is skipped.
/// </remarks>
public static class Resampling
{
    private const int Bits = 22;

    /// <summary>Bicubic (a = -1/2), antialiased.</summary>
    /// <param name="picture">From.</param>
    /// <param name="width">Pixels in a row of the result.</param>
    /// <param name="height">Rows of the result.</param>
    /// <param name="order">Whose order of passes.</param>
    public static Picture Bicubic(Picture picture, int width, int height, PassOrder order = PassOrder.Pillow12)
    {
        ArgumentNullException.ThrowIfNull(picture);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        var verticalFirst = order == PassOrder.Pillow13 && height < picture.Height && picture.Height - height > 2 * (picture.Width - width);
        return verticalFirst
            ? Horizontal(Vertical(picture, height), width)
            : Vertical(Horizontal(picture, width), height);
    }

    private static Picture Horizontal(Picture from, int width)
    {
        if (from.Width == width)
        {
            return from;
        }

        var rgb = new byte[width * from.Height * 3];
        var taps = Taps(from.Width, width);
        for (var y = 0; y < from.Height; y++)
        {
            for (var x = 0; x < width; x++)
            {
                var (first, weights) = taps[x];
                Accumulate(from.Rgb, ((y * from.Width) + first) * 3, 3, weights, rgb.AsSpan(((y * width) + x) * 3, 3));
            }
        }

        return new Picture(width, from.Height, rgb);
    }

    private static Picture Vertical(Picture from, int height)
    {
        if (from.Height == height)
        {
            return from;
        }

        var rgb = new byte[from.Width * height * 3];
        var taps = Taps(from.Height, height);
        for (var y = 0; y < height; y++)
        {
            var (first, weights) = taps[y];
            for (var x = 0; x < from.Width; x++)
            {
                Accumulate(from.Rgb, ((first * from.Width) + x) * 3, from.Width * 3, weights, rgb.AsSpan(((y * from.Width) + x) * 3, 3));
            }
        }

        return new Picture(from.Width, height, rgb);
    }

    private static void Accumulate(byte[] from, int at, int stride, int[] weights, Span<byte> to)
    {
        var (r, g, b) = (1 << (Bits - 1), 1 << (Bits - 1), 1 << (Bits - 1));
        foreach (var weight in weights)
        {
            r += from[at] * weight;
            g += from[at + 1] * weight;
            b += from[at + 2] * weight;
            at += stride;
        }

        (to[0], to[1], to[2]) = (Clip(r), Clip(g), Clip(b));
    }

    private static byte Clip(int sum) => (byte)Math.Clamp(sum >> Bits, 0, 255);

    private static (int First, int[] Weights)[] Taps(int from, int to)
    {
        var scale = (double)from / to;
        var stretch = Math.Max(scale, 1);
        var support = 2 * stretch;
        var taps = new (int, int[])[to];
        for (var i = 0; i < to; i++)
        {
            var centre = (i + 0.5) * scale;
            var first = Math.Max((int)(centre - support + 0.5), 0);
            var last = Math.Min((int)(centre + support + 0.5), from);
            var weights = new double[last - first];
            for (var j = 0; j < weights.Length; j++)
            {
                weights[j] = Cubic((j + first - centre + 0.5) / stretch);
            }

            var sum = weights.Sum();
            taps[i] = (first, [.. weights.Select(w => (int)Math.Round(w / sum * (1 << Bits), MidpointRounding.AwayFromZero))]);
        }

        return taps;
    }

    private static double Cubic(double x)
    {
        const double A = -0.5;
        x = Math.Abs(x);
        return x < 1 ? ((((A + 2) * x) - (A + 3)) * x * x) + 1
            : x < 2 ? ((((x - 5) * x) + 8) * x - 4) * A
            : 0;
    }
}
