using System.Buffers.Binary;
using System.IO.Compression;

namespace Vitrine.Inputs.Pictures;

/// <summary>A PNG file: its header checked, its pixels decoded when asked.</summary>
/// <remarks>W3C PNG, third edition. Checksums of critical chunks are verified; a file that claims more pixels than its data can hold is refused before anything is allocated.</remarks>
public sealed class PngFile
{
    /// <summary>Deflate's best ratio: 258 bytes for two bits.</summary>
    private const long LargestRatio = 1032;

    private static readonly (int X, int Y, int Dx, int Dy)[] Adam7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)];

    private readonly string name;
    private readonly byte[] compressed;
    private readonly bool interlaced;
    private readonly PngColours colours;

    private PngFile(string name, int width, int height, bool interlaced, PngColours colours, int orientation, byte[] compressed)
        => (this.name, Width, Height, this.interlaced, this.colours, Orientation, this.compressed) = (name, width, height, interlaced, colours, orientation, compressed);

    private delegate void RowReader(int y, int x, int dx, ReadOnlySpan<ushort> samples);

    /// <summary>Pixels in a row.</summary>
    public int Width { get; }

    /// <summary>Rows.</summary>
    public int Height { get; }

    /// <summary>Numbers of a pixel as stored: 1 grey or palette, 2 grey and alpha, 3 RGB, 4 RGBA.</summary>
    public int Channels => colours.Channels;

    /// <summary>EXIF orientation, 1 to 8; 1 is as stored.</summary>
    public int Orientation { get; }

    /// <summary>Whether the bytes begin as a PNG file does.</summary>
    public static bool IsPng(ReadOnlySpan<byte> bytes) => bytes.StartsWith((ReadOnlySpan<byte>)[0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]);

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
        var header = chunks[0].Type == "IHDR" && chunks[0].Data.Length == 13 ? chunks[0].Data : throw new VitrineException($"{name}: the PNG picture does not begin with its header (IHDR).");
        var (wide, high) = (BinaryPrimitives.ReadUInt32BigEndian(header.Span), BinaryPrimitives.ReadUInt32BigEndian(header.Span[4..]));
        if (wide is 0 or > int.MaxValue || high is 0 or > int.MaxValue || (long)wide * high > Picture.LargestPixelCount)
        {
            throw new VitrineException($"{name}: {wide} x {high} pixels; expected at least one and at most {Picture.LargestPixelCount}.");
        }

        if (header.Span[10] != 0 || header.Span[11] != 0 || header.Span[12] > 1)
        {
            throw new VitrineException($"{name}: compression {header.Span[10]}, filter {header.Span[11]}, interlace {header.Span[12]}; PNG knows 0, 0 and 0 or 1.");
        }

        var colours = PngColours.Of(header.Span[8], header.Span[9], Find("PLTE"), Find("tRNS"), name);
        var data = chunks.Where(c => c.Type == "IDAT").Select(c => c.Data).ToArray();
        var (width, height, interlaced) = ((int)wide, (int)high, header.Span[12] == 1);
        var needed = Passes(width, height, interlaced).Sum(p => (long)p.Rows * (1 + colours.BytesOf(p.Columns)));
        var stored = data.Sum(d => (long)d.Length);
        if (needed > (stored * LargestRatio) + 1024)
        {
            throw new VitrineException($"{name}: {width} x {height} pixels take {needed} bytes; the {stored} compressed ones cannot hold them. Is it truncated?");
        }

        return new PngFile(name, width, height, interlaced, colours, ExifOrientation.Of(Find("eXIf").Span), Joined(data, stored));

        ReadOnlyMemory<byte> Find(string type) => chunks.FirstOrDefault(c => c.Type == type)?.Data ?? default;
    }

    /// <summary>As 8-bit RGB: alpha dropped, palettes expanded, 16-bit grey clipped at 255, other 16-bit numbers by their high byte.</summary>
    /// <exception cref="VitrineException">The data are broken.</exception>
    public Picture ToPicture()
    {
        var rgb = new byte[3 * Width * Height];
        Rows((y, x, dx, samples) =>
        {
            for (var i = 0; i < samples.Length; i += Channels, x += dx)
            {
                colours.Rgb(samples.Slice(i, Channels), rgb.AsSpan(((y * Width) + x) * 3, 3), name);
            }
        });
        return new Picture(Width, Height, rgb);
    }

    /// <summary>Opacity of each pixel, row by row: 255 is opaque.</summary>
    /// <exception cref="VitrineException">The data are broken.</exception>
    public byte[] Alpha()
    {
        var alpha = new byte[Width * Height];
        Rows((y, x, dx, samples) =>
        {
            for (var i = 0; i < samples.Length; i += Channels, x += dx)
            {
                alpha[(y * Width) + x] = colours.Alpha(samples.Slice(i, Channels));
            }
        });
        return alpha;
    }

    /// <summary>The numbers as stored, height x width x channels: indices of a palette, 0 and 1 of a bitmap, 16-bit grey; grey of 2 or 4 bits is widened to 8, other 16-bit numbers are cut to 8.</summary>
    /// <exception cref="VitrineException">The data are broken.</exception>
    public int[] Samples()
    {
        var all = new int[Width * Height * Channels];
        Rows((y, x, dx, samples) =>
        {
            for (var i = 0; i < samples.Length; i++)
            {
                var column = x + (i / Channels * dx);
                all[(((y * Width) + column) * Channels) + (i % Channels)] = colours.Stored(samples[i]);
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

    private void Rows(RowReader read)
    {
        using var stream = new ZLibStream(new MemoryStream(compressed, writable: false), CompressionMode.Decompress);
        try
        {
            foreach (var pass in Passes(Width, Height, interlaced))
            {
                var (row, above) = (new byte[1 + colours.BytesOf(pass.Columns)], new byte[1 + colours.BytesOf(pass.Columns)]);
                var samples = new ushort[pass.Columns * Channels];
                for (var i = 0; i < pass.Rows; i++)
                {
                    stream.ReadExactly(row);
                    Unfilter(row, above);
                    colours.Unpack(row.AsSpan(1), samples);
                    read(pass.Y + (i * pass.Dy), pass.X, pass.Dx, samples);
                    (row, above) = (above, row);
                }
            }
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException)
        {
            throw new VitrineException($"{name}: the PNG picture is broken or truncated ({e.Message}).", e);
        }
    }

    /// <remarks>Filters 0 to 4: none, left, up, their mean, Paeth's pick. A byte's left neighbour is one whole pixel away.</remarks>
    private void Unfilter(Span<byte> row, ReadOnlySpan<byte> above)
    {
        var (filter, pixel) = (row[0], colours.BytesOf(1));
        if (filter > 4)
        {
            throw new VitrineException($"{name}: the PNG picture is broken (filter {filter}; expected 0 to 4).");
        }

        for (var i = 1; filter > 0 && i < row.Length; i++)
        {
            int left = i > pixel ? row[i - pixel] : 0, up = above[i], corner = i > pixel ? above[i - pixel] : 0;
            row[i] += (byte)(filter switch
            {
                1 => left,
                2 => up,
                3 => (left + up) / 2,
                _ => Paeth(left, up, corner),
            });
        }
    }

    private static int Paeth(int left, int up, int corner)
    {
        var (toLeft, toUp, toCorner) = (Math.Abs(up - corner), Math.Abs(left - corner), Math.Abs(left + up - (2 * corner)));
        return toLeft <= toUp && toLeft <= toCorner ? left : toUp <= toCorner ? up : corner;
    }
}
