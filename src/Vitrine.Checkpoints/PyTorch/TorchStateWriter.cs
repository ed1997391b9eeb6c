using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using static TorchSharp.torch;

namespace Vitrine.Checkpoints.PyTorch;

/// <summary>Writes a state dictionary as torch.save does: the zip container of torch 1.6 and later, its members stored.</summary>
/// <remarks>float32 alone, each tensor in a storage of its own. The pickle names what torch names for such a file and nothing else.</remarks>
public static class TorchStateWriter
{
    private const byte Mark = (byte)'(', Tuple = (byte)'t', Reduce = (byte)'R', Global = (byte)'c', Unicode = (byte)'X', Binint = (byte)'J';

    /// <summary>Writes the file; nothing remains of it when that fails.</summary>
    /// <param name="path">Its name without ending is the name of the folder in the container, as torch has it.</param>
    /// <param name="tensors">In order; float32.</param>
    /// <exception cref="VitrineException">It cannot be written, or a tensor is no float32.</exception>
    public static void Save(string path, IReadOnlyList<(string Name, Tensor Tensor)> tensors)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(tensors);
        if (tensors.FirstOrDefault(t => t.Tensor.dtype != ScalarType.Float32) is { Name: { } name, Tensor: { } other })
        {
            throw new VitrineException($"{path}: '{name}' is of {other.dtype}; written are tensors of float32.");
        }

        var root = Path.GetFileNameWithoutExtension(path);
        AtomicFile.Write(path, temporary =>
        {
            using var archive = new ZipArchive(File.Create(temporary), ZipArchiveMode.Create);
            Member(archive, $"{root}/data.pkl", Pickle(tensors));
            Member(archive, $"{root}/byteorder", "little"u8);
            foreach (var (i, (_, tensor)) in tensors.Index())
            {
                using var plain = tensor.detach().cpu().contiguous();
                Member(archive, $"{root}/data/{i}", plain.bytes);
            }

            Member(archive, $"{root}/version", "3\n"u8);
        });
    }

    private static void Member(ZipArchive archive, string name, ReadOnlySpan<byte> bytes)
    {
        using var stream = archive.CreateEntry(name, CompressionLevel.NoCompression).Open();
        stream.Write(bytes);
    }

    /// <remarks>Protocol 2: OrderedDict() filled with name: _rebuild_tensor_v2(storage, offset, shape, strides, requires_grad, OrderedDict()).</remarks>
    private static byte[] Pickle(IReadOnlyList<(string Name, Tensor Tensor)> tensors)
    {
        using var bytes = new MemoryStream();
        bytes.Write([0x80, 2]);
        OrderedDictionary();
        bytes.WriteByte(Mark);
        foreach (var (i, (name, tensor)) in tensors.Index())
        {
            Text(name);
            Named("torch._utils", "_rebuild_tensor_v2");
            bytes.WriteByte(Mark);
            bytes.WriteByte(Mark);
            Text("storage");
            Named("torch", "FloatStorage");
            Text(i.ToString(System.Globalization.CultureInfo.InvariantCulture));
            Text("cpu");
            Number(tensor.numel());
            bytes.Write([Tuple, (byte)'Q']);
            Number(0);
            Numbers(tensor.shape);
            Numbers([.. tensor.shape.Select((_, axis) => tensor.shape.Skip(axis + 1).Aggregate(1L, (a, s) => a * s))]);
            bytes.WriteByte(0x89);
            OrderedDictionary();
            bytes.Write([Tuple, Reduce]);
        }

        bytes.Write([(byte)'u', (byte)'.']);
        return bytes.ToArray();

        void OrderedDictionary()
        {
            Named("collections", "OrderedDict");
            bytes.Write([(byte)')', Reduce]);
        }

        void Named(string module, string name) => bytes.Write([Global, .. Encoding.ASCII.GetBytes($"{module}\n{name}\n")]);

        void Numbers(IReadOnlyList<long> numbers)
        {
            bytes.WriteByte(Mark);
            foreach (var number in numbers)
            {
                Number(number);
            }

            bytes.WriteByte(Tuple);
        }

        void Text(string text)
        {
            var encoded = Encoding.UTF8.GetBytes(text);
            Span<byte> length = stackalloc byte[4];
            BinaryPrimitives.WriteInt32LittleEndian(length, encoded.Length);
            bytes.WriteByte(Unicode);
            bytes.Write(length);
            bytes.Write(encoded);
        }

        void Number(long number)
        {
            Span<byte> little = stackalloc byte[4];
            BinaryPrimitives.WriteInt32LittleEndian(little, checked((int)number));
            bytes.WriteByte(Binint);
            bytes.Write(little);
        }
    }
}
