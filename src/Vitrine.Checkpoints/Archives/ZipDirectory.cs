using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace Vitrine.Checkpoints.Archives;

/// <summary>One member of a zip archive.</summary>
/// <param name="Name">As the directory spells it.</param>
/// <param name="Deflated">Whether it is compressed.</param>
/// <param name="Begin">First byte of its data, from the start of the archive.</param>
/// <param name="StoredBytes">Bytes in the archive.</param>
/// <param name="ByteCount">Bytes when unpacked.</param>
internal sealed record ZipMember(string Name, bool Deflated, long Begin, long StoredBytes, long ByteCount);

/// <summary>The directory of a zip archive, read so that the place of every member is known and none claims what cannot be.</summary>
/// <remarks>
/// PKWARE APPNOTE 6.3, zip64 included; stored and deflated members. Members must not overlap, and a deflated one cannot unpack to more than deflate's 1032
/// times its bytes: archives that unpack without bound are refused by their directory.
/// </remarks>
internal sealed class ZipDirectory
{
    private const uint EndSignature = 0x06054b50, End64Signature = 0x06064b50, Locator64Signature = 0x07064b50;
    private const uint EntrySignature = 0x02014b50, LocalSignature = 0x04034b50;
    private const int EndSize = 22, Locator64Size = 20, End64Size = 56, EntrySize = 46, LocalSize = 30;
    private const long LargestRatio = 1032;

    private ZipDirectory(string path, long length, IReadOnlyDictionary<string, ZipMember> members) => (Path, Length, Members) = (path, length, members);

    public string Path { get; }

    /// <summary>Bytes of the archive; of a link, of what it leads to.</summary>
    public long Length { get; }

    public IReadOnlyDictionary<string, ZipMember> Members { get; }

    /// <exception cref="VitrineException">It is no archive, or its directory is broken.</exception>
    public static ZipDirectory Open(string path)
    {
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1 << 12);
            return new ZipDirectory(path, stream.Length, Read(stream, path));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VitrineException($"{path}: cannot be read ({e.Message}).", e);
        }
    }

    /// <summary>A member's unpacked bytes, front to back.</summary>
    public Stream Open(ZipMember member)
    {
        var file = new FileStream(Path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1 << 12) { Position = member.Begin };
        var stored = new Stretch(file, member.StoredBytes);
        return member.Deflated ? new Stretch(new DeflateStream(stored, CompressionMode.Decompress), member.ByteCount) : stored;
    }

    private static Dictionary<string, ZipMember> Read(FileStream stream, string path)
    {
        var (begin, size, count) = Directory(stream, path);
        if (count > size / EntrySize)
        {
            throw new VitrineException($"{path}: the archive's directory of {size} bytes claims {count} members.");
        }

        var members = new Dictionary<string, ZipMember>(StringComparer.Ordinal);
        var at = begin;
        for (long i = 0; i < count; i++)
        {
            var entry = Bytes(stream, path, at, EntrySize, begin + size);
            if (BinaryPrimitives.ReadUInt32LittleEndian(entry) != EntrySignature)
            {
                throw new VitrineException($"{path}: the archive's directory is broken at byte {at}.");
            }

            var (name, extra, comment) = (U16(entry, 28), U16(entry, 30), U16(entry, 32));
            var rest = Bytes(stream, path, at + EntrySize, name + extra, begin + size);
            var member = Member(stream, path, entry, Encoding.UTF8.GetString(rest, 0, name), rest.AsSpan(name, extra), begin);
            if (!members.TryAdd(member.Name, member))
            {
                throw new VitrineException($"{path}: the archive names '{member.Name}' twice.");
            }

            at += EntrySize + name + extra + comment;
        }

        RequireApart(members.Values, path);
        return members;
    }

    /// <remarks>The end record stands behind everything but a comment of at most 65,535 bytes.</remarks>
    private static (long Begin, long Size, long Count) Directory(FileStream stream, string path)
    {
        var tail = Math.Min(stream.Length, EndSize + ushort.MaxValue);
        var bytes = Bytes(stream, path, stream.Length - tail, (int)tail, stream.Length);
        for (var at = bytes.Length - EndSize; at >= 0; at--)
        {
            if (BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at)) != EndSignature || U16(bytes, at + 20) != bytes.Length - at - EndSize)
            {
                continue;
            }

            var end = stream.Length - tail + at;
            long count = U16(bytes, at + 10), size = U32(bytes, at + 12), begin = U32(bytes, at + 16);
            if (count == ushort.MaxValue || size == uint.MaxValue || begin == uint.MaxValue)
            {
                (begin, size, count, end) = Directory64(stream, path, end);
            }

            return begin <= end && size <= end - begin
                ? (begin, size, count)
                : throw new VitrineException($"{path}: the archive's directory claims bytes {begin} to {begin + size}, beyond its end record at {end}.");
        }

        throw new VitrineException($"{path}: is no zip archive, or is truncated: it has no end record.");
    }

    private static (long Begin, long Size, long Count, long End) Directory64(FileStream stream, string path, long end)
    {
        var locator = end >= Locator64Size ? Bytes(stream, path, end - Locator64Size, Locator64Size, end) : [];
        if (locator.Length == 0 || U32(locator, 0) != Locator64Signature)
        {
            throw new VitrineException($"{path}: the archive's end record points to a 64-bit one that is missing.");
        }

        var at = I64(locator, 8, path);
        var record = Bytes(stream, path, at, End64Size, end - Locator64Size);
        return U32(record, 0) == End64Signature
            ? (I64(record, 48, path), I64(record, 40, path), I64(record, 32, path), at)
            : throw new VitrineException($"{path}: the archive's 64-bit end record is broken.");
    }

    private static ZipMember Member(FileStream stream, string path, byte[] entry, string name, ReadOnlySpan<byte> extra, long dataEnd)
    {
        var (flags, method) = (U16(entry, 8), U16(entry, 10));
        if ((flags & 1) != 0 || method is not (0 or 8))
        {
            throw new VitrineException(
                $"{path}: the member '{name}' is {((flags & 1) != 0 ? "encrypted" : $"packed by method {method}")}; read are stored and deflated members.");
        }

        long stored = U32(entry, 20), size = U32(entry, 24), local = U32(entry, 42);
        Widen(extra, path, ref size, ref stored, ref local);
        var head = Bytes(stream, path, local, LocalSize, dataEnd);
        if (U32(head, 0) != LocalSignature)
        {
            throw new VitrineException($"{path}: the member '{name}' does not begin at byte {local}, where the directory has it.");
        }

        var begin = local + LocalSize + U16(head, 26) + U16(head, 28);
        if (begin > dataEnd || stored > dataEnd - begin)
        {
            throw new VitrineException($"{path}: the member '{name}' claims {stored} bytes from {begin} on; the directory begins at {dataEnd}.");
        }

        if (method == 0 ? size != stored : size / LargestRatio > stored)
        {
            throw new VitrineException($"{path}: the member '{name}' has {stored} bytes and claims to unpack to {size}, which cannot be.");
        }

        return new ZipMember(name, method == 8, begin, stored, size);
    }

    /// <remarks>A field that is all ones stands in the zip64 extra, in this order.</remarks>
    private static void Widen(ReadOnlySpan<byte> extra, string path, ref long size, ref long stored, ref long local)
    {
        while (extra.Length >= 4)
        {
            var (kind, length) = (BinaryPrimitives.ReadUInt16LittleEndian(extra), BinaryPrimitives.ReadUInt16LittleEndian(extra[2..]));
            if (length > extra.Length - 4)
            {
                return;
            }

            var field = extra.Slice(4, length);
            extra = extra[(4 + length)..];
            if (kind != 1)
            {
                continue;
            }

            Take(ref size, ref field, path);
            Take(ref stored, ref field, path);
            Take(ref local, ref field, path);
            return;
        }

        static void Take(ref long value, ref ReadOnlySpan<byte> field, string path)
        {
            if (value == uint.MaxValue && field.Length >= 8)
            {
                value = I64(field.ToArray(), 0, path);
                field = field[8..];
            }
        }
    }

    private static void RequireApart(IEnumerable<ZipMember> members, string path)
    {
        ZipMember? before = null;
        foreach (var member in members.Where(m => m.StoredBytes > 0).OrderBy(m => m.Begin))
        {
            if (before is not null && member.Begin < before.Begin + before.StoredBytes)
            {
                throw new VitrineException($"{path}: the members '{before.Name}' and '{member.Name}' overlap at byte {member.Begin}.");
            }

            before = member;
        }
    }

    private static byte[] Bytes(FileStream stream, string path, long at, int count, long end)
    {
        if (at < 0 || at > end || count > end - at)
        {
            throw new VitrineException($"{path}: the archive points to bytes {at} to {at + count}, beyond {end}. Is it truncated?");
        }

        var bytes = new byte[count];
        stream.Position = at;
        stream.ReadExactly(bytes);
        return bytes;
    }

    private static int U16(byte[] bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(at));

    private static uint U32(byte[] bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at));

    private static long I64(byte[] bytes, int at, string path)
    {
        var value = BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(at));
        return value >= 0 ? value : throw new VitrineException($"{path}: the archive's directory holds a number beyond any file.");
    }
}
