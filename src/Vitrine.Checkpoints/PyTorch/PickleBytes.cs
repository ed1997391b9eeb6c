using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Vitrine.Checkpoints.PyTorch;

/// <summary>Reads a pickle's bytes front to back and never further than they go.</summary>
internal sealed class PickleBytes(byte[] pickle, string file)
{
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
    private int at;

    public byte Byte() => Bytes(1)[0];

    /// <summary>How many bytes something has; never more than are left.</summary>
    /// <param name="width">Bytes of the number itself, 4 or 8.</param>
    public int Size(int width)
    {
        var size = width == 4 ? BinaryPrimitives.ReadUInt32LittleEndian(Bytes(4)) : BinaryPrimitives.ReadUInt64LittleEndian(Bytes(8));
        return size <= (ulong)(pickle.Length - at) ? (int)size : throw Broken($"something of {size} bytes; {pickle.Length - at} are left");
    }

    public ReadOnlySpan<byte> Bytes(int count)
    {
        if (count > pickle.Length - at)
        {
            throw Broken("its end too early");
        }

        at += count;
        return pickle.AsSpan(at - count, count);
    }

    public string Text(int size)
    {
        try
        {
            return Utf8.GetString(Bytes(size));
        }
        catch (DecoderFallbackException e)
        {
            throw new VitrineException($"{file}: the pickle has, at byte {at}, a text that is no UTF-8.", e);
        }
    }

    /// <remarks>Two's complement, least byte first, as long as it must be.</remarks>
    public long Long(int size)
    {
        var bytes = Bytes(size);
        if (size > 8)
        {
            throw Broken($"a whole number of {size} bytes; read are at most 8");
        }

        long value = size > 0 && bytes[^1] >= 128 ? -1 : 0;
        for (var i = size - 1; i >= 0; i--)
        {
            value = (value << 8) | bytes[i];
        }

        return value;
    }

    /// <summary>A text that a line feed ends.</summary>
    public string Line()
    {
        var length = pickle.AsSpan(at).IndexOf((byte)'\n');
        if (length < 0)
        {
            throw Broken("a name without end");
        }

        var text = Text(length);
        at++;
        return text;
    }

    public VitrineException Broken(string found) => new(string.Create(CultureInfo.InvariantCulture, $"{file}: the pickle has, at byte {at}, {found}."));
}
