using System.Text;
using static TorchSharp.torch;

namespace Vitrine.Checkpoints.Gguf;

/// <summary>Writes GGUF version 3 files.</summary>
internal static class GgufWriter
{
    /// <summary>Writes float32 tensors: what control vectors need.</summary>
    /// <param name="path">Written whole or not at all.</param>
    /// <param name="metadata">As <see cref="GgufPairs.Of(IReadOnlyList{ValueTuple{string, object}})"/> takes it.</param>
    /// <param name="tensors">float32; stay the caller's.</param>
    public static void Write(string path, IReadOnlyList<(string Key, object Value)> metadata, IReadOnlyList<(string Name, Tensor Tensor)> tensors)
        => Write(
            path, GgufPairs.Of(metadata), [.. tensors.Select(t => (t.Name, (IReadOnlyList<long>)t.Tensor.shape, GgufType.F32))],
            (stream, name) => Elements.Write(stream, tensors.First(t => t.Name == name).Tensor, Dtype.F32, bigEndian: false, $"{path}: tensor '{name}'"));

    /// <summary>Writes tensors of any format.</summary>
    /// <param name="path">Written whole or not at all.</param>
    /// <param name="pairs">The metadata; tensors are aligned as it says.</param>
    /// <param name="tensors">In the order of the file.</param>
    /// <param name="data">Writes the bytes of the tensor of a name.</param>
    public static void Write(
        string path, GgufPairs pairs, IReadOnlyList<(string Name, IReadOnlyList<long> Shape, GgufType Type)> tensors, Action<Stream, string> data)
        => AtomicFile.Write(path, temporary =>
        {
            using var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 20);
            using var writer = new BinaryWriter(stream, Encoding.UTF8);
            writer.Write("GGUF"u8);
            writer.Write(3u);
            writer.Write((ulong)tensors.Count);
            writer.Write((ulong)pairs.Count);
            writer.Write(pairs.Bytes);
            long offset = 0;
            foreach (var (name, shape, type) in tensors)
            {
                Text(writer, name);
                writer.Write((uint)shape.Count);
                foreach (var size in shape.Reverse())
                {
                    writer.Write((ulong)size);
                }

                writer.Write((uint)type);
                writer.Write((ulong)offset);
                var (elements, bytes) = type.Block();
                offset = Aligned(offset + (shape.Aggregate(1L, (a, s) => a * s) / elements * bytes));
            }

            foreach (var (name, _, _) in tensors)
            {
                Pad();
                data(stream, name);
            }

            Pad();

            void Pad()
            {
                writer.Flush();
                stream.Write(new byte[Aligned(stream.Position) - stream.Position]);
            }

            long Aligned(long position) => (position + pairs.Alignment - 1) / pairs.Alignment * pairs.Alignment;
        });

    /// <summary>A text as the format has it: its bytes' count, then they.</summary>
    public static void Text(BinaryWriter writer, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        writer.Write((ulong)bytes.Length);
        writer.Write(bytes);
    }
}
