using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace Vitrine.Checkpoints.Gguf;

/// <summary>Reads the head of a GGUF file front to back and never further than the file goes.</summary>
internal sealed class GgufBytes(Stream stream, string file, long length)
{
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public long Position { get; private set; }

    public uint U32(string what) => Number<uint>(what);

    public T Number<T>(string what) where T : unmanaged
    {
        T value = default;
        Fill(MemoryMarshal.AsBytes(new Span<T>(ref value)), what);
        return value;
    }

    /// <summary>Numbers one behind the other; the count has been held against the file.</summary>
    public T[] Numbers<T>(long count, string what) where T : unmanaged
    {
        if (count * Unsafe.SizeOf<T>() > int.MaxValue)
        {
            throw new VitrineException($"{file}: the list '{what}' has {count} elements, more than are read.");
        }

        var numbers = new T[count];
        Fill(MemoryMarshal.AsBytes(numbers.AsSpan()), what);
        return numbers;
    }

    /// <summary>How many of something follow, each of which takes some bytes at least.</summary>
    public long Count(string what, int atLeast)
    {
        var count = Number<ulong>(what);
        return count <= (ulong)((length - Position) / atLeast)
            ? (long)count
            : throw new VitrineException($"{file}: {what} is {count}; the file's last {length - Position} bytes cannot hold as many. Is it truncated?");
    }

    /// <param name="what">For errors.</param>
    /// <param name="strict">Whether bytes that are no UTF-8 are refused: in names; the texts of vocabularies may hold such.</param>
    public string Text(string what, bool strict)
    {
        var size = Count($"the length of {what}", 1);
        if (size > int.MaxValue / 4)
        {
            throw new VitrineException($"{file}: {what} has {size} bytes, more than are read.");
        }

        var bytes = new byte[size];
        Fill(bytes, what);
        try
        {
            return (strict ? Strict : Encoding.UTF8).GetString(bytes);
        }
        catch (DecoderFallbackException e)
        {
            throw new VitrineException($"{file}: {what} is no UTF-8 text.", e);
        }
    }

    private void Fill(Span<byte> target, string what)
    {
        if (target.Length > length - Position)
        {
            throw new VitrineException($"{file}: ends at byte {length}, within {what}. Is it truncated?");
        }

        stream.ReadExactly(target);
        Position += target.Length;
    }
}
