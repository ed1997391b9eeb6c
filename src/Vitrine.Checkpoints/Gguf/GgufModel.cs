using static TorchSharp.torch;

namespace Vitrine.Checkpoints.Gguf;

/// <summary>A GGUF file behind the face of a checkpoint: transformers' names, llama.cpp's changes undone.</summary>
/// <remarks>
/// A tensor whose name is unknown keeps the file's name, so that the family that loads it refuses it by that name. Llama 3's rotary factors are configuration,
/// not weights: see <see cref="GgufConfig"/>.
/// </remarks>
internal sealed class GgufModel : ITensorFile
{
    private readonly GgufFile file;
    private readonly Dictionary<string, GgufTensor> sources = new(StringComparer.Ordinal);
    private readonly Dictionary<string, TensorEntry> tensors = new(StringComparer.Ordinal);

    public GgufModel(GgufFile file)
    {
        this.file = file;
        var architecture = file.Architecture;
        if (!GgufTensorNames.Architectures.Contains(architecture))
        {
            throw new VitrineException(
                $"{file.Path}: the architecture '{architecture}' is not known; known are {string.Join(", ", GgufTensorNames.Architectures)}.");
        }

        foreach (var source in file.Tensors.Values.Where(t => t.Name != GgufConfig.RotaryFactors))
        {
            var name = GgufTensorNames.ToHuggingFace(architecture, source.Name) ?? source.Name;
            var shape = GgufTensorNames.RepairOf(architecture, source.Name) == GgufTensorNames.Repair.Transpose ? [.. source.Shape.Reverse()] : source.Shape;
            if (!sources.TryAdd(name, source))
            {
                throw new VitrineException($"{file.Path}: '{source.Name}' and '{sources[name].Name}' are both '{name}'.");
            }

            tensors.Add(name, new TensorEntry(name, source.Type.Held(), shape, source.Begin, source.ByteCount));
        }
    }

    public GgufFile File => file;

    public string Path => file.Path;

    public IReadOnlyList<string> Paths => file.Paths;

    public IReadOnlyDictionary<string, TensorEntry> Tensors => tensors;

    /// <remarks>
    /// Vectors, of float32 beside mapped blocks, are copied: another type is another mapping, which holds 64 kB of the file again for each of them.
    /// </remarks>
    public Tensor Read(string name)
    {
        var source = sources[name];
        var stored = file.Read(source.Name, copied: file.Tensors[source.Name].Shape.Count == 1);
        var repair = GgufTensorNames.RepairOf(file.Architecture, source.Name);
        if (repair == GgufTensorNames.Repair.None)
        {
            return stored;
        }

        using (stored)
        {
            return repair switch
            {
                GgufTensorNames.Repair.QueryRows => GgufTensorNames.UndoPermutation(stored, Heads("attention.head_count")),
                GgufTensorNames.Repair.KeyRows => GgufTensorNames.UndoPermutation(stored, Heads("attention.head_count_kv", "attention.head_count")),
                GgufTensorNames.Repair.NormMinusOne => MinusOne(stored),
                _ => Transposed(stored),
            };
        }
    }

    /// <remarks>What llama.cpp transposed lies as products read it, [out, in]; the rows that it paired are put in order where they are read.</remarks>
    public (Tensor Bytes, BlockRows Rows)? ReadRows(string name)
    {
        var source = sources[name];
        return file.ReadRows(source.Name) is not { } read ? null : GgufTensorNames.RepairOf(file.Architecture, source.Name) switch
        {
            GgufTensorNames.Repair.QueryRows => Paired(source.Name, read, Heads("attention.head_count")),
            GgufTensorNames.Repair.KeyRows => Paired(source.Name, read, Heads("attention.head_count_kv", "attention.head_count")),
            _ => read,
        };
    }

    public bool HasRows(string name) => file.HasRows(sources[name].Name);

    public void Dispose() => file.Dispose();

    private (Tensor Bytes, BlockRows Rows) Paired(string name, (Tensor Bytes, BlockRows Rows) read, int heads)
    {
        var rows = read.Bytes.shape[0];
        if (rows % (2L * heads) == 0)
        {
            return (read.Bytes, read.Rows with { PairedHeadWidth = (int)(rows / heads) });
        }

        read.Bytes.Dispose();
        throw new VitrineException($"{Path}: '{name}' has {rows} rows, which do not divide into {heads} heads of pairs.");
    }

    private int Heads(string key, string? otherwise = null)
    {
        var prefix = $"{file.Architecture}.";
        var heads = file.Metadata.Integer(otherwise is null || file.Metadata.Contains(prefix + key) ? prefix + key : prefix + otherwise);
        return heads is > 0 and <= int.MaxValue ? (int)heads : throw new VitrineException($"{file.Path}: {prefix}{key} is {heads}.");
    }

    private static Tensor MinusOne(Tensor stored)
    {
        using var one = ones_like(stored);
        return stored.sub(one);
    }

    private static Tensor Transposed(Tensor stored)
    {
        using var view = stored.t();
        return view.contiguous();
    }
}
