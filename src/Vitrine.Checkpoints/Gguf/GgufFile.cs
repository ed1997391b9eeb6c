using static TorchSharp.torch;

namespace Vitrine.Checkpoints.Gguf;

/// <summary>A GGUF file: metadata, and tensors as ggml's reference dequantises them.</summary>
/// <remarks>What is stored in a format of libtorch is not copied; quantised tensors become float32, on all cores.</remarks>
public sealed class GgufFile : IDisposable
{
    private readonly MappedFile mapped;

    private GgufFile(string path, long length, GgufHeader header)
    {
        (Path, Version, Metadata, Tensors) = (path, header.Version, header.Metadata, header.Tensors);
        mapped = new MappedFile(path, length);
    }

    /// <summary>Where it lies.</summary>
    public string Path { get; }

    /// <summary>2 or 3.</summary>
    public int Version { get; }

    /// <summary>Keys and values: configuration, tokenizer, authorship.</summary>
    public GgufMetadata Metadata { get; }

    /// <summary>Every tensor by the name in the file.</summary>
    public IReadOnlyDictionary<string, GgufTensor> Tensors { get; }

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
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1 << 16);
            return new GgufFile(path, stream.Length, GgufHeader.Read(stream, path, stream.Length));
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
    public Tensor Read(string name)
    {
        if (!Tensors.TryGetValue(name, out var tensor))
        {
            throw new VitrineException($"{Path}: has no tensor '{name}'.");
        }

        return tensor.Type.IsQuantised()
            ? Dequantiser.Read(Path, tensor)
            : mapped.Read(new TensorEntry(name, tensor.Type.Held(), tensor.Shape, tensor.Begin, tensor.ByteCount));
    }

    /// <inheritdoc/>
    public void Dispose() => mapped.Dispose();
}
