using Vitrine.Checkpoints.Adapters;
using Vitrine.Checkpoints.Gguf;

namespace Vitrine.Checkpoints;

/// <summary>Where a model lies on this machine, whatever a user calls it.</summary>
/// <param name="Name">As the user wrote it.</param>
/// <param name="Folder">The folder of its files: configuration, tokenizer, weights.</param>
/// <param name="GgufFile">The GGUF file that holds all of them instead; null for a folder of separate files.</param>
public sealed record ModelLocation(string Name, string Folder, string? GgufFile)
{
    /// <summary>What <see cref="Checkpoint.Open"/> takes.</summary>
    public string Weights => GgufFile ?? Folder;

    /// <summary>The folder of a LoRA adapter that stands on top; null where there is none.</summary>
    public string? AdapterFolder { get; init; }

    /// <summary>Where a file beside the weights is read: the adapter's folder where it lies there, else the base's.</summary>
    /// <param name="file">Its name.</param>
    public string FolderOf(string file) => AdapterFolder is not null && File.Exists(Path.Combine(AdapterFolder, file)) ? AdapterFolder : Folder;

    /// <summary>What was decided where a folder could be read in two ways; lines for people.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

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
                : throw new VitrineException($"{name}: {Neighbours.OfFile(name)}");
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

    /// <summary>Its configuration; of a folder that holds none, what it is instead is named.</summary>
    /// <param name="file">Its name.</param>
    /// <exception cref="VitrineException">There is none, or it is broken.</exception>
    public ConfigReader OpenConfig(string file = "config.json")
    {
        var path = Path.Combine(Folder, file);
        return File.Exists(path) || Neighbours.OfFolder(Folder) is not { } what
            ? ConfigReader.Open(path, refusesNull: true)
            : throw new VitrineException($"{Folder}: {what}");
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

    /// <summary>The same with the base model that its adapter names, as peft opens it.</summary>
    /// <remarks>
    /// Weights beside an adapter are its base where the adapter names none, or that very folder. Where it names another model, transformers opens that one, and
    /// so does this.
    /// </remarks>
    /// <exception cref="VitrineException">The base is not here; where it was looked for is named.</exception>
    public ModelLocation WithBase()
    {
        if (AdapterFolder is null)
        {
            return this;
        }

        var source = Path.Combine(AdapterFolder, AdapterConfig.FileName);
        var (named, revision) = AdapterConfig.BaseOf(AdapterFolder);
        if (named is null || (Directory.Exists(named) && Path.GetFullPath(named) == Path.GetFullPath(AdapterFolder)))
        {
            return HasModel(AdapterFolder)
                ? this
                : throw new VitrineException(
                    $"{source}: names no base model in base_model_name_or_path, and none lies beside it; expected a folder or ORG/NAME.");
        }

        try
        {
            var found = Resolve(revision is null || Path.Exists(named) ? named : $"{named}@{revision}");
            return found.AdapterFolder is null
                ? this with
                {
                    Folder = found.Folder,
                    GgufFile = found.GgufFile,
                    Notes = HasModel(AdapterFolder)
                        ? [.. Notes, $"{source}: the base model is '{named}', as base_model_name_or_path says; the weights beside the adapter are not read."]
                        : Notes,
                }
                : throw new VitrineException($"'{named}' has an adapter of its own");
        }
        catch (VitrineException e)
        {
            throw new VitrineException($"{source}: base_model_name_or_path is '{named}', which cannot be opened: {e.Message} "
                + "The folder is a PEFT adapter, which stands on that model."
                + (HasModel(AdapterFolder) ? " --no-adapter opens the weights beside the adapter alone." : ""), e);
        }
    }

    /// <summary>The same without its adapter: the folder's own model, or the base that the adapter names.</summary>
    /// <exception cref="VitrineException">There is neither.</exception>
    public ModelLocation WithoutAdapter()
        => AdapterFolder is null ? this : (HasModel(AdapterFolder) ? this : WithBase()) with { AdapterFolder = null };

    private static bool HasModel(string folder) => File.Exists(Path.Combine(folder, "config.json")) || Directory.GetFiles(folder, "*.gguf").Length > 0;

    private static ModelLocation In(string name, string folder)
        => Plain(name, folder) with { AdapterFolder = File.Exists(Path.Combine(folder, AdapterConfig.FileName)) ? folder : null };

    private static ModelLocation Plain(string name, string folder)
        => new(name, folder, File.Exists(Path.Combine(folder, "config.json")) ? null : GgufPart.OnlyModel(folder));
}
