using System.Text;
using static TorchSharp.torch;

namespace Vitrine.Checkpoints.Gguf;

/// <summary>Writes GGUF version 3 files of float32 tensors with texts and whole numbers as metadata: what control vectors need.</summary>
internal static class GgufWriter
{
    private const int Alignment = 32;

    /// <param name="path">Written whole or not at all.</param>
    /// <param name="metadata">Values of type string, uint or int.</param>
    /// <param name="tensors">float32; stay the caller's.</param>
    public static void Write(string path, IReadOnlyList<(string Key, object Value)> metadata, IReadOnlyList<(string Name, Tensor Tensor)> tensors)
        => AtomicFile.Write(path, temporary =>
        {
            using var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write);
            using var writer = new BinaryWriter(stream, Encoding.UTF8);
            writer.Write("GGUF"u8);
            writer.Write(3u);
            writer.Write((ulong)tensors.Count);
            writer.Write((ulong)metadata.Count);
            foreach (var (key, value) in metadata)
            {
                Text(writer, key);
                Value(writer, key, value);
            }

            ulong offset = 0;
            foreach (var (name, tensor) in tensors)
            {
                Text(writer, name);
                writer.Write((uint)tensor.shape.Length);
                foreach (var size in tensor.shape.Reverse())
                {
                    writer.Write((ulong)size);
                }

                writer.Write((uint)GgufType.F32);
                writer.Write(offset);
                offset = (offset + ((ulong)tensor.numel() * 4) + Alignment - 1) / Alignment * Alignment;
            }

            foreach (var (name, tensor) in tensors)
            {
                Pad(writer, stream);
                writer.Flush();
                Elements.Write(stream, tensor, Dtype.F32, bigEndian: false, $"{path}: tensor '{name}'");
            }

            Pad(writer, stream);
        });

    private static void Value(BinaryWriter writer, string key, object value)
    {
        switch (value)
        {
            case string text:
                writer.Write(8u);
                Text(writer, text);
                break;
            case uint number:
                writer.Write(4u);
                writer.Write(number);
                break;
            case int number:
                writer.Write(5u);
                writer.Write(number);
                break;
            default:
                throw new ArgumentException($"'{key}' is {value.GetType()}", nameof(value));
        }
    }

    private static void Text(BinaryWriter writer, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        writer.Write((ulong)bytes.Length);
        writer.Write(bytes);
    }

    private static void Pad(BinaryWriter writer, FileStream stream)
    {
        writer.Flush();
        while (stream.Position % Alignment != 0)
        {
            writer.Write((byte)0);
            writer.Flush();
        }
    }
}
