namespace Vitrine.Inputs.Pictures;

/// <summary>For each pixel of a resized row or column: which source pixels it reads, and how much of each.</summary>
/// <param name="First">Index of the first source pixel.</param>
/// <param name="Weights">Weights of that pixel and its successors; empty where the result is zero.</param>
internal sealed record Taps(int[] First, double[][] Weights)
{
    /// <summary>Pixels of the result.</summary>
    public int Count => First.Length;

    /// <summary>A stretched filter, cut off and normalised at the border.</summary>
    /// <remarks>Pillow's rule, which torch's antialiased interpolation shares: centre (i + 1/2) s, s = from/to, taps within support max(s, 1) of it.</remarks>
    public static Taps Antialiased(int from, int to, ResampleFilter filter)
    {
        var scale = (double)from / to;
        var stretch = Math.Max(scale, 1);
        var (support, inverse) = (filter.Support() * stretch, 1 / stretch);
        return Of(to, i =>
        {
            var centre = (i + 0.5) * scale;
            var first = Math.Max((int)(centre - support + 0.5), 0);
            var end = Math.Min((int)(centre + support + 0.5), from);
            return (first, Normalised(end - first, j => filter.At((j + first - centre + 0.5) * inverse)));
        });
    }

    /// <summary>The same rule in float32, as torch computes it on floats: far from the left edge that moves the centre by some 1e-5 of a pixel.</summary>
    public static Taps AntialiasedSingle(int from, int to, ResampleFilter filter)
    {
        var scale = (float)from / to;
        var stretch = Math.Max(scale, 1);
        var (support, inverse) = ((float)filter.Support() * stretch, 1 / stretch);
        return Of(to, i =>
        {
            var centre = (float)(scale * (i + 0.5));
            var first = Math.Max((int)(centre - support + 0.5), 0);
            var end = Math.Min((int)(centre + support + 0.5), from);
            var offset = first - centre;
            return (first, Normalised(end - first, j => filter.At((float)((j + offset + 0.5) * inverse))));
        });
    }

    /// <summary>torch's interpolation without antialiasing: two taps, or four of a cubic with a = -3/4; neighbours beyond the border are the border.</summary>
    /// <remarks>Coordinates are float32, as torch computes them: at column 600 that is worth 3e-5 of a pixel.</remarks>
    public static Taps Interpolating(int from, int to, bool cubic, bool alignCorners)
    {
        var scale = !alignCorners ? (float)from / to : to > 1 ? (float)(from - 1) / (to - 1) : 0;
        return Of(to, i =>
        {
            var source = alignCorners ? scale * i : MathF.FusedMultiplyAdd(scale, i + 0.5f, -0.5f);
            source = cubic ? source : Math.Clamp(source, 0, from - 1);
            var left = (int)MathF.Floor(source);
            var t = source - left;
            return cubic
                ? Clamped(left - 1, [Cubic(t + 1), Cubic(t), Cubic(1 - t), Cubic(2 - t)], from)
                : Clamped(left, [1 - t, t], from);
        });

        static double Cubic(float x) => ResampleFilters.Cubic(x, -0.75);
    }

    /// <summary>tf.image.resize, lanczos3 with antialiasing.</summary>
    /// <remarks>
    /// Centre c = (i + 1/2) s, taps with |j + 1/2 - c| &lt; 3 max(s, 1), normalised over those inside. Source: tensorflow, scale_and_translate_op.cc.
    /// </remarks>
    public static Taps TensorFlowLanczos(int from, int to)
    {
        var scale = (double)from / to;
        var stretch = Math.Max(scale, 1);
        return Of(to, i =>
        {
            var centre = (i + 0.5) * scale;
            var first = Math.Max((int)Math.Ceiling(centre - (3 * stretch) - 0.5), 0);
            var end = Math.Min((int)Math.Floor(centre + (3 * stretch) - 0.5) + 1, from);
            return (first, Normalised(end - first, j => ResampleFilter.Lanczos.At((j + first + 0.5 - centre) / stretch)));
        });
    }

    /// <summary>tf.image.crop_and_resize along one axis: corners on corners, zero outside.</summary>
    /// <remarks>src(i) = a (n - 1) + i (b - a)(n - 1)/(m - 1); the middle of the box where m = 1. float32, as TensorFlow computes it.</remarks>
    public static Taps Cropping(int from, int to, float a, float b)
    {
        var step = to > 1 ? (b - a) * (from - 1) / (to - 1) : 0;
        return Of(to, i =>
        {
            var source = to > 1 ? (a * (from - 1)) + (i * step) : 0.5f * (a + b) * (from - 1);
            var left = (int)MathF.Floor(source);
            return source < 0 || source > from - 1 ? (0, [])
                : left == source ? (left, [1])
                : (left, [1 - (source - left), source - left]);
        });
    }

    private static Taps Of(int count, Func<int, (int First, double[] Weights)> tap)
    {
        var (first, weights) = (new int[count], new double[count][]);
        for (var i = 0; i < count; i++)
        {
            (first[i], weights[i]) = tap(i);
        }

        return new Taps(first, weights);
    }

    private static double[] Normalised(int count, Func<int, double> weight)
    {
        var (weights, sum) = (new double[count], 0.0);
        for (var j = 0; j < count; j++)
        {
            sum += weights[j] = weight(j);
        }

        for (var j = 0; sum != 0 && j < count; j++)
        {
            weights[j] /= sum;
        }

        return weights;
    }

    private static (int, double[]) Clamped(int left, ReadOnlySpan<double> weights, int from)
    {
        var first = Math.Clamp(left, 0, from - 1);
        var merged = new double[Math.Clamp(left + weights.Length - 1, 0, from - 1) - first + 1];
        for (var j = 0; j < weights.Length; j++)
        {
            merged[Math.Clamp(left + j, 0, from - 1) - first] += weights[j];
        }

        return (first, merged);
    }
}
