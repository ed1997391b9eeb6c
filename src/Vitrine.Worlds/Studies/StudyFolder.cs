namespace Vitrine.Worlds.Studies;

/// <summary>Where a running study keeps its finished chunks, so that a killed one goes on where it stopped.</summary>
/// <remarks>
/// <c>study.json</c> says whose folder it is; <c>chunk-00012.json</c> holds one chunk. A file appears under its name only when it is whole
/// (written beside it, flushed to the disk, renamed), so a kill at any moment leaves finished chunks and at most a left-over <c>.tmp</c>.
/// </remarks>
internal sealed class StudyFolder : IDisposable
{
    private readonly string path;
    private readonly FileStream held;

    private StudyFolder(string path, FileStream held) => (this.path, this.held) = (path, held);

    /// <summary>Opens the folder, or makes it.</summary>
    /// <exception cref="VitrineException">It belongs to another study, and in what that differs; or another process is at work in it.</exception>
    public static StudyFolder Open(string path, Study study)
    {
        try
        {
            Directory.CreateDirectory(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VitrineException($"{path}: cannot be made a study's folder ({e.Message}).", e);
        }

        var folder = new StudyFolder(path, Lock(path));
        try
        {
            folder.Claim(new Header(study.Fingerprint(), study, StudyRunner.ThreadsPerWorker));
            foreach (var leftOver in Directory.EnumerateFiles(path, "*.json.tmp"))
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
            var stored = RecordJson.Read<Stored>(File.ReadAllText(file), file);
            return stored.Arm == chunk.Arm.Name && stored.Episodes.Select(e => e.Layout).SequenceEqual(chunk.Layouts)
                ? new FinishedChunk(stored.Episodes, stored.Untouched)
                : null;
        }
        catch (VitrineException)
        {
            return null;
        }
    }

    /// <summary>Keeps a finished chunk.</summary>
    public void Write(StudyChunk chunk, FinishedChunk finished)
        => WriteWhole(ChunkPath(chunk), new Stored(chunk.Arm.Name, finished.Episodes, finished.Untouched));

    /// <inheritdoc/>
    public void Dispose() => held.Dispose();

    private string ChunkPath(StudyChunk chunk) => Path.Combine(path, $"chunk-{chunk.Number:D5}.json");

    private static FileStream Lock(string path)
    {
        try
        {
            return new FileStream(
                Path.Combine(path, "study.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 1, FileOptions.DeleteOnClose);
        }
        catch (IOException e)
        {
            throw new VitrineException($"{path}: another process is running a study in this folder ({e.Message}).", e);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new VitrineException($"{path}: the study's folder cannot be written ({e.Message}).", e);
        }
    }

    private void Claim(Header header)
    {
        var file = Path.Combine(path, "study.json");
        if (!File.Exists(file))
        {
            if (Directory.EnumerateFiles(path, "chunk-*.json").Any())
            {
                throw new VitrineException(
                    $"{path}: there are chunks but no study.json that says whose. Give study '{header.Study.Name}' a folder of its own.");
            }

            WriteWhole(file, header);
            return;
        }

        var found = RecordJson.Read<Header>(File.ReadAllText(file), file);
        if (found.Fingerprint != header.Fingerprint || found.ThreadsPerWorker != header.ThreadsPerWorker)
        {
            var differences = string.Join("; ", [
                .. StudyDifferences.Of(found.Study, header.Study),
                .. StudyDifferences.Of("the libtorch threads of a worker", found.ThreadsPerWorker, header.ThreadsPerWorker)]);
            throw new VitrineException(
                $"{path}: holds study '{found.Study.Name}', which is not the one asked for: "
                + $"{(differences.Length > 0 ? differences : "its study.json was changed")}. Nothing was touched; give this one a folder of its own.");
        }
    }

    private static void WriteWhole<T>(string path, T value)
    {
        var temporary = path + ".tmp";
        using (var stream = new FileStream(temporary, FileMode.Create, FileAccess.Write))
        {
            RecordJson.Write(stream, value);
            stream.Flush(flushToDisk: true);
        }

        File.Move(temporary, path, overwrite: true);
    }

    /// <remarks>A header that does not say its threads was written when every worker had one.</remarks>
    internal sealed record Header(string Fingerprint, Study Study, int ThreadsPerWorker = 1);

    internal sealed record Stored(string Arm, IReadOnlyList<Episode> Episodes, IReadOnlyList<ArmUntouchedEdit>? Untouched = null);
}
