using System.Buffers.Binary;
using System.IO.Compression;

namespace Vitrine.Inputs.Pictures;

/// <summary>A PNG file: its header checked, its pixels decoded when asked.</summary>
/// <remarks>
/// W3C PNG, third edition. Checksums of critical chunks are verified; a file that claims more pixels than its data can hold is refused before anything is
/// allocated.
/// </remarks>
public sealed class PngFile
{
    /// <summary>Deflate's best ratio: 258 bytes for two bits.</summary>
    private const long LargestRatio = 1032;

    private static readonly (int X, int Y, int Dx, int Dy)[] Adam7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
        (0, 1, 1, 2)];

    private readonly string name;
    private readonly byte[] compressed;
    private readonly bool interlaced;
    private readonly PngColours colours;

    private PngFile(string name, int width, int height, bool interlaced, PngColours colours, int orientation, byte[] compressed)
        => (this.name, Width, Height, this.interlaced, this.colours, Orientation,
            this.compressed) = (name, width, height, interlaced, colours, orientation, compressed);

    private delegate void RowReader(int y, int x, int dx, int columns, ReadOnlySpan<byte> row);

    private delegate void PixelReader(int at, ReadOnlySpan<ushort> pixel);

    /// <summary>Pixels in a row.</summary>
    public int Width { get; }

    /// <summary>Rows.</summary>
    public int Height { get; }

    /// <summary>Numbers of a pixel as stored: 1 grey or palette, 2 grey and alpha, 3 RGB, 4 RGBA.</summary>
    public int Channels => colours.Channels;

    /// <summary>EXIF orientation, 1 to 8; 1 is as stored.</summary>
    public int Orientation { get; }

    /// <summary>What every PNG file begins with.</summary>
    internal static ReadOnlySpan<byte> Signature => [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A];

    /// <summary>Whether the bytes begin as a PNG file does.</summary>
    public static bool IsPng(ReadOnlySpan<byte> bytes) => bytes.StartsWith(Signature);

    /// <summary>Checks a file's chunks.</summary>
    /// <param name="bytes">The file's content.</param>
    /// <param name="name">What to call it in errors.</param>
    /// <exception cref="VitrineException">It is no PNG, broken, truncated, or too large.</exception>
    public static PngFile Parse(byte[] bytes, string name)
    {
        ArgumentNullException.ThrowIfNull(bytes);
        if (!IsPng(bytes))
        {
            throw new VitrineException($"{name}: is no PNG picture.");
        }

        var chunks = PngChunk.Split(bytes, name);
        var header = chunks[0].Type == "IHDR" && chunks[0].Data.Length == 13
            ? chunks[0].Data
            : throw new VitrineException($"{name}: the PNG picture does not begin with its header (IHDR).");
        var (wide, high) = (BinaryPrimitives.ReadUInt32BigEndian(header.Span), BinaryPrimitives.ReadUInt32BigEndian(header.Span[4..]));
        if (wide is 0 or > int.MaxValue || high is 0 or > int.MaxValue || (long)wide * high > Picture.LargestPixelCount)
        {
            throw new VitrineException($"{name}: {wide} x {high} pixels; expected at least one and at most {Picture.LargestPixelCount}.");
        }

        if (header.Span[10] != 0 || header.Span[11] != 0 || header.Span[12] > 1)
        {
            throw new VitrineException(
                $"{name}: compression {header.Span[10]}, filter {header.Span[11]}, interlace {header.Span[12]}; PNG knows 0, 0 and 0 or 1.");
        }

        var colours = PngColours.Of(header.Span[8], header.Span[9], Find("PLTE"), Find("tRNS"), name);
        var data = chunks.Where(c => c.Type == "IDAT").Select(c => c.Data).ToArray();
        var (width, height, interlaced) = ((int)wide, (int)high, header.Span[12] == 1);
        var needed = Passes(width, height, interlaced).Sum(p => (long)p.Rows * (1 + colours.BytesOf(p.Columns)));
        var stored = data.Sum(d => (long)d.Length);
        if (needed > (stored * LargestRatio) + 1024)
        {
            throw new VitrineException(
                $"{name}: {width} x {height} pixels take {needed} bytes; the {stored} compressed ones cannot hold them. Is it truncated?");
        }

        return new PngFile(name, width, height, interlaced, colours, ExifOrientation.Of(Find("eXIf").Span), Joined(data, stored));

        ReadOnlyMemory<byte> Find(string type) => chunks.FirstOrDefault(c => c.Type == type)?.Data ?? default;
    }

    /// <summary>As 8-bit RGB: alpha dropped, palettes expanded, 16-bit grey clipped at 255, other 16-bit numbers by their high byte.</summary>
    /// <exception cref="VitrineException">The data are broken.</exception>
    public Picture ToPicture()
    {
        var rgb = new byte[3 * Width * Height];
        if (colours.AreBytes)
        {
            EachRow((y, x, dx, columns, row) => colours.CopyBytes(row, rgb.AsSpan(((y * Width) + x) * 3), 3 * dx, columns));
        }
        else
        {
            EachPixel((at, pixel) => colours.Rgb(pixel, rgb.AsSpan(3 * at, 3), name));
        }

        return new Picture(Width, Height, rgb);
    }

    /// <summary>Opacity of each pixel, row by row: 255 is opaque.</summary>
    /// <exception cref="VitrineException">The data are broken.</exception>
    public byte[] Alpha()
    {
        var alpha = new byte[Width * Height];
        EachPixel((at, pixel) => alpha[at] = colours.Alpha(pixel));
        return alpha;
    }

    /// <summary>
    /// The numbers as stored, height x width x channels: indices of a palette, 0 and 1 of a bitmap, 16-bit grey; grey of 2 or 4 bits is widened to 8, other
    /// 16-bit numbers are cut to 8.
    /// </summary>
    /// <exception cref="VitrineException">The data are broken.</exception>
    public int[] Samples()
    {
        var all = new int[Width * Height * Channels];
        EachPixel((at, pixel) =>
        {
            for (var i = 0; i < pixel.Length; i++)
            {
                all[(at * pixel.Length) + i] = colours.Stored(pixel[i]);
            }
        });
        return all;
    }

    private static byte[] Joined(ReadOnlyMemory<byte>[] parts, long length)
    {
        var (joined, at) = (new byte[length], 0);
        foreach (var part in parts)
        {
            part.CopyTo(joined.AsMemory(at));
            at += part.Length;
        }

        return joined;
    }

    private static IEnumerable<(int X, int Y, int Dx, int Dy, int Columns, int Rows)> Passes(int width, int height, bool interlaced)
        => (interlaced ? Adam7 : [(0, 0, 1, 1)])
            .Select(p => (p.X, p.Y, p.Dx, p.Dy, (int)(((long)width - p.X + p.Dx - 1) / p.Dx), (int)(((long)height - p.Y + p.Dy - 1) / p.Dy)))
            .Where(p => p.Item5 > 0 && p.Item6 > 0);

    private void EachPixel(PixelReader read)
    {
        var (channels, samples) = (Channels, new ushort[Width * Channels]);
        EachRow((y, x, dx, columns, row) =>
        {
            colours.Unpack(row, samples.AsSpan(0, columns * channels));
            for (var i = 0; i < columns; i++)
            {
                read((y * Width) + x + (i * dx), samples.AsSpan(i * channels, channels));
            }
        });
    }

    private void EachRow(RowReader read)
    {
        using var stream = new ZLibStream(new MemoryStream(compressed, writable: false), CompressionMode.Decompress);
        try
        {
            foreach (var pass in Passes(Width, Height, interlaced))
            {
                var (row, above) = (new byte[1 + colours.BytesOf(pass.Columns)], new byte[1 + colours.BytesOf(pass.Columns)]);
                for (var i = 0; i < pass.Rows; i++)
                {
                    stream.ReadExactly(row);
                    Unfilter(row[0], row.AsSpan(1), above.AsSpan(1));
                    read(pass.Y + (i * pass.Dy), pass.X, pass.Dx, pass.Columns, row.AsSpan(1));
                    (row, above) = (above, row);
                }
            }
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException)
        {
            throw new VitrineException($"{name}: the PNG picture is broken or truncated ({e.Message}).", e);
        }
    }

    /// <remarks>Filters 0 to 4: none, left, up, their mean, Paeth's pick. A byte's left neighbour is one whole pixel away, and zero before the first.</remarks>
    private void Unfilter(byte filter, Span<byte> row, ReadOnlySpan<byte> above)
    {
        var pixel = Math.Min(colours.BytesOf(1), row.Length);
        above = above[..row.Length];
        switch (filter)
        {
            case 0:
                return;
            case 1:
                for (var i = pixel; i < row.Length; i++)
                {
                    row[i] += row[i - pixel];
                }

                return;
            case 2:
                for (var i = 0; i < row.Length; i++)
                {
                    row[i] += above[i];
                }

                return;
            case 3:
                for (var i = 0; i < row.Length; i++)
                {
                    row[i] += (byte)(((i < pixel ? 0 : row[i - pixel]) + above[i]) / 2);
                }

                return;
            case 4:
                for (var i = 0; i < row.Length; i++)
                {
                    row[i] += i < pixel ? above[i] : (byte)Paeth(row[i - pixel], above[i], above[i - pixel]);
                }

                return;
            default:
                throw new VitrineException($"{name}: the PNG picture is broken (filter {filter}; expected 0 to 4).");
        }
    }

    private static int Paeth(int left, int up, int corner)
    {
        var (toLeft, toUp, toCorner) = (Math.Abs(up - corner), Math.Abs(left - corner), Math.Abs(left + up - (2 * corner)));
        return toLeft <= toUp && toLeft <= toCorner ? left : toUp <= toCorner ? up : corner;
    }
}
