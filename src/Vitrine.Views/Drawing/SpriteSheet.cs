using System.Runtime.InteropServices;
using SkiaSharp;
using Vitrine.Inputs.Pictures;

namespace Vitrine.Views.Drawing;

/// <summary>Pictures of one size side by side in one PNG, as a data URI that a page carries itself.</summary>
internal sealed record SpriteSheet(string Uri, int Columns, int Rows, int FrameWidth, int FrameHeight)
{
    /// <summary>One picture.</summary>
    public static SpriteSheet Of(Picture picture) => Of([picture], 1);

    /// <summary>Frames in reading order.</summary>
    /// <param name="frames">At least one.</param>
    /// <param name="columns">Frames in a row of the sheet.</param>
    /// <exception cref="VitrineException">The frames differ in size.</exception>
    public static SpriteSheet Of(IReadOnlyList<Picture> frames, int columns)
    {
        var (width, height) = (frames[0].Width, frames[0].Height);
        columns = Math.Min(columns, frames.Count);
        var rows = (frames.Count + columns - 1) / columns;
        var stride = width * columns * 4;
        var pixels = new byte[stride * height * rows];
        for (var frame = 0; frame < frames.Count; frame++)
        {
            var picture = frames[frame];
            if (picture.Width != width || picture.Height != height)
            {
                throw new VitrineException($"episode frame {frame} is {picture.Width} x {picture.Height}; frame 0 is {width} x {height}. All frames of an "
                    + "episode must have one size.");
            }

            var corner = (frame / columns * height * stride) + (frame % columns * width * 4);
            for (var y = 0; y < height; y++)
            {
                for (var x = 0; x < width; x++)
                {
                    var (to, from) = (corner + (y * stride) + (x * 4), ((y * width) + x) * 3);
                    picture.Rgb.AsSpan(from, 3).CopyTo(pixels.AsSpan(to));
                    pixels[to + 3] = 255;
                }
            }
        }

        return new SpriteSheet("data:image/png;base64," + Convert.ToBase64String(Png(pixels, width * columns, height * rows)), columns, rows, width, height);
    }

    private static byte[] Png(byte[] pixels, int width, int height)
    {
        using var bitmap = new SKBitmap(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque));
        Marshal.Copy(pixels, 0, bitmap.GetPixels(), pixels.Length);
        using var data = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        return data.ToArray();
    }
}
