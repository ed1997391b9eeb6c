using Vitrine.Checkpoints;

namespace Vitrine.Mechanisms.ValueVectors;

/// <summary>Forms in which results are kept.</summary>
[Flags]
public enum ProjectionForms
{
    /// <summary>One Parquet file a layer.</summary>
    Parquet = 1,

    /// <summary>One file of JSON lines a layer.</summary>
    JsonLines = 2,
}

/// <summary>
/// A folder of readings, one file a layer. A run that was interrupted goes on where it stopped; a folder of another model or of other settings is refused.
/// </summary>
public sealed class ProjectionFolder
{
    private const string About = "projection.json";
    private readonly string folder;
    private readonly IValueVectorSource source;
    private readonly ProjectionSettings settings;
    private readonly Dictionary<string, string> about;

    private ProjectionFolder(string folder, IValueVectorSource source, ProjectionSettings settings)
    {
        (this.folder, this.source, this.settings) = (folder, source, settings);
        about = new()
        {
            ["fingerprint"] = source.Fingerprint,
            ["settings"] = settings.Fingerprint(),
            ["norm"] = settings.Norm.ToString(),
            ["layers"] = $"{source.Layers}",
            ["neurons"] = $"{source.Neurons}",
        };
        if (source.Form is { } form)
        {
            about["vectors"] = form;
        }
    }

    /// <summary>Opens or starts a folder.</summary>
    /// <param name="folder">Made where there is none.</param>
    /// <param name="source">Whose value vectors.</param>
    /// <param name="settings">How they are read.</param>
    /// <exception cref="VitrineException">It belongs to another model or other settings, or cannot be written.</exception>
    public static ProjectionFolder Open(string folder, IValueVectorSource source, ProjectionSettings settings)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(settings);
        AtomicFile.RequireFolder(folder);
        var opened = new ProjectionFolder(folder, source, settings);
        var path = Path.Combine(folder, About);
        if (!File.Exists(path))
        {
            AtomicFile.WriteAllText(path, ProjectionFile.AboutAsJson(opened.about) + "\n");
            return opened;
        }

        var found = ConfigReader.Open(path);
        foreach (var (key, wanted) in opened.about)
        {
            var kept = found.Text(key, "");
            if (kept != wanted)
            {
                throw new VitrineException($"{path}: its {key} is '{kept}', this run's '{wanted}'. Choose another folder, or remove this one.");
            }
        }

        return opened;
    }

    /// <summary>Layers whose files are there.</summary>
    /// <param name="forms">In all of these forms.</param>
    public IReadOnlyList<int> Finished(ProjectionForms forms) => [.. Enumerable.Range(0, source.Layers).Where(l => Files(l, forms).All(File.Exists))];

    /// <summary>Reads what is missing, layer by layer.</summary>
    /// <param name="print">A token as people read it.</param>
    /// <param name="forms">Files to write.</param>
    /// <param name="layers">Which layers; all when null.</param>
    /// <param name="progress">Told the share that is done, finished layers included.</param>
    /// <param name="cancellation">Stops between tiles; finished layers stay.</param>
    /// <returns>Layers that this call read.</returns>
    public async Task<IReadOnlyList<int>> RunAsync(
        Func<int, string> print, ProjectionForms forms = ProjectionForms.Parquet, IReadOnlyList<int>? layers = null, IProgress<double>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(print);
        var wanted = layers ?? [.. Enumerable.Range(0, source.Layers)];
        var finished = Finished(forms).ToHashSet();
        int[] missing = [.. wanted.Where(l => !finished.Contains(l))];
        if (missing.Length == 0)
        {
            progress?.Report(1);
            return missing;
        }

        using var reader = VocabularyReader.Open(source, settings);
        for (var i = 0; i < missing.Length; i++)
        {
            var before = wanted.Count - missing.Length + i;
            using var vectors = source.Vectors(missing[i]);
            var neurons = reader.Read(vectors, share => progress?.Report((before + share) / wanted.Count), cancellation);
            RequireSameModel();
            if (forms.HasFlag(ProjectionForms.JsonLines))
            {
                ProjectionFile.WriteJsonLines(Path.Combine(folder, ProjectionFile.NameOf(missing[i], "jsonl")), missing[i], neurons, print, about);
            }

            if (forms.HasFlag(ProjectionForms.Parquet))
            {
                await ProjectionFile.WriteParquetAsync(
                    Path.Combine(folder, ProjectionFile.NameOf(missing[i], "parquet")), missing[i], neurons, print, about, cancellation).ConfigureAwait(false);
            }
        }

        return missing;
    }

    /// <summary>Reads a finished layer's Parquet file.</summary>
    /// <param name="layer">From 0.</param>
    /// <param name="cancellation">Stops.</param>
    public Task<IReadOnlyList<NeuronReading>> ReadAsync(int layer, CancellationToken cancellation = default)
        => ProjectionFile.ReadParquetAsync(Path.Combine(folder, ProjectionFile.NameOf(layer, "parquet")), cancellation);

    /// <remarks>A source over files tells by itself, and names the file, where one was written over since.</remarks>
    private void RequireSameModel()
    {
        if (source.Fingerprint != about["fingerprint"])
        {
            throw new VitrineException($"{folder}: {source.Name} is another model than when the reading began; its layer is not kept.");
        }
    }

    private IEnumerable<string> Files(int layer, ProjectionForms forms)
    {
        if (forms.HasFlag(ProjectionForms.JsonLines))
        {
            yield return Path.Combine(folder, ProjectionFile.NameOf(layer, "jsonl"));
        }

        if (forms.HasFlag(ProjectionForms.Parquet))
        {
            yield return Path.Combine(folder, ProjectionFile.NameOf(layer, "parquet"));
        }
    }
}
