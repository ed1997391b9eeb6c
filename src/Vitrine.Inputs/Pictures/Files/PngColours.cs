using System.Buffers.Binary;

namespace Vitrine.Inputs.Pictures;

/// <summary>How the numbers of a PNG file become colours.</summary>
internal sealed class PngColours
{
    private const int Grey = 0, Rgb3 = 2, Indexed = 3, GreyAlpha = 4;

    private readonly int depth;
    private readonly int type;
    private readonly ReadOnlyMemory<byte> palette;
    private readonly ReadOnlyMemory<byte> transparency;

    private PngColours(int depth, int type, ReadOnlyMemory<byte> palette, ReadOnlyMemory<byte> transparency)
    {
        (this.depth, this.type, this.palette, this.transparency) = (depth, type, palette, transparency);
        Channels = type switch { Grey or Indexed => 1, GreyAlpha => 2, Rgb3 => 3, _ => 4 };
    }

    /// <summary>Numbers of a pixel.</summary>
    public int Channels { get; }

    /// <summary>Whether a row's bytes are the numbers themselves: the common case, which needs no unpacking.</summary>
    public bool AreBytes => depth == 8 && type != Indexed;

    /// <exception cref="VitrineException">PNG has no such colours, or the palette is none.</exception>
    public static PngColours Of(int depth, int type, ReadOnlyMemory<byte> palette, ReadOnlyMemory<byte> transparency, string name)
    {
        var known = type switch
        {
            Grey => depth is 1 or 2 or 4 or 8 or 16,
            Indexed => depth is 1 or 2 or 4 or 8,
            Rgb3 or GreyAlpha or 6 => depth is 8 or 16,
            _ => false,
        };
        return !known ? throw new VitrineException($"{name}: the PNG picture has {depth} bits and colour type {type}, a pair that PNG does not know.")
            : type == Indexed && (palette.Length is 0 or > 768 || palette.Length % 3 != 0)
                ? throw new VitrineException($"{name}: the PNG picture's palette has {palette.Length} bytes; expected three for each of 1 to 256 colours.")
            : new PngColours(depth, type, palette, transparency);
    }

    /// <summary>Bytes of a row, its filter's byte left out; at least 1 for a pixel.</summary>
    public int BytesOf(int columns) => checked((int)((((long)columns * Channels * depth) + 7) / 8));

    /// <summary>A row's bytes as numbers.</summary>
    public void Unpack(ReadOnlySpan<byte> row, Span<ushort> samples)
    {
        for (var i = 0; i < samples.Length; i++)
        {
            samples[i] = depth switch
            {
                8 => row[i],
                16 => BinaryPrimitives.ReadUInt16BigEndian(row[(2 * i)..]),
                _ => (ushort)((row[i * depth / 8] >> (8 - depth - (i * depth % 8))) & ((1 << depth) - 1)),
            };
        }
    }

    /// <summary>A row of bytes as RGB, alpha dropped.</summary>
    public void CopyBytes(ReadOnlySpan<byte> row, Span<byte> rgb, int stride, int columns)
    {
        if (Channels == 3 && stride == 3)
        {
            row[..(3 * columns)].CopyTo(rgb);
            return;
        }

        var (green, blue) = Channels < 3 ? (0, 0) : (1, 2);
        for (int i = 0, from = 0, to = 0; i < columns; i++, from += Channels, to += stride)
        {
            (rgb[to], rgb[to + 1], rgb[to + 2]) = (row[from], row[from + green], row[from + blue]);
        }
    }

    /// <summary>A number as Pillow's arrays have it.</summary>
    public int Stored(ushort sample) => type == Grey ? depth is 2 or 4 ? Widened(sample) : sample : depth == 16 ? sample >> 8 : sample;

    /// <summary>A pixel's colour.</summary>
    public void Rgb(ReadOnlySpan<ushort> pixel, Span<byte> rgb, string name)
    {
        if (type == Indexed)
        {
            if ((3 * pixel[0]) + 3 > palette.Length)
            {
                throw new VitrineException($"{name}: a pixel has colour {pixel[0]} of a palette of {palette.Length / 3}.");
            }

            palette.Span.Slice(3 * pixel[0], 3).CopyTo(rgb);
            return;
        }

        for (var i = 0; i < 3; i++)
        {
            var sample = pixel[Channels < 3 ? 0 : i];
            // Pillow clips 16-bit grey instead of scaling it; colours keep their high byte.
            rgb[i] = (byte)(depth < 8 ? Widened(sample) : depth == 8 ? sample : type == Grey ? Math.Min((int)sample, 255) : sample >> 8);
        }
    }

    /// <summary>A pixel's opacity.</summary>
    public byte Alpha(ReadOnlySpan<ushort> pixel)
    {
        var span = transparency.Span;
        return type switch
        {
            Indexed => pixel[0] < span.Length ? span[pixel[0]] : (byte)255,
            Grey or Rgb3 => span.Length == 2 * Channels && IsKey(pixel, span) ? (byte)0 : (byte)255,
            _ => (byte)(depth == 16 ? pixel[^1] >> 8 : pixel[^1]),
        };
    }

    private static bool IsKey(ReadOnlySpan<ushort> pixel, ReadOnlySpan<byte> key)
    {
        for (var i = 0; i < pixel.Length; i++)
        {
            if (BinaryPrimitives.ReadUInt16BigEndian(key[(2 * i)..]) != pixel[i])
            {
                return false;
            }
        }

        return true;
    }

    private int Widened(ushort sample) => sample * 255 / ((1 << depth) - 1);
}
