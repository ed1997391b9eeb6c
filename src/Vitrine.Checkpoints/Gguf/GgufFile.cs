using static TorchSharp.torch;

namespace Vitrine.Checkpoints.Gguf;

/// <summary>A GGUF file: metadata, and tensors as ggml's reference dequantises them.</summary>
/// <remarks>
/// What is stored in a format of libtorch is not copied; quantised tensors become float32, on all cores. The first part of a split model
/// (<c>-00001-of-0000N.gguf</c>) opens all of them.
/// </remarks>
public sealed class GgufFile : IDisposable
{
    private readonly MappedFile[] mapped;
    private readonly Dictionary<string, GgufTensor> tensors = new(StringComparer.Ordinal);
    private readonly Dictionary<string, MappedFile> mappedOf = new(StringComparer.Ordinal);

    private GgufFile(string path, GgufHeader header, IReadOnlyList<GgufPart> parts)
    {
        (Path, Version, Metadata, Paths) = (path, header.Version, header.Metadata, [.. parts.Select(p => p.Path)]);
        mapped = [.. parts.Select(p => new MappedFile(p.Path, p.Length))];
        for (var i = 0; i < parts.Count; i++)
        {
            foreach (var tensor in parts[i].Tensors.Values)
            {
                (tensors[tensor.Name], mappedOf[tensor.Name]) = (tensor, mapped[i]);
            }
        }
    }

    /// <summary>Its files, in order: one, or the parts of a split model.</summary>
    internal IReadOnlyList<string> Paths { get; }

    /// <summary>Where it lies.</summary>
    public string Path { get; }

    /// <summary>2 or 3.</summary>
    public int Version { get; }

    /// <summary>Keys and values: configuration, tokenizer, authorship.</summary>
    public GgufMetadata Metadata { get; }

    /// <summary>Every tensor by the name in the file.</summary>
    public IReadOnlyDictionary<string, GgufTensor> Tensors => tensors;

    /// <summary><c>general.architecture</c>: <c>llama</c>, <c>gemma2</c>, <c>controlvector</c>, ...</summary>
    /// <exception cref="VitrineException">The key is missing.</exception>
    public string Architecture => Metadata.Text("general.architecture");

    /// <summary>Opens a file and checks its head whole.</summary>
    /// <exception cref="VitrineException">It cannot be read, or its head is broken: what was found and what was expected are named.</exception>
    public static GgufFile Open(string path)
    {
        if (Directory.Exists(path))
        {
            throw new VitrineException($"{path}: is a folder; expected a .gguf file.");
        }

        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
            var header = GgufHeader.Read(stream, path, stream.Length);
            return new GgufFile(path, header, GgufPart.All(path, stream.Length, header));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VitrineException($"{path}: cannot be read ({e.Message}).", e);
        }
    }

    /// <summary>
    /// One tensor as stored, owned by the caller, not to be written in place. See <see cref="GgufTensorNames"/> for what llama.cpp changed in it.
    /// </summary>
    /// <exception cref="VitrineException">The file lacks it.</exception>
    public Tensor Read(string name) => Read(name, copied: false);

    /// <summary>The same.</summary>
    /// <param name="name">In the file.</param>
    /// <param name="copied">Whether it lies in memory of its own, and no page of the file comes into memory for it.</param>
    internal Tensor Read(string name, bool copied)
    {
        if (!Tensors.TryGetValue(name, out var tensor))
        {
            throw new VitrineException($"{Path}: has no tensor '{name}'.");
        }

        if (tensor.Type.IsQuantised())
        {
            return Dequantiser.Read(mappedOf[name].Path, tensor);
        }

        var entry = new TensorEntry(name, tensor.Type.Held(), tensor.Shape, tensor.Begin, tensor.ByteCount);
        return copied ? mappedOf[name].Copied(entry) : mappedOf[name].Read(entry);
    }

    /// <summary>The bytes of a matrix that can stay as it lies, row by row (rows, row bytes), mapped; null for another. Owned by the caller.</summary>
    internal (Tensor Bytes, BlockRows Rows)? ReadRows(string name)
    {
        if (!HasRows(name))
        {
            return null;
        }

        var tensor = Tensors[name];
        var rows = new BlockRows(tensor.Type, tensor.Shape[1]);
        return (mappedOf[name].Read(new TensorEntry(name, Dtype.U8, [tensor.Shape[0], rows.RowBytes], tensor.Begin, tensor.ByteCount)), rows);
    }

    /// <summary>Whether <see cref="ReadRows"/> gives a matrix.</summary>
    internal bool HasRows(string name)
        => Tensors.TryGetValue(name, out var tensor) && tensor.Shape is [> 0, var columns] && BlockRows.Suits(tensor.Type, columns);

    /// <inheritdoc/>
    public void Dispose() => Array.ForEach(mapped, m => m.Dispose());
}
