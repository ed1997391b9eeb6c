using System.Runtime.InteropServices;
using SkiaSharp;
using Vitrine.Inputs.Pictures;
using Vitrine.Mechanisms.Pictures;

namespace Vitrine.Views;

/// <summary>Paints maps over pictures, as PNG files.</summary>
public static class MapPaint
{
    private const int LargestSide = 8192;

    private static readonly (byte R, byte G, byte B) Dark = (13, 20, 24), For = (64, 220, 226), Against = (255, 138, 54);

    /// <summary>A map over its picture.</summary>
    /// <param name="picture">What the patches lie on.</param>
    /// <param name="map">One number a patch.</param>
    /// <param name="style">How it is painted.</param>
    /// <param name="scale">Pixels of the file for each pixel of the picture.</param>
    /// <param name="most">The number that is painted in full; the largest of the map when null.</param>
    /// <returns>A PNG file's content.</returns>
    /// <exception cref="VitrineException">The file would be too large, or the map is no grid of the size that it names.</exception>
    public static byte[] Png(Picture picture, PatchMap map, MapStyle style, int scale = 2, double? most = null)
    {
        ArgumentNullException.ThrowIfNull(picture);
        ArgumentNullException.ThrowIfNull(map);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(scale);
        if ((long)Math.Max(picture.Width, picture.Height) * scale > LargestSide)
        {
            throw new VitrineException($"map of {picture.Width} x {picture.Height} pixels at scale {scale}: expected at most {LargestSide} pixels on a side.");
        }

        using var seen = Bitmap(Opaque(picture), picture.Width, picture.Height, SKAlphaType.Opaque);
        using var veil = Bitmap(Veil(map, style, most), map.Columns, map.Rows, SKAlphaType.Unpremul);
        using var surface = SKSurface.Create(new SKImageInfo(picture.Width * scale, picture.Height * scale, SKColorType.Rgba8888, SKAlphaType.Premul));
        var whole = SKRect.Create(picture.Width * scale, picture.Height * scale);
        using (var image = SKImage.FromBitmap(seen))
        {
            surface.Canvas.DrawImage(image, whole, new SKSamplingOptions(SKCubicResampler.Mitchell));
        }

        using (var image = SKImage.FromBitmap(veil))
        {
            surface.Canvas.DrawImage(image, whole, new SKSamplingOptions(SKFilterMode.Nearest));
        }

        using var snapshot = surface.Snapshot();
        using var data = snapshot.Encode(SKEncodedImageFormat.Png, 100);
        return data.ToArray();
    }

    /// <summary>What lies over the picture, one pixel a patch, as a data URI.</summary>
    internal static string OverlayUri(PatchMap map, MapStyle style, double? most)
    {
        using var bitmap = Bitmap(Veil(map, style, most), map.Columns, map.Rows, SKAlphaType.Unpremul);
        using var data = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        return "data:image/png;base64," + Convert.ToBase64String(data.Span);
    }

    /// <summary>Red, green, blue and opacity of each patch.</summary>
    internal static byte[] Veil(PatchMap map, MapStyle style, double? most)
    {
        if (map.Rows <= 0 || map.Columns <= 0 || map.Values.Count != map.Rows * map.Columns)
        {
            throw new VitrineException($"patch map: {map.Values.Count} values were given for {map.Rows} x {map.Columns} patches.");
        }

        var full = most ?? map.Values.Where(float.IsFinite).Select(v => (double)Math.Abs(v)).DefaultIfEmpty(0).Max();
        var rgba = new byte[map.Values.Count * 4];
        foreach (var (index, value) in map.Values.Index())
        {
            var depth = full > 0 && float.IsFinite(value) ? Math.Min(1, Math.Abs(value) / full) : 0;
            var (colour, opacity) = style == MapStyle.Veil
                ? (Dark, AttentionOverlay.Veil * (1 - (value < 0 ? 0 : depth)))
                : (Signed(value, depth), .5 + (.28 * depth));
            (rgba[index * 4], rgba[(index * 4) + 1], rgba[(index * 4) + 2],
                rgba[(index * 4) + 3]) = (colour.R, colour.G, colour.B, (byte)Math.Round(opacity * 255));
        }

        return rgba;
    }

    /// <summary>The colour of a number with a sign.</summary>
    /// <param name="value">Teal where it is positive, orange where it is negative.</param>
    /// <param name="depth">0 dark, 1 in full.</param>
    internal static (byte R, byte G, byte B) Signed(double value, double depth) => Between(Dark, value < 0 ? Against : For, Math.Pow(depth, .7));

    private static (byte R, byte G, byte B) Between((byte R, byte G, byte B) a, (byte R, byte G, byte B) b, double share)
        => (Part(a.R, b.R, share), Part(a.G, b.G, share), Part(a.B, b.B, share));

    private static byte Part(byte a, byte b, double share) => (byte)Math.Round(a + ((b - a) * share));

    private static byte[] Opaque(Picture picture)
    {
        var rgba = new byte[picture.Width * picture.Height * 4];
        for (int i = 0, at = 0; i < picture.Rgb.Length; i += 3, at += 4)
        {
            picture.Rgb.AsSpan(i, 3).CopyTo(rgba.AsSpan(at));
            rgba[at + 3] = 255;
        }

        return rgba;
    }

    private static SKBitmap Bitmap(byte[] rgba, int width, int height, SKAlphaType alpha)
    {
        var bitmap = new SKBitmap(new SKImageInfo(width, height, SKColorType.Rgba8888, alpha));
        Marshal.Copy(rgba, 0, bitmap.GetPixels(), rgba.Length);
        return bitmap;
    }
}
