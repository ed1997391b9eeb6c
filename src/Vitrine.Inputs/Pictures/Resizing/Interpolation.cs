namespace Vitrine.Inputs.Pictures;

/// <summary>Resizing of floats, as torch, Pillow's F mode and TensorFlow do it. Nothing is rounded or clipped.</summary>
public static class Interpolation
{
    /// <summary>torch.nn.functional.interpolate.</summary>
    /// <param name="pixels">From.</param>
    /// <param name="width">Pixels in a row of the result.</param>
    /// <param name="height">Rows of the result.</param>
    /// <param name="filter">Bilinear, bicubic, or Lanczos with antialiasing. Bicubic has a = -3/4 without antialiasing and -1/2 with it.</param>
    /// <param name="antialias">Whether the filter is stretched when the picture shrinks.</param>
    /// <param name="alignCorners">Whether corner pixels lie on corner pixels; not together with antialiasing.</param>
    /// <exception cref="VitrineException">torch has no such interpolation, or the size is none.</exception>
    public static Pixels Torch(Pixels pixels, int width, int height, ResampleFilter filter, bool antialias = false, bool alignCorners = false)
    {
        ArgumentNullException.ThrowIfNull(pixels);
        Picture.RequireSize("interpolate", width, height);
        if (!(filter is ResampleFilter.Bilinear or ResampleFilter.Bicubic || (filter == ResampleFilter.Lanczos && antialias)) || (antialias && alignCorners))
        {
            throw new VitrineException($"interpolate: {filter}{(antialias ? ", antialiased" : "")}{(alignCorners ? ", corners aligned" : "")} is not "
                + "computed; expected Bilinear, Bicubic, or Lanczos with antialiasing, and corners aligned only without it.");
        }

        return antialias
            ? Antialiased(pixels, width, height, filter, Taps.AntialiasedSingle)
            : Apply(pixels, Plain(pixels.Width, width), Plain(pixels.Height, height));

        Taps Plain(int from, int to) => Taps.Interpolating(from, to, filter == ResampleFilter.Bicubic, alignCorners);
    }

    /// <summary>Pillow's resize of float pictures (mode F).</summary>
    public static Pixels Pillow(Pixels pixels, int width, int height, ResampleFilter filter)
    {
        ArgumentNullException.ThrowIfNull(pixels);
        Picture.RequireSize("resize", width, height);
        return Antialiased(pixels, width, height, filter, Taps.Antialiased);
    }

    /// <summary>tf.image.resize with method lanczos3 and antialias.</summary>
    public static Pixels TensorFlowLanczos(Pixels pixels, int width, int height)
    {
        ArgumentNullException.ThrowIfNull(pixels);
        Picture.RequireSize("resize", width, height);
        return (pixels.Width, pixels.Height) == (width, height)
            ? pixels
            : Apply(pixels, Taps.TensorFlowLanczos(pixels.Width, width), Taps.TensorFlowLanczos(pixels.Height, height));
    }

    /// <summary>tf.image.crop_and_resize, bilinear; zero outside the picture.</summary>
    /// <param name="pixels">From.</param>
    /// <param name="box">Top, left, bottom, right; 0 is the first pixel's centre, 1 the last one's.</param>
    /// <param name="width">Pixels in a row of the result.</param>
    /// <param name="height">Rows of the result.</param>
    public static Pixels CropAndResize(Pixels pixels, (float Top, float Left, float Bottom, float Right) box, int width, int height)
    {
        ArgumentNullException.ThrowIfNull(pixels);
        Picture.RequireSize("crop_and_resize", width, height);
        return Apply(pixels, Taps.Cropping(pixels.Width, width, box.Left, box.Right), Taps.Cropping(pixels.Height, height, box.Top, box.Bottom));
    }

    private static Pixels Antialiased(Pixels pixels, int width, int height, ResampleFilter filter, Func<int, int, ResampleFilter, Taps> taps)
        => Apply(
            pixels,
            pixels.Width == width ? null : taps(pixels.Width, width, filter),
            pixels.Height == height ? null : taps(pixels.Height, height, filter));

    private static Pixels Apply(Pixels pixels, Taps? horizontal, Taps? vertical)
    {
        var across = horizontal is null ? pixels : Rows(pixels, horizontal);
        return vertical is null ? across : Columns(across, vertical);
    }

    private static Pixels Rows(Pixels from, Taps taps)
    {
        var to = new float[from.Channels * from.Height * taps.Count];
        Resampling.Each(from.Channels * from.Height, (long)taps.Count * taps.Weights[0].Length, row =>
        {
            var source = from.Values.AsSpan(row * from.Width, from.Width);
            for (var x = 0; x < taps.Count; x++)
            {
                var sum = 0.0;
                var at = taps.First[x];
                foreach (var weight in taps.Weights[x])
                {
                    sum += source[at++] * weight;
                }

                to[(row * taps.Count) + x] = (float)sum;
            }
        });
        return new Pixels(from.Channels, from.Height, taps.Count, to);
    }

    private static Pixels Columns(Pixels from, Taps taps)
    {
        var to = new float[from.Channels * taps.Count * from.Width];
        Resampling.Each(from.Channels * taps.Count, (long)from.Width * taps.Weights[0].Length, row =>
        {
            var (channel, y) = Math.DivRem(row, taps.Count);
            for (var x = 0; x < from.Width; x++)
            {
                var sum = 0.0;
                var at = (((channel * from.Height) + taps.First[y]) * from.Width) + x;
                foreach (var weight in taps.Weights[y])
                {
                    sum += from.Values[at] * weight;
                    at += from.Width;
                }

                to[(row * from.Width) + x] = (float)sum;
            }
        });
        return new Pixels(from.Channels, taps.Count, from.Width, to);
    }
}
