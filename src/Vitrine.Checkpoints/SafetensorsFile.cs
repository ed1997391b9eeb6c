using static TorchSharp.torch;

namespace Vitrine.Checkpoints;

/// <summary>A memory-mapped safetensors file. What the processor can read as it lies is not copied.</summary>
/// <remarks>
/// Tensors that were read stay valid after the file object is disposed. Formats that libtorch lacks are widened: U16 to int32, U32 and U64 to int64
/// (a U64 above 2^63 is refused), the 8-bit floats to float32. A tensor that does not begin at a multiple of its element size, as the format allows, is copied.
/// </remarks>
public sealed class SafetensorsFile : ITensorFile
{
    private readonly MappedFile mapped;

    private SafetensorsFile(string path, long length, SafetensorsHeader header)
    {
        (Path, Tensors, Metadata) = (path, header.Tensors, header.Metadata);
        mapped = new MappedFile(path, length);
    }

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

    /// <summary>Writes tensors that are all at hand; see <see cref="SafetensorsWriter"/> for those that come one by one.</summary>
    /// <exception cref="VitrineException">The file cannot be written, or a tensor has no format in files.</exception>
    public static void Save(string path, IReadOnlyDictionary<string, Tensor> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        using var writer = SafetensorsWriter.Create(path, [.. tensors.Select(t => TensorPlan.Of(t.Key, t.Value))], metadata);
        foreach (var (name, tensor) in tensors)
        {
            writer.Write(name, tensor);
        }

        writer.Finish();
    }

    /// <summary>One tensor, owned by the caller, not to be written in place.</summary>
    /// <exception cref="VitrineException">The file lacks it.</exception>
    public Tensor Read(string name) => mapped.Read(Entry(name));

    /// <summary>One tensor's bytes, copied.</summary>
    /// <exception cref="VitrineException">The file lacks it, or it is larger than an array can be.</exception>
    public byte[] ReadBytes(string name)
    {
        var entry = Entry(name);
        if (entry.ByteCount > Array.MaxLength)
        {
            throw new VitrineException($"{Path}: tensor '{name}' has {entry.ByteCount} bytes, more than one array holds.");
        }

        using var stream = File.OpenRead(Path);
        stream.Position = entry.Begin;
        var bytes = new byte[entry.ByteCount];
        stream.ReadExactly(bytes);
        return bytes;
    }

    /// <inheritdoc/>
    public void Dispose() => mapped.Dispose();

    private TensorEntry Entry(string name) => Tensors.TryGetValue(name, out var entry) ? entry : throw new VitrineException($"{Path}: has no tensor '{name}'.");
}
