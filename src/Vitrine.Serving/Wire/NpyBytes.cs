using Vitrine.Checkpoints.Numpy;

namespace Vitrine.Serving.Wire;

/// <summary>Arrays as the bytes of a .npy file, as GR00T's messages carry them.</summary>
internal static class NpyBytes
{
    /// <summary>Reads an array; one in Fortran order is turned.</summary>
    /// <exception cref="WireException">It is broken, or holds no numbers.</exception>
    public static WireArray Read(ReadOnlyMemory<byte> bytes, WireLimits limits)
    {
        NpyHeader header;
        try
        {
            using var stream = new MemoryStream(bytes[..Math.Min(bytes.Length, NpyHeader.MostBytes)].ToArray(), writable: false);
            header = NpyHeader.Read(stream, bytes.Length, "array");
        }
        catch (VitrineException e)
        {
            throw new WireException(e.Message);
        }

        var dtype = WireDtype.Parse(NpyHeader.Code(header.Dtype, header.BigEndian, "array"), "array");
        var data = bytes[header.ByteCount..];
        if (header.FortranOrder && header.Shape.Count > 1)
        {
            data = Turned(new WireArray(dtype, [.. header.Shape.Reverse()], data, "array", limits), header.Shape);
        }

        return new WireArray(dtype, header.Shape, data, "array", limits);
    }

    /// <summary>The bytes of a file, version 1.</summary>
    public static byte[] Write(WireArray array)
    {
        var (dtype, bigEndian) = NpyHeader.Format(array.Dtype.ToString(), "array");
        return [.. NpyHeader.Write(dtype, bigEndian, false, array.Shape, "array"), .. array.Data.Span];
    }

    /// <summary>From the first axis fastest to the last.</summary>
    private static byte[] Turned(WireArray reversed, IReadOnlyList<long> shape)
    {
        var (size, to) = (reversed.Dtype.Size, new byte[reversed.Data.Length]);
        var from = reversed.Data.Span;
        var index = new long[shape.Count];
        for (var at = 0; at < reversed.Count; at++)
        {
            long place = 0;
            for (var axis = shape.Count - 1; axis >= 0; axis--)
            {
                place = (place * shape[axis]) + index[axis];
            }

            from.Slice((int)place * size, size).CopyTo(to.AsSpan(at * size));
            for (var axis = shape.Count - 1; axis >= 0 && ++index[axis] == shape[axis]; axis--)
            {
                index[axis] = 0;
            }
        }

        return to;
    }
}
