using System.Runtime.InteropServices;
using SkiaSharp;

namespace Vitrine.Inputs.Pictures;

/// <summary>PNG and JPEG files to pictures and back.</summary>
/// <remarks>
/// JPEG is decoded by libjpeg-turbo inside SkiaSharp (slow integer DCT, smooth upsampling). PNG is read by <see cref="PngFile"/>, because 16-bit grey, palettes
/// and alpha must come out as the field's reference converts them: alpha dropped, palettes expanded, 16-bit grey clipped at 255.
/// </remarks>
public static class PictureFile
{
    private static readonly (string Name, byte[] Start, int At)[] OtherFormats =
    [
        ("GIF", "GIF8"u8.ToArray(), 0), ("BMP", "BM"u8.ToArray(), 0), ("WebP", "WEBP"u8.ToArray(), 8), ("TIFF", [0x49, 0x49, 0x2A, 0],
            0), ("TIFF", [0x4D, 0x4D, 0, 0x2A], 0),
        ("HEIC or AVIF", "ftyp"u8.ToArray(), 4), ("JPEG 2000", [0, 0, 0, 0x0C, 0x6A, 0x50],
            0), ("JPEG XL", [0xFF, 0x0A], 0), ("icon", [0, 0, 1, 0], 0), ("PDF", "%PDF"u8.ToArray(), 0), ("netpbm", "P6"u8.ToArray(), 0),
    ];

    /// <summary>Reads a PNG or JPEG; transparency is dropped.</summary>
    /// <param name="path">The file.</param>
    /// <param name="upright">
    /// Whether to turn the picture as its EXIF orientation asks (what transformers' load_image does), or to leave it as stored (what Pillow's open does).
    /// </param>
    /// <exception cref="VitrineException">The file cannot be read or is no such picture.</exception>
    public static Picture Read(string path, bool upright = false) => Decode(Bytes(path), path, upright);

    /// <summary>Decodes a PNG or JPEG.</summary>
    /// <param name="bytes">The file's content.</param>
    /// <param name="name">What to call it in errors.</param>
    /// <param name="upright">Whether to turn the picture as its EXIF orientation asks.</param>
    /// <param name="mostPixels">More are refused by the picture's head, before any is decoded.</param>
    /// <exception cref="VitrineException">It is no such picture, broken, or too large.</exception>
    public static Picture Decode(byte[] bytes, string name, bool upright = false, long mostPixels = long.MaxValue)
    {
        ArgumentNullException.ThrowIfNull(bytes);
        if (PngFile.IsPng(bytes))
        {
            var png = PngFile.Parse(bytes, name);
            RequireAtMost(mostPixels, png.Width, png.Height, name);
            return Turned(png.ToPicture(), upright ? png.Orientation : 1);
        }

        if (JpegHeader.IsJpeg(bytes))
        {
            var header = JpegHeader.Parse(bytes, name);
            RequireAtMost(mostPixels, header.Width, header.Height, name);
            return Turned(DecodeJpeg(bytes, header, name), upright ? header.Orientation : 1);
        }

        var format = Array.Find(OtherFormats, f => bytes.AsSpan().Slice(Math.Min(f.At, bytes.Length)).StartsWith(f.Start)).Name;
        throw new VitrineException(
            bytes.Length == 0 ? $"{name}: is empty; expected a PNG or JPEG picture."
            : format is not null ? $"{name}: is a {format} file; expected PNG or JPEG. Convert it first."
            : $"{name}: is no PNG or JPEG picture (it begins with {Convert.ToHexString(bytes.AsSpan(0, Math.Min(8, bytes.Length)))}).");
    }

    /// <summary>Pixels of a PNG or JPEG file by its head alone: nothing is decoded.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="VitrineException">The file cannot be read or is no such picture.</exception>
    public static (int Width, int Height) SizeOf(string path)
    {
        var bytes = Bytes(path);
        if (JpegHeader.IsJpeg(bytes))
        {
            var jpeg = JpegHeader.Parse(bytes, path);
            return (jpeg.Width, jpeg.Height);
        }

        var png = PngFile.Parse(bytes, path);
        return (png.Width, png.Height);
    }

    /// <summary>A picture as a PNG file's content.</summary>
    public static byte[] EncodePng(Picture picture)
    {
        ArgumentNullException.ThrowIfNull(picture);
        using var bitmap = Bitmap(picture);
        using var data = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        return data.ToArray();
    }

    /// <summary>A picture as a JPEG file's content, colours at half the resolution (4:2:0).</summary>
    /// <param name="picture">The picture.</param>
    /// <param name="quality">1 to 100.</param>
    public static byte[] EncodeJpeg(Picture picture, int quality = 95)
    {
        ArgumentNullException.ThrowIfNull(picture);
        ArgumentOutOfRangeException.ThrowIfLessThan(quality, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(quality, 100);
        using var bitmap = Bitmap(picture);
        using var pixels = bitmap.PeekPixels();
        using var data = pixels.Encode(new SKJpegEncoderOptions(quality, SKJpegEncoderDownsample.Downsample420, SKJpegEncoderAlphaOption.Ignore));
        return data?.ToArray()
            ?? throw new VitrineException($"picture: {picture.Width} x {picture.Height} pixels cannot be written as JPEG, whose sides end at 65535.");
    }

    private static void RequireAtMost(long mostPixels, int width, int height, string name)
    {
        if ((long)width * height > mostPixels)
        {
            throw new VitrineException($"{name}: has {height} x {width} pixels; at most {mostPixels} are read.");
        }
    }

    private static byte[] Bytes(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VitrineException($"{path}: cannot be read ({e.Message}).", e);
        }
    }

    private static Picture DecodeJpeg(byte[] bytes, JpegHeader header, string name)
    {
        using var data = SKData.CreateCopy(bytes);
        using var codec = SKCodec.Create(data);
        if (codec is null || codec.EncodedFormat != SKEncodedImageFormat.Jpeg || (codec.Info.Width, codec.Info.Height) != (header.Width, header.Height))
        {
            throw new VitrineException($"{name}: the JPEG picture is broken or truncated (its header cannot be decoded).");
        }

        using var bitmap = new SKBitmap();
        var info = new SKImageInfo(header.Width, header.Height, SKColorType.Rgba8888, SKAlphaType.Unpremul);
        if (!bitmap.TryAllocPixels(info))
        {
            throw new VitrineException($"{name}: there is no memory for {header.Width} x {header.Height} pixels.");
        }

        var result = codec.GetPixels(info, bitmap.GetPixels());
        if (result != SKCodecResult.Success)
        {
            throw new VitrineException($"{name}: the JPEG picture is {(result == SKCodecResult.IncompleteInput ? "truncated" : $"broken ({result})")}.");
        }

        var rgba = bitmap.GetPixelSpan();
        var rgb = new byte[header.Width * header.Height * 3];
        for (int i = 0, at = 0; i < rgb.Length; i += 3, at += 4)
        {
            (rgb[i], rgb[i + 1], rgb[i + 2]) = (rgba[at], rgba[at + 1], rgba[at + 2]);
        }

        return new Picture(header.Width, header.Height, rgb);
    }

    private static SKBitmap Bitmap(Picture picture)
    {
        var bitmap = new SKBitmap(new SKImageInfo(picture.Width, picture.Height, SKColorType.Rgba8888, SKAlphaType.Opaque));
        var pixels = new byte[picture.Width * picture.Height * 4];
        for (int i = 0, at = 0; i < picture.Rgb.Length; i += 3, at += 4)
        {
            picture.Rgb.AsSpan(i, 3).CopyTo(pixels.AsSpan(at));
            pixels[at + 3] = 255;
        }

        Marshal.Copy(pixels, 0, bitmap.GetPixels(), pixels.Length);
        return bitmap;
    }

    /// <remarks>EXIF 2.3, tag 0x0112: which side of the stored picture is up. 2, 4, 5 and 7 are mirrored, 5 to 8 have width and height exchanged.</remarks>
    private static Picture Turned(Picture picture, int orientation)
    {
        if (orientation is < 2 or > 8)
        {
            return picture;
        }

        var exchanged = orientation >= 5;
        var (width, height) = exchanged ? (picture.Height, picture.Width) : (picture.Width, picture.Height);
        var rgb = new byte[picture.Rgb.Length];
        for (var y = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++)
            {
                var (column, row) = exchanged ? (y, x) : (x, y);
                column = orientation is 2 or 3 or 7 or 8 ? picture.Width - 1 - column : column;
                row = orientation is 3 or 4 or 6 or 7 ? picture.Height - 1 - row : row;
                picture.Rgb.AsSpan(((row * picture.Width) + column) * 3, 3).CopyTo(rgb.AsSpan(((y * width) + x) * 3));
            }
        }

        return new Picture(width, height, rgb);
    }
}
