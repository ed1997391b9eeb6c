using System.Buffers;
using MessagePack;
using Vitrine.Inputs.Pictures;

namespace Vitrine.Serving.Wire;

/// <summary>How arrays stand in a message.</summary>
public enum ArrayForm
{
    /// <summary>openpi's own: a map with keys as bytes.</summary>
    BinaryKeys,

    /// <summary>The same with text keys: vla-eval, and clients in JavaScript, whose decoders refuse keys that are bytes.</summary>
    TextKeys,

    /// <summary>GR00T's: the bytes of a .npy file.</summary>
    Npy,
}

/// <summary>Writes msgpack messages byte for byte as the reference libraries do: the shortest form of every number, text and head.</summary>
public static class MessageWriter
{
    /// <summary>Writes a message.</summary>
    /// <param name="value">As <see cref="WireMap"/> says.</param>
    /// <param name="form">How arrays stand in it.</param>
    public static byte[] Write(object? value, ArrayForm form = ArrayForm.BinaryKeys)
    {
        var buffer = new ArrayBufferWriter<byte>();
        var writer = new MessagePackWriter(buffer);
        Write(ref writer, value, form);
        writer.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    private static void Write(ref MessagePackWriter writer, object? value, ArrayForm form)
    {
        switch (value)
        {
            case null:
                writer.WriteNil();
                break;
            case bool flag:
                writer.Write(flag);
                break;
            case int whole:
                writer.Write(whole);
                break;
            case long whole:
                writer.Write(whole);
                break;
            case ulong whole:
                writer.Write(whole);
                break;
            case double number:
                writer.Write(number);
                break;
            case string text:
                writer.Write(text);
                break;
            case byte[] bytes:
                writer.Write(bytes);
                break;
            case ReadOnlyMemory<byte> bytes:
                writer.Write(bytes.Span);
                break;
            case WireArray array:
                Write(ref writer, array, form);
                break;
            case Picture picture:
                Write(ref writer, WireArray.Of(picture), form);
                break;
            case WireMap map:
                writer.WriteMapHeader(map.Count);
                foreach (var (key, entry) in map)
                {
                    writer.Write(key);
                    Write(ref writer, entry, form);
                }

                break;
            case IEnumerable<object?> list:
                object?[] all = [.. list];
                writer.WriteArrayHeader(all.Length);
                foreach (var entry in all)
                {
                    Write(ref writer, entry, form);
                }

                break;
            default:
                throw new ArgumentException($"a {value.GetType().Name} stands in no message", nameof(value));
        }
    }

    private static void Write(ref MessagePackWriter writer, WireArray array, ArrayForm form)
    {
        if (form == ArrayForm.Npy)
        {
            writer.WriteMapHeader(2);
            writer.Write("__ndarray_class__");
            writer.Write(true);
            writer.Write("as_npy");
            writer.Write(NpyBytes.Write(array));
            return;
        }

        writer.WriteMapHeader(4);
        Key(ref writer, "__ndarray__"u8, form);
        writer.Write(true);
        Key(ref writer, "data"u8, form);
        writer.Write(array.Data.Span);
        Key(ref writer, "dtype"u8, form);
        writer.Write(array.Dtype.ToString());
        Key(ref writer, "shape"u8, form);
        writer.WriteArrayHeader(array.Shape.Count);
        foreach (var size in array.Shape)
        {
            writer.Write(size);
        }
    }

    private static void Key(ref MessagePackWriter writer, ReadOnlySpan<byte> key, ArrayForm form)
    {
        if (form == ArrayForm.BinaryKeys)
        {
            writer.Write(key);
        }
        else
        {
            writer.WriteString(key);
        }
    }
}
