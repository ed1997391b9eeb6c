using System.IO.Compression;
using Vitrine.Checkpoints.Archives;
using static TorchSharp.torch;

namespace Vitrine.Checkpoints.Numpy;

/// <summary>numpy's .npz files: named arrays in a zip archive, stored (<c>savez</c>) or deflated (<c>savez_compressed</c>).</summary>
/// <remarks>A member is unpacked only when it is read, and to no more than its own head and the archive's directory both claim.</remarks>
public sealed class NpzFile
{
    private const string Ending = ".npy";
    private readonly ZipDirectory archive;

    private NpzFile(ZipDirectory archive)
    {
        this.archive = archive;
        Names = [.. archive.Members.Keys.Where(k => k.EndsWith(Ending, StringComparison.Ordinal)).Select(k => k[..^Ending.Length])
            .Order(StringComparer.Ordinal)];
    }

    /// <summary>The arrays' names, without <c>.npy</c>.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>Opens a file and checks the archive's directory.</summary>
    /// <exception cref="VitrineException">It cannot be read, or its directory is broken.</exception>
    public static NpzFile Open(string path) => new(ZipDirectory.Open(path));

    /// <summary>Writes a file whole or not at all.</summary>
    /// <param name="path">Its name.</param>
    /// <param name="arrays">By name; stay the caller's.</param>
    /// <param name="compress">Whether to deflate.</param>
    /// <exception cref="VitrineException">It cannot be written, or numpy has no format for a tensor.</exception>
    public static void Write(string path, IReadOnlyDictionary<string, Tensor> arrays, bool compress = false)
    {
        ArgumentNullException.ThrowIfNull(arrays);
        AtomicFile.Write(path, temporary =>
        {
            using var zip = new ZipArchive(new FileStream(temporary, FileMode.CreateNew, FileAccess.Write), ZipArchiveMode.Create);
            foreach (var (name, tensor) in arrays)
            {
                var entry = zip.CreateEntry(name + Ending, compress ? CompressionLevel.Optimal : CompressionLevel.NoCompression);
                entry.LastWriteTime = new DateTimeOffset(1980, 1, 1, 0, 0, 0, TimeSpan.Zero); // As numpy: equal arrays give equal files.
                using var stream = entry.Open();
                NpyFile.Write(stream, tensor, NpyLayout.Default, $"{path}: the array '{name}'");
            }
        });
    }

    /// <summary>One array.</summary>
    /// <returns>As <see cref="NpyFile.Read(string)"/>.</returns>
    /// <exception cref="VitrineException">The archive lacks it, or it is broken.</exception>
    public Tensor Read(string name)
    {
        if (!archive.Members.TryGetValue(name + Ending, out var member))
        {
            throw new VitrineException($"{archive.Path}: has no array '{name}'; it has {(Names.Count == 0 ? "none" : string.Join(", ", Names.Take(20)))}.");
        }

        var what = $"{archive.Path}: {member.Name}";
        Tensor? tensor = null;
        try
        {
            using var stream = archive.Open(member);
            tensor = NpyFile.Read(stream, member.ByteCount, what);
            return stream is Stretch stretch && member.Deflated && stretch.GoesOn()
                ? throw new VitrineException($"{what}: unpacks to more than the {member.ByteCount} bytes that the archive claims.")
                : tensor;
        }
        catch (Exception e)
        {
            tensor?.Dispose();
            if (e is IOException or InvalidDataException or UnauthorizedAccessException)
            {
                throw new VitrineException($"{what}: cannot be unpacked ({e.Message}).", e);
            }

            throw;
        }
    }
}
