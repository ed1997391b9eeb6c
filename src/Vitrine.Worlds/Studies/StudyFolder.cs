namespace Vitrine.Worlds.Studies;

/// <summary>Where a running study keeps its finished chunks, so that a killed one goes on where it stopped.</summary>
/// <remarks>
/// <c>study.json</c> says whose folder it is; <c>chunk-00012.json</c> holds one chunk. A file appears under its name only when it is whole
/// (written beside it, flushed to the disk, renamed), so a kill at any moment leaves finished chunks and at most a left-over <c>.tmp</c>.
/// <c>study.lock</c> is held alone by a process that runs the whole study, and jointly by processes that run shares of it; each of those holds
/// <c>share-2-of-3.lock</c> alone and gives its temporary files names of their own. The locks stay behind, empty: one that is removed could be held twice.
/// </remarks>
internal sealed class StudyFolder : IDisposable
{
    /// <summary>The file that says whose folder it is.</summary>
    public const string HeaderName = "study.json";

    private readonly FileStream[] held;
    private readonly string temporary;

    private StudyFolder(string path, StudyShare? share, FileStream[] held)
        => (Path, this.held, temporary) = (path, held, share is null ? ".tmp" : $".{NameOf(share)}.tmp");

    /// <summary>Where it lies.</summary>
    public string Path { get; }

    /// <summary>Opens the folder, or makes it.</summary>
    /// <param name="path">Where it lies.</param>
    /// <param name="study">Whose it is to be.</param>
    /// <param name="share">Which share of the study is run in it, beside other processes; null to have it alone.</param>
    /// <exception cref="VitrineException">It belongs to another study, and in what that differs; or another process is at work in it.</exception>
    public static StudyFolder Open(string path, Study study, StudyShare? share = null)
    {
        try
        {
            Directory.CreateDirectory(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VitrineException($"{path}: cannot be made a study's folder ({e.Message}).", e);
        }

        var folder = new StudyFolder(path, share, Lock(path, share));
        try
        {
            folder.Claim(new Header(study.Fingerprint(), study, StudyRunner.ThreadsPerWorker));
            foreach (var leftOver in Directory.EnumerateFiles(path, share is null ? "*.json*.tmp" : $"*.json{folder.temporary}"))
            {
                File.Delete(leftOver);
            }

            return folder;
        }
        catch
        {
            folder.Dispose();
            throw;
        }
    }

    /// <summary>A finished chunk, or null where it must still be run. A file that does not hold this very chunk counts as not there.</summary>
    public FinishedChunk? Read(StudyChunk chunk)
    {
        var file = ChunkPath(chunk);
        if (!File.Exists(file))
        {
            return null;
        }

        try
        {
            var stored = RecordJson.Read<FinishedChunk>(File.ReadAllText(file), file);
            return stored.IsOf(chunk) ? stored : null;
        }
        catch (VitrineException)
        {
            return null;
        }
    }

    /// <summary>Keeps a finished chunk.</summary>
    public void Write(StudyChunk chunk, FinishedChunk finished) => File.Move(Written(ChunkPath(chunk), finished), ChunkPath(chunk), overwrite: true);

    /// <summary>Which shares chunks belong to, in words, where the folder was worked on by shares of one number; else nothing.</summary>
    public string SharesOf(IReadOnlyList<StudyChunk> chunks)
    {
        string[][] names = [.. Directory.EnumerateFiles(Path, "share-*-of-*.lock").Select(f => System.IO.Path.GetFileNameWithoutExtension(f).Split('-'))];
        return names.Select(n => n[^1]).Distinct().ToArray() is [var one] && int.TryParse(one, out var count) && count > 0
            ? $"; they belong to {string.Join(", ", chunks.Select(c => c.Number % count).Distinct().Order().Select(i => new StudyShare(i + 1, count)))}"
            : "";
    }

    /// <inheritdoc/>
    public void Dispose() => Array.ForEach(held, stream => stream.Dispose());

    private string ChunkPath(StudyChunk chunk) => System.IO.Path.Combine(Path, $"chunk-{chunk.Number:D5}.json");

    private static string NameOf(StudyShare share) => $"share-{share.Index}-of-{share.Count}";

    private static FileStream[] Lock(string path, StudyShare? share)
    {
        if (share is null)
        {
            return [Held("study.lock", FileAccess.ReadWrite, FileShare.None, "another process is running a study in this folder")];
        }

        var whole = Held("study.lock", FileAccess.Read, FileShare.Read, "another process is running the whole study in this folder");
        try
        {
            return [whole, Held($"{NameOf(share)}.lock", FileAccess.ReadWrite, FileShare.None, $"another process is running share {share} in this folder")];
        }
        catch
        {
            whole.Dispose();
            throw;
        }

        FileStream Held(string name, FileAccess access, FileShare sharing, string refusal) => Lock(path, name, access, sharing, refusal);
    }

    private static FileStream Lock(string path, string name, FileAccess access, FileShare sharing, string refusal)
    {
        try
        {
            return new FileStream(System.IO.Path.Combine(path, name), FileMode.OpenOrCreate, access, sharing, bufferSize: 1);
        }
        catch (IOException e)
        {
            throw new VitrineException($"{path}: {refusal} ({e.Message}).", e);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new VitrineException($"{path}: the study's folder cannot be written ({e.Message}).", e);
        }
    }

    private void Claim(Header header)
    {
        var file = System.IO.Path.Combine(Path, HeaderName);
        if (!File.Exists(file))
        {
            if (Directory.EnumerateFiles(Path, "chunk-*.json").Any())
            {
                throw new VitrineException(
                    $"{Path}: there are chunks but no study.json that says whose. Give study '{header.Study.Name}' a folder of its own.");
            }

            // Of several that come at once, one is first; the others read what it claims.
            if (Claimed(Written(file, header), file))
            {
                return;
            }
        }

        var found = RecordJson.Read<Header>(File.ReadAllText(file), file);
        if (found.Fingerprint != header.Fingerprint || found.ThreadsPerWorker != header.ThreadsPerWorker)
        {
            var differences = string.Join("; ", [
                .. StudyDifferences.Of(found.Study, header.Study),
                .. StudyDifferences.Of("the libtorch threads of a worker", found.ThreadsPerWorker, header.ThreadsPerWorker)]);
            throw new VitrineException(
                $"{Path}: holds study '{found.Study.Name}', which is not the one asked for: "
                + $"{(differences.Length > 0 ? differences : "its study.json was changed")}. Nothing was touched; give this one a folder of its own.");
        }
    }

    private static bool Claimed(string written, string path)
    {
        try
        {
            File.Move(written, path, overwrite: false);
            return true;
        }
        catch (IOException) when (File.Exists(path))
        {
            File.Delete(written);
            return false;
        }
    }

    /// <summary>Writes a file whole beside the one that it is to become.</summary>
    private string Written<T>(string path, T value)
    {
        using var stream = new FileStream(path + temporary, FileMode.Create, FileAccess.Write);
        RecordJson.Write(stream, value);
        stream.Flush(flushToDisk: true);
        return path + temporary;
    }

    /// <remarks>A header that does not say its threads was written when every worker had one.</remarks>
    internal sealed record Header(string Fingerprint, Study Study, int ThreadsPerWorker = 1);
}
