using System.Globalization;

namespace Vitrine.Checkpoints;

/// <summary>Files as they were when they were opened: how long, and when last written.</summary>
/// <remarks>
/// A mapped file that is written over in place changes the numbers of the open model without a word; one that is replaced by another of its name leaves them,
/// under a name that now means others. Either way, what is measured from then on is not of the files: it may not go into a record under their fingerprint.
/// </remarks>
public sealed class FileStamps
{
    private readonly Stamped[] files;

    private FileStamps(Stamped[] files) => this.files = files;

    private sealed record Stamped(string Path, Stamp? Then);

    private readonly record struct Stamp(long Length, DateTime Written)
    {
        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Length} bytes of {Written:yyyy-MM-dd HH:mm:ss.fff}");
    }

    /// <summary>Their paths, in the order given.</summary>
    public IReadOnlyList<string> Paths => [.. files.Select(f => f.Path)];

    /// <summary>Files as they are now; links are followed. One that cannot be read is remembered as such.</summary>
    public static FileStamps Of(IEnumerable<string> paths)
    {
        ArgumentNullException.ThrowIfNull(paths);
        return new FileStamps([.. paths.Select(p => new Stamped(p, Of(p)))]);
    }

    /// <summary>Refuses files that were written over, replaced or taken away since.</summary>
    /// <exception cref="VitrineException">One was; it is named.</exception>
    public void RequireUnchanged()
    {
        foreach (var (path, then) in files)
        {
            if (Of(path) is var now && now != then)
            {
                throw new VitrineException($"{path}: was written over or replaced while the model was open ({Text(then)} then, {Text(now)} now); nothing can "
                    + "be recorded under its name. Open the model again, and give new weights a name of their own.");
            }
        }
    }

    private static string Text(Stamp? stamp) => stamp is { } readable ? $"{readable}" : "not readable";

    private static Stamp? Of(string path)
    {
        try
        {
            using var file = File.OpenHandle(path, share: FileShare.ReadWrite | FileShare.Delete);
            return new Stamp(RandomAccess.GetLength(file), File.GetLastWriteTimeUtc(file));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
