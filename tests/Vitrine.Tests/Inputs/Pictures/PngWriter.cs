using System.Buffers.Binary;
using System.IO.Compression;

namespace Vitrine.Tests.Inputs.Pictures;

/// <summary>Writes PNG files of every kind, to hold the reader against: any depth, any colour type, any filter, interlaced or not.</summary>
internal static class PngWriter
{
    private static readonly (int X, int Y, int Dx, int Dy)[] Adam7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
        (0, 1, 1, 2)];

    public static int ChannelsOf(int type) => type switch { 0 or 3 => 1, 4 => 2, 2 => 3, _ => 4 };

    /// <param name="samples">height x width x channels numbers of the given depth.</param>
    /// <param name="filter">0 to 4 for every row.</param>
    public static byte[] Write(
        int width, int height, int depth, int type, int[] samples, int filter, bool interlaced, params (string Type, byte[] Data)[] extra)
    {
        var channels = ChannelsOf(type);
        using var raw = new MemoryStream();
        foreach (var (x0, y0, dx, dy) in interlaced ? Adam7 : [(0, 0, 1, 1)])
        {
            byte[]? above = null;
            for (var y = y0; y < height && x0 < width; y += dy)
            {
                var row = Pack([.. Enumerable.Range(0, (width - x0 + dx - 1) / dx)
                    .SelectMany(i => samples.Skip(((y * width) + x0 + (i * dx)) * channels).Take(channels))], depth);
                raw.WriteByte((byte)filter);
                raw.Write(Filtered(row, above ?? new byte[row.Length], filter, Math.Max(1, channels * depth / 8)));
                above = row;
            }
        }

        using var packed = new MemoryStream();
        using (var zlib = new ZLibStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            zlib.Write(raw.ToArray());
        }

        var header = Header(width, height, depth, type, interlaced);
        return File([("IHDR", header), .. extra, ("IDAT", packed.ToArray()[..5]), ("IDAT", packed.ToArray()[5..]), ("IEND", [])]);
    }

    public static byte[] Header(int width, int height, int depth, int type, bool interlaced)
    {
        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        (header[8], header[9], header[12]) = ((byte)depth, (byte)type, (byte)(interlaced ? 1 : 0));
        return header;
    }

    public static byte[] File(params (string Type, byte[] Data)[] chunks)
        => [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, .. chunks.SelectMany(c => Chunk(c.Type, c.Data))];

    private static byte[] Chunk(string type, byte[] data)
    {
        byte[] body = [.. System.Text.Encoding.Latin1.GetBytes(type), .. data];
        var (length, sum) = (new byte[4], new byte[4]);
        BinaryPrimitives.WriteInt32BigEndian(length, data.Length);
        BinaryPrimitives.WriteUInt32BigEndian(sum, Checksum(body));
        return [.. length, .. body, .. sum];
    }

    private static uint Checksum(byte[] bytes)
    {
        var sum = uint.MaxValue;
        foreach (var value in bytes)
        {
            sum ^= value;
            for (var bit = 0; bit < 8; bit++)
            {
                sum = (sum & 1) == 1 ? 0xEDB88320 ^ (sum >> 1) : sum >> 1;
            }
        }

        return ~sum;
    }

    private static byte[] Pack(int[] samples, int depth)
    {
        var row = new byte[((samples.Length * depth) + 7) / 8];
        for (var i = 0; i < samples.Length; i++)
        {
            for (var bit = 0; bit < depth; bit++)
            {
                var at = (i * depth) + bit;
                row[at / 8] |= (byte)(((samples[i] >> (depth - 1 - bit)) & 1) << (7 - (at % 8)));
            }
        }

        return row;
    }

    private static byte[] Filtered(byte[] row, byte[] above, int filter, int pixel)
        => [.. row.Select((value, i) =>
        {
            int left = i >= pixel ? row[i - pixel] : 0, up = above[i], corner = i >= pixel ? above[i - pixel] : 0;
            var (toLeft, toUp, toCorner) = (Math.Abs(up - corner), Math.Abs(left - corner), Math.Abs(left + up - (2 * corner)));
            var paeth = toLeft <= toUp && toLeft <= toCorner ? left : toUp <= toCorner ? up : corner;
            return (byte)(value - (filter switch { 1 => left, 2 => up, 3 => (left + up) / 2, 4 => paeth, _ => 0 }));
        })];
}
