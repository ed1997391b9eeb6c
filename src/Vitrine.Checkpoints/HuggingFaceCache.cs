namespace Vitrine.Checkpoints;

/// <summary>Models that Hugging Face's tools have fetched before: found offline, never fetched.</summary>
/// <remarks>
/// Layout after huggingface_hub, "Understand caching": <c>models--ORG--NAME/refs/REVISION</c> names a commit, <c>snapshots/COMMIT</c> holds the files as links
/// into <c>blobs</c>. The cache is HF_HUB_CACHE (or the older HUGGINGFACE_HUB_CACHE), else HF_HOME/hub, else XDG_CACHE_HOME/huggingface/hub, else
/// ~/.cache/huggingface/hub.
/// </remarks>
public static class HuggingFaceCache
{
    private const string Prefix = "models--";

    /// <summary>Where the cache is.</summary>
    public static string Folder => FolderOf(Environment.GetEnvironmentVariable, Environment.GetFolderPath(Environment.SpecialFolder.UserProfile));

    /// <summary>Whether a text can be a model's name on the hub: <c>org/name</c>, or a name alone.</summary>
    public static bool IsName(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.Split('/') is { Length: 1 or 2 } parts && parts.All(p => p.Length is > 0 and <= 96
            && p.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.') && char.IsAsciiLetterOrDigit(p[0])
            && !p.Contains("--", StringComparison.Ordinal) && !p.Contains("..", StringComparison.Ordinal));
    }

    /// <summary>Whether something of a model is in the cache.</summary>
    internal static bool Has(string name) => Directory.Exists(Path.Combine(Folder, FolderName(name)));

    /// <summary>The folder of a model's files.</summary>
    /// <param name="name"><c>org/name</c>.</param>
    /// <param name="revision">A branch, a tag or a commit.</param>
    /// <param name="cache">Another cache than <see cref="Folder"/>.</param>
    /// <exception cref="VitrineException">The model, the revision or one of its files is not in the cache; the command that fetches it is named.</exception>
    public static string Resolve(string name, string revision = "main", string? cache = null)
    {
        ArgumentNullException.ThrowIfNull(revision);
        if (!IsName(name))
        {
            throw new VitrineException($"'{name}' is no name of a model on the hub; expected ORG/NAME.");
        }

        if (revision.Split('/').Any(p => p is "" or "." or "..") || revision.IndexOfAny(['\\', ':', '\0']) >= 0)
        {
            throw new VitrineException($"{name}: '{revision}' is no revision; expected a branch, a tag or a commit.");
        }

        cache ??= Folder;
        var model = Path.Combine(cache, FolderName(name));
        var fetch = $"hf download {name}{(revision == "main" ? "" : $" --revision {revision}")}";
        if (!Directory.Exists(model))
        {
            var near = Nearest.Close(name, Names(cache));
            throw new VitrineException(
                $"{name}: is not in the cache {cache}{(near is null ? "" : $"; the nearest there is '{near}'")}. Fetch it with: {fetch}");
        }

        var commit = Commit(model, name, revision, fetch);
        var snapshot = Path.Combine(model, "snapshots", commit);
        if (!Directory.Exists(snapshot))
        {
            throw new VitrineException($"{name}: revision '{revision}' is commit {commit}, whose snapshot is missing in {model}. Fetch it with: {fetch}");
        }

        RequireFiles(snapshot, name, fetch);
        return snapshot;
    }

    private static string FolderName(string name) => $"{Prefix}{name.Replace("/", "--", StringComparison.Ordinal)}";

    private static IEnumerable<string> Names(string cache)
        => Directory.Exists(cache)
            ? Directory.GetDirectories(cache, Prefix + "*").Select(d => Path.GetFileName(d)[Prefix.Length..].Replace("--", "/", StringComparison.Ordinal))
                .Order(StringComparer.Ordinal)
            : [];

    internal static string FolderOf(Func<string, string?> variable, string home)
    {
        foreach (var (key, rest) in (ReadOnlySpan<(string, string)>)[("HF_HUB_CACHE", ""), ("HUGGINGFACE_HUB_CACHE", ""), ("HF_HOME", "hub"),
            ("XDG_CACHE_HOME", "huggingface/hub")])
        {
            if (variable(key) is { Length: > 0 } value)
            {
                return Path.Combine(value.StartsWith("~/", StringComparison.Ordinal) ? Path.Combine(home, value[2..]) : value, rest);
            }
        }

        return Path.Combine(home, ".cache", "huggingface", "hub");
    }

    private static string Commit(string model, string name, string revision, string fetch)
    {
        var reference = Path.Combine(model, "refs", revision);
        if (File.Exists(reference))
        {
            var commit = ReadShort(reference);
            return IsCommit(commit) ? commit : throw new VitrineException($"{reference}: holds '{commit}'; expected a commit. Fetch it with: {fetch}");
        }

        return IsCommit(revision)
            ? revision
            : throw new VitrineException(
                $"{name}: revision '{revision}' is not in the cache; {Path.Combine(model, "refs")} has {RevisionsOf(model)}. Fetch it with: {fetch}");
    }

    private static string ReadShort(string path)
    {
        try
        {
            using var reader = File.OpenText(path);
            var text = new char[128];
            return new string(text, 0, reader.ReadBlock(text)).Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VitrineException($"{path}: cannot be read ({e.Message}).", e);
        }
    }

    private static bool IsCommit(string text) => text.Length == 40 && text.All(char.IsAsciiHexDigitLower);

    private static string RevisionsOf(string model)
    {
        var refs = Path.Combine(model, "refs");
        var known = Directory.Exists(refs)
            ? Directory.GetFiles(refs, "*", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(refs, f)).Order(StringComparer.Ordinal).Take(5)
                .ToArray()
            : [];
        return known.Length == 0 ? "none" : string.Join(", ", known);
    }

    /// <remarks>A link whose blob is gone is a file that is half there: everything that reads the folder would say something less clear.</remarks>
    private static void RequireFiles(string snapshot, string name, string fetch)
    {
        var links = new DirectoryInfo(snapshot)
            .EnumerateFileSystemInfos("*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0, MaxRecursionDepth = 8 });
        foreach (var link in links.Where(l => l.LinkTarget is not null))
        {
            if (link.ResolveLinkTarget(returnFinalTarget: true) is not { Exists: true })
            {
                throw new VitrineException($"{name}: {Path.GetRelativePath(snapshot, link.FullName)} in {snapshot} links to {link.LinkTarget}, which is "
                    + $"missing. Fetch it again with: {fetch}");
            }
        }
    }
}
