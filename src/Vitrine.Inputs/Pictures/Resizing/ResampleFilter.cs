namespace Vitrine.Inputs.Pictures;

/// <summary>An antialiasing filter; the number is what <c>resample</c> of a preprocessor_config.json calls it.</summary>
public enum ResampleFilter
{
    /// <summary>sinc(x) sinc(x/3), support 3.</summary>
    Lanczos = 1,

    /// <summary>A triangle, support 1.</summary>
    Bilinear = 2,

    /// <summary>Keys' cubic with a = -1/2, support 2.</summary>
    Bicubic = 3,

    /// <summary>The mean of the covered pixels, support 1/2.</summary>
    Box = 4,

    /// <summary>sinc(x) under a Hamming window, support 1.</summary>
    Hamming = 5,
}

/// <summary>The filters as functions.</summary>
internal static class ResampleFilters
{
    /// <summary>Half the width of the filter, in pixels of the smaller picture.</summary>
    public static double Support(this ResampleFilter filter) => filter switch
    {
        ResampleFilter.Box => 0.5,
        ResampleFilter.Bilinear or ResampleFilter.Hamming => 1,
        ResampleFilter.Bicubic => 2,
        _ => 3,
    };

    /// <summary>The weight at a distance.</summary>
    public static double At(this ResampleFilter filter, double x) => filter switch
    {
        ResampleFilter.Box => x is > -0.5 and <= 0.5 ? 1 : 0,
        ResampleFilter.Bilinear => Math.Max(0, 1 - Math.Abs(x)),
        // Pillow writes the two constants as float32, whose sum is not 1, and gives the middle 1 all the same.
        ResampleFilter.Hamming => x == 0 ? 1 : Math.Abs(x) >= 1 ? 0 : Sinc(x) * (0.54f + ((double)0.46f * Math.Cos(Math.PI * x))),
        ResampleFilter.Bicubic => Cubic(Math.Abs(x), -0.5),
        _ => x is >= -3 and < 3 ? Sinc(x) * Sinc(x / 3) : 0,
    };

    /// <summary>Keys' cubic at a distance x &gt;= 0.</summary>
    public static double Cubic(double x, double a)
        => x < 1 ? ((((a + 2) * x) - (a + 3)) * x * x) + 1
            : x < 2 ? ((((x - 5) * x) + 8) * x - 4) * a
            : 0;

    private static double Sinc(double x) => x == 0 ? 1 : Math.Sin(Math.PI * x) / (Math.PI * x);
}
