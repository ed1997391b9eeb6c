using System.Buffers.Binary;
using System.IO.Compression;

namespace Vitrine.Inputs.Pictures;

/// <summary>Pictures of one size, one after the other, as an animated PNG: browsers and viewers play it, and no pixel is lost.</summary>
/// <remarks>W3C PNG, third edition, sections 4.9 and 11.3.6. A reader that knows no animation shows the first picture.</remarks>
public static class AnimatedPng
{
    /// <summary>Writes a film.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="frames">In order, read one at a time; at least one.</param>
    /// <param name="count">How many there are.</param>
    /// <param name="milliseconds">How long each is shown.</param>
    /// <exception cref="VitrineException">There is none or another number, or they differ in size.</exception>
    public static void Write(Stream stream, IEnumerable<Picture> frames, int count, int milliseconds = 100)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(frames);
        ArgumentOutOfRangeException.ThrowIfLessThan(milliseconds, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(milliseconds, ushort.MaxValue);
        var (written, sequence, size) = (0, 0u, (Width: 0, Height: 0));
        foreach (var frame in frames)
        {
            if (written == 0)
            {
                size = (frame.Width, frame.Height);
                Begin(stream, size, count);
            }

            if ((frame.Width, frame.Height) != size)
            {
                throw new VitrineException(
                    $"animated PNG: frame {written} is {frame.Width} x {frame.Height}; the first is {size.Width} x {size.Height}, and all must be alike.");
            }

            PngChunk.Write(stream, "fcTL", Control(sequence++, size, milliseconds));
            var packed = Packed(frame);
            if (written++ == 0)
            {
                PngChunk.Write(stream, "IDAT", packed);
                continue;
            }

            var numbered = new byte[packed.Length + 4];
            BinaryPrimitives.WriteUInt32BigEndian(numbered, sequence++);
            packed.CopyTo(numbered, 4);
            PngChunk.Write(stream, "fdAT", numbered);
        }

        if (written == 0 || written != count)
        {
            throw new VitrineException($"animated PNG: {written} frames; expected {Math.Max(1, count)}.");
        }

        PngChunk.Write(stream, "IEND", []);
    }

    private static void Begin(Stream stream, (int Width, int Height) size, int count)
    {
        stream.Write(PngFile.Signature);
        var header = new byte[13];
        BinaryPrimitives.WriteUInt32BigEndian(header, (uint)size.Width);
        BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(4), (uint)size.Height);
        (header[8], header[9]) = (8, 2); // bits a colour, RGB
        PngChunk.Write(stream, "IHDR", header);
        var animation = new byte[8];
        BinaryPrimitives.WriteUInt32BigEndian(animation, (uint)count); // and 0 plays: for ever
        PngChunk.Write(stream, "acTL", animation);
    }

    /// <summary>The whole frame at the corner, shown for a time in thousandths of a second, drawn over what was there.</summary>
    private static byte[] Control(uint sequence, (int Width, int Height) size, int milliseconds)
    {
        var control = new byte[26];
        BinaryPrimitives.WriteUInt32BigEndian(control, sequence);
        BinaryPrimitives.WriteUInt32BigEndian(control.AsSpan(4), (uint)size.Width);
        BinaryPrimitives.WriteUInt32BigEndian(control.AsSpan(8), (uint)size.Height);
        BinaryPrimitives.WriteUInt16BigEndian(control.AsSpan(20), (ushort)milliseconds);
        BinaryPrimitives.WriteUInt16BigEndian(control.AsSpan(22), 1000);
        return control;
    }

    /// <summary>Rows as differences to the row above (filter 2), deflated.</summary>
    private static byte[] Packed(Picture picture)
    {
        var (stride, rgb) = (3 * picture.Width, picture.Rgb);
        using var packed = new MemoryStream();
        using (var deflated = new ZLibStream(packed, CompressionLevel.Optimal, leaveOpen: true))
        {
            var row = new byte[stride + 1];
            row[0] = 2;
            for (var at = 0; at < rgb.Length; at += stride)
            {
                for (var i = 0; i < stride; i++)
                {
                    row[i + 1] = (byte)(rgb[at + i] - (at == 0 ? 0 : rgb[at + i - stride]));
                }

                deflated.Write(row);
            }
        }

        return packed.ToArray();
    }
}
