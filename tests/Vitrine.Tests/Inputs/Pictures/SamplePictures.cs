using CsCheck;
using Vitrine.Inputs.Pictures;

namespace Vitrine.Tests.Inputs.Pictures;

/// <summary>Pictures to try things on.</summary>
internal static class SamplePictures
{
    /// <summary>Random ones of up to 40 pixels on a side.</summary>
    public static Gen<Picture> Any { get; } =
        from width in Gen.Int[1, 40]
        from height in Gen.Int[1, 40]
        from rgb in Gen.Byte.Array[3 * width * height]
        select new Picture(width, height, rgb);

    /// <summary>Smooth waves, as photographs are.</summary>
    public static Picture Waves(int width, int height)
    {
        var rgb = new byte[3 * width * height];
        for (var i = 0; i < rgb.Length; i++)
        {
            var (x, y, channel) = (i / 3 % width, i / 3 / width, i % 3);
            rgb[i] = (byte)(127.5 + (60 * Math.Sin((x * 0.11) + channel)) + (60 * Math.Cos((y * 0.07) - channel)));
        }

        return new Picture(width, height, rgb);
    }
}
