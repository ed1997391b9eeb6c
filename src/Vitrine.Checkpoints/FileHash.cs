using System.Buffers;
using System.Security.Cryptography;

namespace Vitrine.Checkpoints;

/// <summary>A hash over large files: SHA-256 of stretches side by side, then over their hashes in order, so that all cores work.</summary>
internal static class FileHash
{
    private const int Stretch = 1 << 25, Buffer = 1 << 20;

    /// <param name="paths">In the order that counts.</param>
    /// <exception cref="VitrineException">A file cannot be read.</exception>
    public static string Of(IReadOnlyList<string> paths)
    {
        (string Path, long Begin)[] stretches =
            [.. paths.SelectMany(p => Enumerable.Range(0, (int)((LengthOf(p) + Stretch - 1) / Stretch)).Select(i => (p, (long)i * Stretch)))];
        var hashes = new byte[stretches.Length][];
        Parallel.For(0, stretches.Length, i => hashes[i] = OfStretch(stretches[i].Path, stretches[i].Begin));
        using var all = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var hash in hashes)
        {
            all.AppendData(hash);
        }

        return Convert.ToHexStringLower(all.GetHashAndReset());
    }

    /// <remarks>Of what a link leads to: a FileInfo tells the link's own.</remarks>
    private static long LengthOf(string path)
    {
        try
        {
            using var file = File.OpenHandle(path);
            return RandomAccess.GetLength(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VitrineException($"{path}: cannot be read ({e.Message}).", e);
        }
    }

    private static byte[] OfStretch(string path, long begin)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(Buffer);
        try
        {
            using var file = File.OpenHandle(path);
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            for (var at = begin; at < begin + Stretch;)
            {
                var read = RandomAccess.Read(file, buffer.AsSpan(0, (int)Math.Min(Buffer, begin + Stretch - at)), at);
                if (read == 0)
                {
                    break;
                }

                hash.AppendData(buffer, 0, read);
                at += read;
            }

            return hash.GetHashAndReset();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VitrineException($"{path}: cannot be read ({e.Message}).", e);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
