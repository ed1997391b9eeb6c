namespace Vitrine.Checkpoints;

/// <summary>Where a model lies on this machine, whatever a user calls it.</summary>
/// <param name="Name">As the user wrote it.</param>
/// <param name="Folder">The folder of its files: configuration, tokenizer, weights.</param>
/// <param name="GgufFile">The GGUF file that holds all of them instead; null for a folder of separate files.</param>
public sealed record ModelLocation(string Name, string Folder, string? GgufFile)
{
    /// <summary>What <see cref="Checkpoint.Open"/> takes.</summary>
    public string Weights => GgufFile ?? Folder;

    /// <summary>
    /// Finds a model: a folder, a <c>.gguf</c> file, a folder with nothing but one, or <c>org/name</c> (with <c>@revision</c>) in the Hugging Face cache. What
    /// lies on disk goes before the cache.
    /// </summary>
    /// <exception cref="VitrineException">There is no such model; for one of the hub, the command that fetches it is named. Nothing is fetched.</exception>
    public static ModelLocation Resolve(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (File.Exists(name))
        {
            return Path.GetExtension(name) == ".gguf"
                ? new ModelLocation(name, Path.GetDirectoryName(Path.GetFullPath(name))!, name)
                : throw new VitrineException($"{name}: is a file, but no .gguf file; expected a model's folder, a .gguf file or ORG/NAME.");
        }

        if (Directory.Exists(name))
        {
            return In(name, name);
        }

        var (model, revision) = name.Split('@', 2) is [var before, var after] ? (before, after) : (name, "main");
        var neighbour = Neighbour(name);
        if (HuggingFaceCache.IsName(model) && (neighbour is null || HuggingFaceCache.Has(model)))
        {
            return In(name, HuggingFaceCache.Resolve(model, revision));
        }

        throw new VitrineException(
            $"{name}: there is no such folder or .gguf file{(neighbour is null ? ", and it is no ORG/NAME of the hub" : $"; the nearest is '{neighbour}'")}.");
    }

    /// <summary>A folder or .gguf file that lies where a name looks for one and is spelled nearly alike; null where there is none.</summary>
    public static string? Neighbour(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        var path = Path.TrimEndingDirectorySeparator(name);
        var (parent, last) = (Path.GetDirectoryName(path) ?? "", Path.GetFileName(path));
        try
        {
            var there = new DirectoryInfo(parent.Length == 0 ? "." : parent).EnumerateFileSystemInfos().Where(i => i is DirectoryInfo || i.Extension == ".gguf")
                .Select(i => i.Name).Order(StringComparer.Ordinal);
            return last.Length > 0 && Nearest.Close(last, there) is { } nearest ? Path.Combine(parent, nearest) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return null;
        }
    }

    private static ModelLocation In(string name, string folder)
        => File.Exists(Path.Combine(folder, "config.json")) ? new ModelLocation(name, folder, null)
            : Directory.GetFiles(folder, "*.gguf") switch
            {
                [var only] => new ModelLocation(name, folder, only),
                [_, _, ..] many => throw new VitrineException(
                    $"{folder}: has {many.Length} .gguf files; name the one to open, e.g. {many.Order(StringComparer.Ordinal).First()}."),
                _ => new ModelLocation(name, folder, null),
            };
}
