using System.Buffers.Binary;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Vitrine.Checkpoints;

/// <summary>Number formats of files to the types that libtorch computes with, and back, piece by piece.</summary>
/// <remarks>
/// Formats that libtorch lacks are widened: U16 to int32, U32 and U64 to int64 (a U64 above 2^63 is refused), the 8-bit floats to float32.
/// Pieces are small: a tensor is never held a second time.
/// </remarks>
internal static class Elements
{
    private const int Piece = 1 << 20;

    /// <summary>The type in which a format is held.</summary>
    public static ScalarType TypeOf(Dtype dtype) => dtype switch
    {
        Dtype.Bool => ScalarType.Bool,
        Dtype.U8 => ScalarType.Byte,
        Dtype.I8 => ScalarType.Int8,
        Dtype.I16 => ScalarType.Int16,
        Dtype.F16 => ScalarType.Float16,
        Dtype.BF16 => ScalarType.BFloat16,
        Dtype.I32 or Dtype.U16 => ScalarType.Int32,
        Dtype.C64 => ScalarType.ComplexFloat32,
        Dtype.F64 => ScalarType.Float64,
        Dtype.I64 or Dtype.U32 or Dtype.U64 => ScalarType.Int64,
        _ => ScalarType.Float32,
    };

    /// <summary>Whether libtorch holds the format as the file does.</summary>
    public static bool IsNative(Dtype dtype) => dtype is not (Dtype.U16 or Dtype.U32 or Dtype.U64 or Dtype.F8E5M2 or Dtype.F8E4M3 or Dtype.F8E8M0);

    /// <summary>The format that holds a type exactly.</summary>
    public static Dtype FormatOf(ScalarType type, string what) => type switch
    {
        ScalarType.Bool => Dtype.Bool,
        ScalarType.Byte => Dtype.U8,
        ScalarType.Int8 => Dtype.I8,
        ScalarType.Int16 => Dtype.I16,
        ScalarType.Float16 => Dtype.F16,
        ScalarType.BFloat16 => Dtype.BF16,
        ScalarType.Int32 => Dtype.I32,
        ScalarType.Float32 => Dtype.F32,
        ScalarType.ComplexFloat32 => Dtype.C64,
        ScalarType.Float64 => Dtype.F64,
        ScalarType.Int64 => Dtype.I64,
        _ => throw new VitrineException($"{what} is {type}, which has no format in files."),
    };

    /// <summary>Reads a tensor from where the stream stands; the caller has checked that the file is large enough for it.</summary>
    /// <param name="what">The file and the tensor, for errors.</param>
    /// <returns>A new tensor, the caller's.</returns>
    public static Tensor Read(Stream stream, Dtype dtype, bool bigEndian, ReadOnlySpan<long> shape, string what)
    {
        var tensor = empty(shape.ToArray(), TypeOf(dtype));
        try
        {
            var (from, to) = (dtype.Size(), (int)tensor.element_size());
            var asItLies = IsNative(dtype) && (!bigEndian || from == 1);
            var buffer = asItLies ? [] : new byte[(int)Math.Min(Piece, tensor.numel() * from)];
            foreach (var target in TensorMemory.Pieces(tensor, Piece / 8 * to))
            {
                var span = target.Span;
                if (asItLies)
                {
                    stream.ReadExactly(span);
                    continue;
                }

                var source = buffer.AsSpan(0, span.Length / to * from);
                stream.ReadExactly(source);
                Decode(source, dtype, bigEndian, span, what);
            }

            return tensor;
        }
        catch
        {
            tensor.Dispose();
            throw;
        }
    }

    /// <summary>Writes a tensor where the stream stands.</summary>
    /// <exception cref="VitrineException">A value has no place in the format.</exception>
    public static void Write(Stream stream, Tensor tensor, Dtype dtype, bool bigEndian, string what)
    {
        if (tensor.dtype != TypeOf(dtype))
        {
            throw new VitrineException($"{what} is {tensor.dtype}; {dtype.Spelling()} is written from {TypeOf(dtype)}.");
        }

        using var scope = NewDisposeScope();
        var plain = tensor.detach().cpu().contiguous();
        var (from, to) = ((int)plain.element_size(), dtype.Size());
        var asItLies = IsNative(dtype) && (!bigEndian || to == 1);
        var buffer = asItLies ? [] : new byte[(int)Math.Min(Piece, plain.numel() * to)];
        foreach (var source in TensorMemory.Pieces(plain, Piece / 8 * from))
        {
            if (asItLies)
            {
                stream.Write(source.Span);
                continue;
            }

            var target = buffer.AsSpan(0, source.Span.Length / from * to);
            Encode(source.Span, dtype, bigEndian, target, what);
            stream.Write(target);
        }
    }

    private static void Decode(Span<byte> source, Dtype dtype, bool bigEndian, Span<byte> target, string what)
    {
        if (bigEndian)
        {
            Reverse(source, dtype, source);
        }

        switch (dtype)
        {
            case Dtype.U16:
                Each<ushort, int>(source, target, v => v);
                break;
            case Dtype.U32:
                Each<uint, long>(source, target, v => v);
                break;
            case Dtype.U64:
                Each<ulong, long>(
                    source, target, v => v <= long.MaxValue ? (long)v : throw new VitrineException($"{what} holds {v}, beyond a signed 64-bit number."));
                break;
            case Dtype.F8E5M2 or Dtype.F8E4M3 or Dtype.F8E8M0:
                var table = Float8.Values(dtype);
                Each<byte, float>(source, target, v => table[v]);
                break;
            default:
                source.CopyTo(target);
                break;
        }
    }

    private static void Encode(Span<byte> source, Dtype dtype, bool bigEndian, Span<byte> target, string what)
    {
        switch (dtype)
        {
            case Dtype.U16:
                Each<int, ushort>(source, target, v => v is >= 0 and <= ushort.MaxValue ? (ushort)v : throw Outside(v));
                break;
            case Dtype.U32:
                Each<long, uint>(source, target, v => v is >= 0 and <= uint.MaxValue ? (uint)v : throw Outside(v));
                break;
            case Dtype.U64:
                Each<long, ulong>(source, target, v => v >= 0 ? (ulong)v : throw Outside(v));
                break;
            case Dtype.F8E5M2 or Dtype.F8E4M3 or Dtype.F8E8M0:
                Each<float, byte>(source, target, v => Float8.TryEncode(dtype, v, out var code) ? code : throw Outside(v));
                break;
            default:
                source.CopyTo(target);
                break;
        }

        if (bigEndian)
        {
            Reverse(target, dtype, target);
        }

        VitrineException Outside(object value) => new(FormattableString.Invariant($"{what} holds {value}, which {dtype.Spelling()} cannot."));
    }

    private static void Each<TFrom, TTo>(Span<byte> source, Span<byte> target, Func<TFrom, TTo> convert) where TFrom : struct where TTo : struct
    {
        var from = MemoryMarshal.Cast<byte, TFrom>(source);
        var to = MemoryMarshal.Cast<byte, TTo>(target);
        for (var i = 0; i < from.Length; i++)
        {
            to[i] = convert(from[i]);
        }
    }

    private static void Reverse(Span<byte> source, Dtype dtype, Span<byte> target)
    {
        switch (dtype == Dtype.C64 ? 4 : dtype.Size())
        {
            case 2:
                BinaryPrimitives.ReverseEndianness(MemoryMarshal.Cast<byte, ushort>(source), MemoryMarshal.Cast<byte, ushort>(target));
                break;
            case 4:
                BinaryPrimitives.ReverseEndianness(MemoryMarshal.Cast<byte, uint>(source), MemoryMarshal.Cast<byte, uint>(target));
                break;
            case 8:
                BinaryPrimitives.ReverseEndianness(MemoryMarshal.Cast<byte, ulong>(source), MemoryMarshal.Cast<byte, ulong>(target));
                break;
        }
    }
}
