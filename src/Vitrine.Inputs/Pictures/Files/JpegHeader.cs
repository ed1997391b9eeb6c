using System.Buffers.Binary;

namespace Vitrine.Inputs.Pictures;

/// <summary>What a JPEG file says of itself before any pixel: looked at before anything is allocated.</summary>
/// <param name="Width">Pixels in a row.</param>
/// <param name="Height">Rows.</param>
/// <param name="Orientation">EXIF, 1 to 8; 1 is as stored.</param>
internal sealed record JpegHeader(int Width, int Height, int Orientation)
{
    /// <summary>A block of 8 x 8 pixels takes at least one bit.</summary>
    private const long MostPixelsOfByte = 8 * 8 * 8;

    public static bool IsJpeg(ReadOnlySpan<byte> bytes) => bytes.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xD8, 0xFF]);

    /// <exception cref="VitrineException">There is no frame header, or its size is none or too large.</exception>
    public static JpegHeader Parse(ReadOnlySpan<byte> bytes, string name)
    {
        var (at, orientation) = (2, 1);
        while (at + 4 <= bytes.Length && bytes[at] == 0xFF)
        {
            var marker = bytes[at + 1];
            if (marker is 0xFF or 0x01 or (>= 0xD0 and <= 0xD8))
            {
                // Fill bytes and markers without a body.
                at += marker == 0xFF ? 1 : 2;
                continue;
            }

            var length = BinaryPrimitives.ReadUInt16BigEndian(bytes[(at + 2)..]);
            if (length < 2 || length > bytes.Length - at - 2 || marker is 0xD9 or 0xDA)
            {
                break;
            }

            var body = bytes.Slice(at + 4, length - 2);
            if (marker == 0xE1 && body.StartsWith("Exif\0\0"u8))
            {
                orientation = ExifOrientation.Of(body[6..]);
            }
            else if (marker is >= 0xC0 and <= 0xCF and not (0xC4 or 0xC8 or 0xCC) && body.Length >= 6)
            {
                var (height, width) = (BinaryPrimitives.ReadUInt16BigEndian(body[1..]), BinaryPrimitives.ReadUInt16BigEndian(body[3..]));
                Picture.RequireSize(name, width, height);
                if ((long)width * height > bytes.Length * MostPixelsOfByte)
                {
                    throw new VitrineException(
                        $"{name}: the JPEG picture claims {width} x {height} pixels; its {bytes.Length} bytes cannot hold them. Is it truncated?");
                }

                return new JpegHeader(width, height, orientation);
            }

            at += 2 + length;
        }

        throw new VitrineException($"{name}: the JPEG picture is broken or truncated: no frame header in {bytes.Length} bytes.");
    }
}
