using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace Vitrine.Checkpoints.Gguf;

/// <summary>Reads the head of a GGUF file front to back and never further than the file goes.</summary>
/// <param name="stream">Stands at <paramref name="position"/>.</param>
/// <param name="file">For errors.</param>
/// <param name="length">Of the file.</param>
/// <param name="position">Where reading begins.</param>
internal sealed class GgufBytes(Stream stream, string file, long length, long position = 0)
{
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
    private readonly byte[] buffer = new byte[1 << 16];
    private int at, filled;

    public long Position { get; private set; } = position;

    public uint U32(string what) => Number<uint>(what);

    public T Number<T>(string what) where T : unmanaged => MemoryMarshal.Read<T>(Next(Unsafe.SizeOf<T>(), what));

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
            : throw TooMany(what, count);
    }

    /// <param name="what">For errors.</param>
    /// <param name="strict">Whether bytes that are no UTF-8 are refused: in names; the texts of vocabularies may hold such.</param>
    public string Text(string what, bool strict)
    {
        var size = TextLength(what);
        try
        {
            var encoding = strict ? Strict : Encoding.UTF8;
            if (size <= buffer.Length)
            {
                return encoding.GetString(Next(size, what));
            }

            var bytes = new byte[size];
            Fill(bytes, what);
            return encoding.GetString(bytes);
        }
        catch (DecoderFallbackException e)
        {
            throw new VitrineException($"{file}: {what} is no UTF-8 text.", e);
        }
    }

    /// <summary>Texts one behind the other, passed over: what they say is read when somebody asks.</summary>
    /// <param name="count">How many; it has been held against the file.</param>
    /// <param name="what">For errors.</param>
    public GgufTexts Texts(long count, string what)
    {
        var texts = count <= Array.MaxLength ? new GgufTexts(file, Position, (int)count, what)
            : throw new VitrineException($"{file}: the list of {what} has {count} elements, more than are read.");
        for (long i = 0; i < count; i++)
        {
            Skip(TextLength(what), what);
        }

        return texts;
    }

    private int TextLength(string what)
    {
        var size = MemoryMarshal.Read<ulong>(Next(sizeof(ulong), what));
        return size > (ulong)(length - Position) ? throw TooMany($"the length of {what}", size)
            : size <= int.MaxValue / 4 ? (int)size
            : throw new VitrineException($"{file}: {what} has {size} bytes, more than are read.");
    }

    /// <summary>The bytes that follow, up to as many as the buffer holds; valid until more are read.</summary>
    private ReadOnlySpan<byte> Next(int count, string what)
    {
        if (filled - at < count)
        {
            Require(count, what);
            buffer.AsSpan(at, filled - at).CopyTo(buffer);
            (at, filled) = (0, filled - at);
            filled += stream.ReadAtLeast(buffer.AsSpan(filled), count - filled);
        }

        at += count;
        Position += count;
        return buffer.AsSpan(at - count, count);
    }

    private void Skip(int count, string what)
    {
        Require(count, what);
        var here = Math.Min(count, filled - at);
        at += here;
        Position += count;
        if (count > here)
        {
            stream.Position += count - here;
        }
    }

    private void Fill(Span<byte> target, string what)
    {
        Require(target.Length, what);
        var here = Math.Min(target.Length, filled - at);
        buffer.AsSpan(at, here).CopyTo(target);
        stream.ReadExactly(target[here..]);
        at += here;
        Position += target.Length;
    }

    private void Require(int count, string what)
    {
        if (count > length - Position)
        {
            throw new VitrineException($"{file}: ends at byte {length}, within {what}. Is it truncated?");
        }
    }

    private VitrineException TooMany(string what, ulong count)
        => new($"{file}: {what} is {count}; the file's last {length - Position} bytes cannot hold as many. Is it truncated?");
}
