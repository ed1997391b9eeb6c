using static TorchSharp.torch;

namespace Vitrine.Checkpoints.Numpy;

/// <summary>How an array is laid down in a .npy file.</summary>
public sealed record NpyLayout
{
    /// <summary>Little-endian, C order, the tensor's own number format.</summary>
    public static NpyLayout Default { get; } = new();

    /// <summary>
    /// Number format; the one that holds the tensor's type exactly where null. An unsigned one is written from the wider signed type in which it is read.
    /// </summary>
    public Dtype? Dtype { get; init; }

    /// <summary>Whether the bytes of a number are reversed.</summary>
    public bool BigEndian { get; init; }

    /// <summary>Whether the first axis runs fastest.</summary>
    public bool FortranOrder { get; init; }
}

/// <summary>numpy's .npy files: one array of numbers.</summary>
/// <remarks>
/// Both byte orders and both axis orders; bool, signed and unsigned integers of 1 to 8 bytes, floats of 2 to 8 bytes, complex of two singles. Arrays of Python
/// objects are refused: nothing is unpickled.
/// </remarks>
public static class NpyFile
{
    /// <summary>Reads a file.</summary>
    /// <returns>In C order, the caller's. Unsigned 16, 32 and 64-bit numbers are widened to int32 and int64.</returns>
    /// <exception cref="VitrineException">It cannot be read, is broken, or holds what is no array of numbers.</exception>
    public static Tensor Read(string path)
    {
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
            return Read(stream, stream.Length, path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VitrineException($"{path}: cannot be read ({e.Message}).", e);
        }
    }

    /// <summary>Reads the bytes of a file, as they come over a wire.</summary>
    /// <param name="bytes">All of them.</param>
    /// <param name="what">What to call them in errors.</param>
    /// <returns>As <see cref="Read(string)"/>.</returns>
    /// <exception cref="VitrineException">They are broken, or hold what is no array of numbers.</exception>
    public static Tensor Read(byte[] bytes, string what)
    {
        ArgumentNullException.ThrowIfNull(bytes);
        using var stream = new MemoryStream(bytes, writable: false);
        return Read(stream, bytes.Length, what);
    }

    /// <summary>Writes a file whole or not at all.</summary>
    /// <exception cref="VitrineException">It cannot be written, numpy has no such number format, or a value has no place in it.</exception>
    public static void Write(string path, Tensor tensor, NpyLayout? layout = null)
        => AtomicFile.Write(path, temporary =>
        {
            using var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0);
            Write(stream, tensor, layout ?? NpyLayout.Default, path);
        });

    /// <summary>The bytes of a file.</summary>
    /// <exception cref="VitrineException">numpy has no such number format, or a value has no place in it.</exception>
    public static byte[] ToBytes(Tensor tensor, NpyLayout? layout = null)
    {
        using var stream = new MemoryStream();
        Write(stream, tensor, layout ?? NpyLayout.Default, "the array");
        return stream.ToArray();
    }

    internal static Tensor Read(Stream stream, long length, string what)
    {
        var header = NpyHeader.Read(stream, length, what);
        long[] shape = [.. header.Shape];
        if (!header.FortranOrder || shape.Length < 2)
        {
            return Elements.Read(stream, header.Dtype, header.BigEndian, shape, what);
        }

        // Fortran order is C order with the axes reversed.
        using var reversed = Elements.Read(stream, header.Dtype, header.BigEndian, [.. shape.Reverse()], what);
        using var view = reversed.permute(Reversed(shape.Length));
        return view.contiguous();
    }

    internal static void Write(Stream stream, Tensor tensor, NpyLayout layout, string what)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        var dtype = layout.Dtype ?? Elements.FormatOf(tensor.dtype, what);
        var shape = tensor.shape;
        var fortran = layout.FortranOrder && shape.Length > 1;
        stream.Write(NpyHeader.Write(dtype, layout.BigEndian, fortran, shape, what));
        using var view = fortran ? tensor.permute(Reversed(shape.Length)) : tensor.alias();
        Elements.Write(stream, view, dtype, layout.BigEndian, what);
    }

    private static long[] Reversed(int axes) => [.. Enumerable.Range(0, axes).Select(a => (long)(axes - 1 - a))];
}
