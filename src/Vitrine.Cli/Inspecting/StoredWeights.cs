using Vitrine.Checkpoints;

namespace Vitrine.Cli.Inspecting;

/// <summary>Weights as the files hold them, and what they become in memory.</summary>
/// <param name="Count">Numbers, those that nobody reads included.</param>
/// <param name="Bytes">Of the tensors in the files.</param>
/// <param name="Formats">Number format to how many numbers are stored so, the commonest first.</param>
/// <param name="Auto">What the dtype policy <c>auto</c> computes in on this machine now.</param>
/// <param name="Memory">What they take in memory then.</param>
internal sealed record StoredWeights(
    long Count, long Bytes, IReadOnlyList<StoredFormat> Formats, TorchSharp.torch.ScalarType Auto, WeightMemory Memory)
{
    /// <summary>Reads the headers of a folder or .gguf file.</summary>
    public static StoredWeights Of(ModelLocation location)
    {
        using var checkpoint = Checkpoint.Open(location.Weights, location.AdapterFolder);
        (string Format, long Count, long Bytes)[] tensors = checkpoint.Gguf is { } gguf
            ? [.. gguf.Tensors.Values.Select(t => (t.Type.ToString(), Numbers(t.Shape), t.ByteCount))]
            : [.. checkpoint.Names.Select(checkpoint.Entry).Select(e => (e.Dtype.ToString(), Numbers(e.Shape), e.ByteCount))];
        var auto = DtypePolicy.Decide("auto", checkpoint, AvailableMemory.Read());
        return new StoredWeights(
            tensors.Sum(t => t.Count),
            tensors.Sum(t => t.Bytes),
            [.. tensors.GroupBy(t => t.Format).Select(g => new StoredFormat(g.Key, g.Sum(t => t.Count))).OrderByDescending(f => f.Count)
                .ThenBy(f => f.Format, StringComparer.Ordinal)],
            auto,
            DtypePolicy.MemoryOf(checkpoint, auto, AvailableMemory.Read));
    }

    private static long Numbers(IReadOnlyList<long> shape) => shape.Aggregate(1L, (a, s) => a * s);
}

/// <summary>A number format of a file.</summary>
/// <param name="Format">As the file's kind calls it.</param>
/// <param name="Count">Numbers stored so.</param>
internal sealed record StoredFormat(string Format, long Count);
