using System.Buffers.Binary;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Vitrine.Checkpoints;

/// <summary>A memory-mapped safetensors file. What the processor can read as it lies is not copied.</summary>
/// <remarks>
/// Tensors that were read stay valid after the file object is disposed. Formats that libtorch lacks are widened: U16 to int32, U32 and U64 to int64
/// (a U64 above 2^63 is refused), the 8-bit floats to float32.
/// </remarks>
public sealed class SafetensorsFile : IDisposable
{
    private readonly long length;
    private readonly Dictionary<ScalarType, Tensor> mappings = [];
    private readonly Lock gate = new();

    private SafetensorsFile(string path, long length, SafetensorsHeader header) => (Path, this.length, Tensors, Metadata) = (path, length, header.Tensors, header.Metadata);

    /// <summary>Where it lies.</summary>
    public string Path { get; }

    /// <summary>Every tensor by name.</summary>
    public IReadOnlyDictionary<string, TensorEntry> Tensors { get; }

    /// <summary>The header's <c>__metadata__</c>.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Opens a file and checks its header whole.</summary>
    /// <exception cref="VitrineException">It cannot be read, or its header is broken: the tensor, what was found and what was expected are named.</exception>
    public static SafetensorsFile Open(string path)
    {
        try
        {
            using var stream = File.OpenRead(path);
            return new SafetensorsFile(path, stream.Length, SafetensorsHeader.Read(stream, path, stream.Length));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VitrineException($"{path}: cannot be read ({e.Message}).", e);
        }
    }

    /// <summary>One tensor, owned by the caller, not to be written in place.</summary>
    /// <exception cref="VitrineException">The file lacks it.</exception>
    public Tensor Read(string name)
    {
        var entry = Entry(name);
        if (Native(entry.Dtype) is not { } type)
        {
            return Widened(entry);
        }

        var size = entry.Dtype.Size();
        if (entry.Begin % size != 0 || entry.ByteCount == 0 || !BitConverter.IsLittleEndian)
        {
            return Copied(entry, type);
        }

        using var scope = NewDisposeScope();
        return Mapping(type, size).narrow(0, entry.Begin / size, entry.ByteCount / size).view([.. entry.Shape]).MoveToOuterDisposeScope();
    }

    /// <summary>One tensor's bytes, copied.</summary>
    /// <exception cref="VitrineException">The file lacks it.</exception>
    public byte[] ReadBytes(string name)
    {
        var entry = Entry(name);
        using var stream = File.OpenRead(Path);
        stream.Position = entry.Begin;
        var bytes = new byte[entry.ByteCount];
        stream.ReadExactly(bytes);
        return bytes;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var mapping in mappings.Values)
        {
            mapping.Dispose();
        }

        mappings.Clear();
    }

    private TensorEntry Entry(string name) => Tensors.TryGetValue(name, out var entry) ? entry : throw new VitrineException($"{Path}: has no tensor '{name}'.");

    /// <remarks>The whole file as one tensor of a format; its storage keeps the mapping alive for as long as a tensor looks into it.</remarks>
    private Tensor Mapping(ScalarType type, int size)
    {
        lock (gate)
        {
            if (!mappings.TryGetValue(type, out var mapping))
            {
                mappings[type] = mapping = from_file(Path, shared: false, size: length / size, dtype: type).DetachFromDisposeScope();
            }

            return mapping;
        }
    }

    private Tensor Copied(TensorEntry entry, ScalarType type)
    {
        var copy = empty([.. entry.Shape], type);
        if (entry.ByteCount > 0)
        {
            copy.bytes = ReadBytes(entry.Name);
        }

        return copy;
    }

    private Tensor Widened(TensorEntry entry)
    {
        var bytes = ReadBytes(entry.Name);
        long[] shape = [.. entry.Shape];
        return entry.Dtype switch
        {
            Dtype.U16 => tensor(MemoryMarshal.Cast<byte, ushort>(bytes).ToArray().Select(v => (int)v).ToArray(), shape),
            Dtype.U32 => tensor(MemoryMarshal.Cast<byte, uint>(bytes).ToArray().Select(v => (long)v).ToArray(), shape),
            Dtype.U64 => tensor(MemoryMarshal.Cast<byte, ulong>(bytes).ToArray().Select(v => Signed(entry, v)).ToArray(), shape),
            Dtype.F8E5M2 => tensor(bytes.Select(b => (float)BinaryPrimitives.ReadHalfLittleEndian([0, b])).ToArray(), shape),
            Dtype.F8E4M3 => tensor(bytes.Select(E4M3).ToArray(), shape),
            Dtype.F8E8M0 => tensor(bytes.Select(b => b == 255 ? float.NaN : MathF.ScaleB(1, b - 127)).ToArray(), shape),
            _ => throw new VitrineException($"{Path}: tensor '{entry.Name}' is {entry.Dtype.Spelling()}, which is not read."),
        };
    }

    private long Signed(TensorEntry entry, ulong value)
        => value <= long.MaxValue ? (long)value : throw new VitrineException($"{Path}: tensor '{entry.Name}' holds {value}, beyond a signed 64-bit number.");

    /// <remarks>Sign, 4 exponent bits of bias 7, 3 mantissa bits; all ones is NaN (Micikevicius et al. 2022).</remarks>
    private static float E4M3(byte b)
    {
        var (sign, exponent, mantissa) = (b >> 7 == 0 ? 1f : -1f, (b >> 3) & 15, b & 7);
        return (b & 0x7f) == 0x7f ? float.NaN
            : exponent == 0 ? sign * MathF.ScaleB(mantissa / 8f, -6)
            : sign * MathF.ScaleB(1 + (mantissa / 8f), exponent - 7);
    }

    private static ScalarType? Native(Dtype dtype) => dtype switch
    {
        Dtype.Bool => ScalarType.Bool,
        Dtype.U8 => ScalarType.Byte,
        Dtype.I8 => ScalarType.Int8,
        Dtype.I16 => ScalarType.Int16,
        Dtype.F16 => ScalarType.Float16,
        Dtype.BF16 => ScalarType.BFloat16,
        Dtype.I32 => ScalarType.Int32,
        Dtype.F32 => ScalarType.Float32,
        Dtype.C64 => ScalarType.ComplexFloat32,
        Dtype.F64 => ScalarType.Float64,
        Dtype.I64 => ScalarType.Int64,
        _ => null,
    };
}
