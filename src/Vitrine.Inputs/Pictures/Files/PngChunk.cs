using System.Buffers.Binary;
using System.Text;

namespace Vitrine.Inputs.Pictures;

/// <summary>One chunk of a PNG file.</summary>
/// <param name="Type">Four letters; a capital first one means that no reader may pass over it.</param>
/// <param name="Data">Its content.</param>
internal sealed record PngChunk(string Type, ReadOnlyMemory<byte> Data)
{
    private static readonly uint[] Remainders = [.. Enumerable.Range(0, 256)
        .Select(n => Enumerable.Range(0, 8).Aggregate((uint)n, (c, _) => (c & 1) == 1 ? 0xEDB88320 ^ (c >> 1) : c >> 1))];

    /// <summary>All chunks up to the end mark.</summary>
    /// <exception cref="VitrineException">One is cut off, unknown and critical, or its checksum is wrong; or there is no end mark.</exception>
    public static IReadOnlyList<PngChunk> Split(byte[] bytes, string name)
    {
        var chunks = new List<PngChunk>();
        for (var at = 8; at + 12 <= bytes.Length;)
        {
            var length = BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(at));
            if (length > bytes.Length - at - 12)
            {
                throw new VitrineException($"{name}: the PNG picture is truncated: a chunk claims {length} bytes, {bytes.Length - at - 12} are left.");
            }

            var type = Encoding.Latin1.GetString(bytes, at + 4, 4);
            var critical = char.IsAsciiLetterUpper(type[0]);
            var end = at + 8 + (int)length;
            if (critical && type is not ("IHDR" or "PLTE" or "IDAT" or "IEND"))
            {
                throw new VitrineException($"{name}: the PNG picture has the unknown chunk {Uri.EscapeDataString(type)}, without which it cannot be shown.");
            }

            if (critical && Checksum(bytes.AsSpan(at + 4, 4 + (int)length)) != BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(end)))
            {
                throw new VitrineException($"{name}: the PNG picture is broken: the checksum of its chunk {type} is wrong.");
            }

            if (type == "IEND" && chunks.Count > 0)
            {
                return chunks;
            }

            chunks.Add(new PngChunk(type, bytes.AsMemory(at + 8, (int)length)));
            at = end + 4;
        }

        throw new VitrineException($"{name}: the PNG picture is truncated: its {bytes.Length} bytes have no end mark (IEND).");
    }

    /// <summary>Writes a chunk with its length and checksum.</summary>
    public static void Write(Stream stream, string type, ReadOnlySpan<byte> data)
    {
        var chunk = new byte[data.Length + 12];
        BinaryPrimitives.WriteUInt32BigEndian(chunk, (uint)data.Length);
        Encoding.Latin1.GetBytes(type, chunk.AsSpan(4));
        data.CopyTo(chunk.AsSpan(8));
        BinaryPrimitives.WriteUInt32BigEndian(chunk.AsSpan(data.Length + 8), Checksum(chunk.AsSpan(4, data.Length + 4)));
        stream.Write(chunk);
    }

    private static uint Checksum(ReadOnlySpan<byte> bytes)
    {
        var sum = uint.MaxValue;
        foreach (var value in bytes)
        {
            sum = Remainders[(byte)(sum ^ value)] ^ (sum >> 8);
        }

        return ~sum;
    }
}
