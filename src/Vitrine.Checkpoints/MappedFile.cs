using static TorchSharp.torch;

namespace Vitrine.Checkpoints;

/// <summary>A file as tensors that look into it: what libtorch holds as the file does is not copied, unless it lies askew.</summary>
/// <remarks>Tensors that were read stay valid after this object is disposed: their storage keeps the mapping.</remarks>
internal sealed class MappedFile(string path, long length) : IDisposable
{
    private readonly List<Tensor> mappings = [];
    private readonly Lock gate = new();

    /// <summary>Where it lies.</summary>
    public string Path => path;

    /// <summary>Bytes of the file.</summary>
    public long Length => length;

    /// <summary>A tensor in C order.</summary>
    public Tensor Read(TensorEntry entry)
    {
        if (!LiesReady(entry))
        {
            return Copied(entry);
        }

        using var scope = NewDisposeScope();
        var size = entry.Dtype.Size();
        return Mapping(Elements.TypeOf(entry.Dtype), size).narrow(0, entry.Begin / size, entry.ByteCount / size).view([.. entry.Shape])
            .MoveToOuterDisposeScope();
    }

    /// <summary>The same in memory of its own.</summary>
    public Tensor Copied(TensorEntry entry)
    {
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0) { Position = entry.Begin };
            return Elements.Read(stream, entry.Dtype, bigEndian: false, [.. entry.Shape], $"{path}: tensor '{entry.Name}'");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VitrineException($"{path}: tensor '{entry.Name}' cannot be read ({e.Message}).", e);
        }
    }

    /// <summary>A view with strides into a stretch of the file.</summary>
    /// <param name="stretch">One axis; the view must not leave it.</param>
    /// <param name="shape">Of the view.</param>
    /// <param name="strides">In elements.</param>
    /// <param name="offset">In elements from the stretch's beginning.</param>
    public Tensor Strided(TensorEntry stretch, long[] shape, long[] strides, long offset)
    {
        using var scope = NewDisposeScope();
        var size = stretch.Dtype.Size();
        return (LiesReady(stretch)
            ? Mapping(Elements.TypeOf(stretch.Dtype), size).as_strided(shape, strides, (stretch.Begin / size) + offset)
            : Copied(stretch).as_strided(shape, strides, offset)).MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        mappings.ForEach(m => m.Dispose());
        mappings.Clear();
    }

    private static bool LiesReady(TensorEntry entry)
        => Elements.IsNative(entry.Dtype) && entry.ByteCount > 0 && entry.Begin % entry.Dtype.Size() == 0 && BitConverter.IsLittleEndian;

    /// <remarks>The whole file as one tensor of a type, made once.</remarks>
    private Tensor Mapping(ScalarType type, int size)
    {
        lock (gate)
        {
            if (mappings.Find(m => m.dtype == type) is { } mapped)
            {
                return mapped;
            }

            var mapping = from_file(path, shared: false, size: length / size, dtype: type).DetachFromDisposeScope();
            mappings.Add(mapping);
            return mapping;
        }
    }
}
