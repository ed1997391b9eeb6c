using Vitrine.Checkpoints;
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
            using var stream = new MemoryStream(bytes.ToArray(), writable: false);
            header = NpyHeader.Read(stream, bytes.Length, "array");
        }
        catch (VitrineException e)
        {
            throw new WireException(e.Message);
        }

        var dtype = Of(header.Dtype, header.BigEndian);
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
        var head = NpyHeader.Write(Dtypes.First(d => d.Wire == (array.Dtype with { BigEndian = false })).File, array.Dtype.BigEndian, false, array.Shape,
            "array");
        return [.. head, .. array.Data.Span];
    }

    private static readonly (Dtype File, WireDtype Wire)[] Dtypes =
    [
        (Dtype.Bool, new('b', 1)), (Dtype.I8, new('i', 1)), (Dtype.I16, new('i', 2)), (Dtype.I32, new('i', 4)), (Dtype.I64, new('i', 8)),
        (Dtype.U8, new('u', 1)), (Dtype.U16, new('u', 2)), (Dtype.U32, new('u', 4)), (Dtype.U64, new('u', 8)),
        (Dtype.F16, new('f', 2)), (Dtype.F32, new('f', 4)), (Dtype.F64, new('f', 8)),
    ];

    private static WireDtype Of(Dtype dtype, bool bigEndian)
        => Array.Find(Dtypes, d => d.File == dtype).Wire is { Size: > 0 } found
            ? found with { BigEndian = bigEndian && found.Size > 1 }
            : throw new WireException($"array: the dtype {dtype.Spelling()} is not read; arrays are of bool, int, uint or float.");

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
