using SkiaSharp;

namespace Vitrine.Inputs.Pictures;

/// <summary>PNG and JPEG files to pictures and back.</summary>
public static class PictureFile
{
    /// <summary>More pixels than this are refused before anything is allocated.</summary>
    public const long LargestPixelCount = 100_000_000;

    /// <summary>Reads a PNG or JPEG; transparency is dropped.</summary>
    /// <exception cref="VitrineException">The file cannot be read or is no such picture.</exception>
    public static Picture Read(string path)
    {
        try
        {
            return Decode(File.ReadAllBytes(path), path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VitrineException($"{path}: cannot be read ({e.Message}).", e);
        }
    }

    /// <summary>Decodes a PNG or JPEG.</summary>
    /// <param name="bytes">The file's content.</param>
    /// <param name="name">What to call it in errors.</param>
    /// <exception cref="VitrineException">It is no such picture, broken, or too large.</exception>
    public static Picture Decode(byte[] bytes, string name)
    {
        ArgumentNullException.ThrowIfNull(bytes);
        using var data = SKData.CreateCopy(bytes);
        using var codec = bytes.Length == 0 ? null : SKCodec.Create(data);
        if (codec is null || codec.EncodedFormat is not (SKEncodedImageFormat.Png or SKEncodedImageFormat.Jpeg))
        {
            throw new VitrineException($"{name}: is no PNG or JPEG picture (it begins with {Convert.ToHexString(bytes.AsSpan(0, Math.Min(8, bytes.Length)))}).");
        }

        var (width, height) = (codec.Info.Width, codec.Info.Height);
        if (width <= 0 || height <= 0 || (long)width * height > LargestPixelCount)
        {
            throw new VitrineException($"{name}: {width} x {height} pixels; expected at least one and at most {LargestPixelCount}.");
        }

        using var bitmap = new SKBitmap(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Unpremul));
        var result = codec.GetPixels(bitmap.Info, bitmap.GetPixels());
        if (result != SKCodecResult.Success)
        {
            throw new VitrineException($"{name}: the picture is broken ({result}).");
        }

        var rgba = bitmap.GetPixelSpan();
        var rgb = new byte[width * height * 3];
        for (int i = 0, at = 0; i < rgb.Length; i += 3, at += 4)
        {
            rgba.Slice(at, 3).CopyTo(rgb.AsSpan(i));
        }

        return new Picture(width, height, rgb);
    }

    /// <summary>A picture as a PNG file's content.</summary>
    public static byte[] EncodePng(Picture picture)
    {
        ArgumentNullException.ThrowIfNull(picture);
        using var bitmap = new SKBitmap(new SKImageInfo(picture.Width, picture.Height, SKColorType.Rgba8888, SKAlphaType.Opaque));
        var rgba = bitmap.GetPixelSpan();
        var pixels = new byte[picture.Width * picture.Height * 4];
        for (int i = 0, at = 0; i < picture.Rgb.Length; i += 3, at += 4)
        {
            picture.Rgb.AsSpan(i, 3).CopyTo(pixels.AsSpan(at));
            pixels[at + 3] = 255;
        }

        System.Runtime.InteropServices.Marshal.Copy(pixels, 0, bitmap.GetPixels(), rgba.Length);
        using var data = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        return data.ToArray();
    }
}
