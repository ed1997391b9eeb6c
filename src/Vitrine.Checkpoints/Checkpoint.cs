using Vitrine.Checkpoints.Adapters;
using Vitrine.Checkpoints.Gguf;
using Vitrine.Checkpoints.PyTorch;
using static TorchSharp.torch;

namespace Vitrine.Checkpoints;

/// <summary>A model's weights by transformers' names: a folder with safetensors or torch files, single or in shards with their index, or a GGUF file.</summary>
/// <remarks>
/// A folder may hold several: transformers takes model.safetensors, then its shards, then pytorch_model.bin, then its shards, and so does this. A LoRA adapter
/// may stand on top; its replacements are read here, its products are added where a model takes its matrices (<see cref="Adapter"/>).
/// </remarks>
public sealed class Checkpoint : IDisposable
{
    /// <summary>The one file of a folder.</summary>
    internal const string Single = "model.safetensors";

    /// <summary>The index of its shards.</summary>
    internal const string Index = "model.safetensors.index.json";

    private const string TorchSingle = "pytorch_model.bin", TorchIndex = "pytorch_model.bin.index.json";
    private readonly string source;
    private readonly Dictionary<string, ITensorFile> home;
    private readonly List<ITensorFile> files;
    private FileStamps stamps;
    private readonly Lazy<string> fingerprint;
    private readonly string? index;

    private Checkpoint(string source, Dictionary<string, ITensorFile> home, List<ITensorFile> files, string? index = null)
    {
        (this.source, this.home, this.files, this.index, stamps) = (source, home, files, index, FileStamps.Of(files.SelectMany(f => f.Paths)));
        Names = [.. home.Keys.Order(StringComparer.Ordinal)];
        fingerprint = new Lazy<string>(() => FileHash.Of(stamps.Paths));
    }

    /// <summary>The order in which a folder's files are looked for, as in transformers.</summary>
    public static IReadOnlyList<string> Order { get; } = [Single, Index, TorchSingle, TorchIndex];

    /// <summary>What each key of an index does.</summary>
    public static IReadOnlyList<CompanionKey> IndexKeys { get; } =
    [
        .. new CompanionTable(Index).Applied("weight_map", "which shard holds which tensor; torch's index is read alike"),
        .. new CompanionTable(Index).Bookkeeping("sizes, and what the writer noted", "metadata"),
    ];

    /// <summary>Every tensor.</summary>
    public IReadOnlyList<string> Names { get; private set; }

    /// <summary>The files that are read: the weights, the index that names them, and an adapter's.</summary>
    public IReadOnlyList<string> Files => [.. index is null ? [] : new[] { index }, .. files.SelectMany(f => f.Paths), .. Adapter?.Files ?? []];

    /// <summary>What was decided where the folder holds two sets of weights of one format; lines for people.</summary>
    public IReadOnlyList<string> Notes { get; private init; } = [];

    /// <summary>The adapter on top; null where there is none.</summary>
    public LoraAdapter? Adapter { get; private set; }

    /// <summary>
    /// SHA-256 over every byte of the files, an adapter's included, in hexadecimal: other weights of the same shapes have another. It is made when it is first
    /// asked for.
    /// </summary>
    /// <exception cref="VitrineException">A file cannot be read any more, or was written over or replaced since it was opened.</exception>
    public string Fingerprint
    {
        get
        {
            var made = fingerprint.Value;
            RequireUnchanged();
            return made;
        }
    }

    /// <summary>The GGUF file behind it, whose metadata are configuration and tokenizer; null for folders of safetensors or torch files.</summary>
    public GgufFile? Gguf => (files.FirstOrDefault() as GgufModel)?.File;

    /// <summary>Opens a folder, or a .gguf file.</summary>
    /// <param name="path">
    /// A folder with <c>model.safetensors</c> or <c>pytorch_model.bin</c>, or the index of either's shards, or one <c>.gguf</c> file; or that file itself.
    /// </param>
    /// <param name="adapter">A folder with a LoRA adapter to stand on top; null for none.</param>
    /// <exception cref="VitrineException">There are no weights, a shard is missing, or a file is broken; it is named.</exception>
    public static Checkpoint Open(string path, string? adapter = null)
    {
        var files = new List<ITensorFile>();
        try
        {
            var opened = File.Exists(path) && Path.GetExtension(path) == ".gguf" ? Lone(path, OpenGguf(path), files)
                : Directory.Exists(path) ? In(path, files)
                : throw new VitrineException($"{path}: is no folder and no .gguf file.");
            return adapter is null ? opened : opened.Under(LoraAdapter.Open(adapter, opened.Names));
        }
        catch
        {
            files.ForEach(f => f.Dispose());
            throw;
        }
    }

    /// <summary>Opens one file of tensors that stands beside a model's: an action head, a projector.</summary>
    /// <param name="path">A file of torch.save (<c>.pt</c>, <c>.bin</c>) or of safetensors.</param>
    /// <exception cref="VitrineException">It is neither, or broken.</exception>
    public static Checkpoint OpenFile(string path)
        => Lone(path, Path.GetExtension(path) == ".safetensors" ? SafetensorsFile.Open(path) : TorchFile.Open(path), []);

    /// <summary>Refuses files that were written over or replaced since they were opened.</summary>
    /// <exception cref="VitrineException">One was; it is named.</exception>
    public void RequireUnchanged() => stamps.RequireUnchanged();

    /// <summary>Whether the checkpoint has a tensor.</summary>
    public bool Contains(string name) => home.ContainsKey(name) || Adapter?.Replacement(name) is not null;

    /// <summary>Format and shape of a tensor.</summary>
    /// <exception cref="VitrineException">It is missing.</exception>
    public TensorEntry Entry(string name) => Adapter?.Replacement(name) is { } own ? own.File.Tensors[own.Name] : Holder(name).Tensors[name];

    /// <summary>A tensor, owned by the caller, not to be written in place.</summary>
    /// <exception cref="VitrineException">It is missing.</exception>
    /// <remarks>What an adapter adds to it is not in it; a tensor that an adapter replaces is the adapter's.</remarks>
    public Tensor Read(string name) => Adapter?.Replacement(name) is { } own ? own.File.Read(own.Name) : Holder(name).Read(name);

    /// <summary>Whether <see cref="ReadRows"/> gives a matrix.</summary>
    internal bool HasRows(string name)
        => !(Adapter is { } adapter && (adapter.Changes(name) || adapter.Replacement(name) is not null)) && Holder(name).HasRows(name);

    /// <summary>
    /// A matrix of a .gguf file as its rows lie there, mapped, where products can read it so; null for another, and where an adapter changes it. Owned by the
    /// caller.
    /// </summary>
    internal (Tensor Bytes, BlockRows Rows)? ReadRows(string name)
        => HasRows(name) ? Holder(name).ReadRows(name) : null;

    /// <summary>A tensor of the shape that the configuration asks for.</summary>
    /// <exception cref="VitrineException">It is missing or of another shape.</exception>
    public Tensor Read(string name, IReadOnlyList<long> expected)
    {
        Require(name, expected);
        return Read(name);
    }

    /// <summary>Refuses a tensor of another shape than the configuration asks for, without reading it.</summary>
    /// <exception cref="VitrineException">It is missing or of another shape.</exception>
    public void Require(string name, IReadOnlyList<long> expected)
    {
        ArgumentNullException.ThrowIfNull(expected);
        if (Entry(name) is var entry && !entry.Shape.SequenceEqual(expected))
        {
            throw new VitrineException($"{(Adapter?.Replacement(name)?.File ?? Holder(name)).Path}: tensor '{name}' is [{string.Join(", ", entry.Shape)}]; the "
                + $"configuration asks for [{string.Join(", ", expected)}]. Is it another model's?");
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        files.ForEach(f => f.Dispose());
        Adapter?.Dispose();
    }

    private ITensorFile Holder(string name)
        => home.TryGetValue(name, out var file) ? file : throw new VitrineException($"{source}: the checkpoint lacks the tensor '{name}'.");

    private static Checkpoint In(string folder, List<ITensorFile> files)
    {
        switch (Order.FirstOrDefault(n => File.Exists(Path.Combine(folder, n))))
        {
            case Single:
                return Lone(folder, SafetensorsFile.Open(Path.Combine(folder, Single)), files, Beside(folder, Single, Index));
            case Index:
                return Sharded(folder, Index, SafetensorsFile.Open, files);
            case TorchSingle:
                return Lone(folder, TorchFile.OpenFlat(Path.Combine(folder, TorchSingle)), files, Beside(folder, TorchSingle, TorchIndex));
            case TorchIndex:
                return Sharded(folder, TorchIndex, TorchFile.OpenFlat, files);
        }

        return GgufPart.OnlyModel(folder) is { } only ? Lone(only, OpenGguf(only), files)
            : throw new VitrineException($"{folder}: has no weights; expected {Single}, {Index}, {TorchSingle}, {TorchIndex} or a .gguf file.");
    }

    private static Checkpoint Lone(string source, ITensorFile file, List<ITensorFile> files, params string[] notes)
    {
        files.Add(file);
        return new Checkpoint(source, file.Tensors.Keys.ToDictionary(n => n, _ => file, StringComparer.Ordinal), files) { Notes = notes };
    }

    private static string[] Beside(string folder, string single, string index) => File.Exists(Path.Combine(folder, index))
        ? [$"{folder}: has {single} and {index}; {single} is read, as transformers does, and the shards are not."]
        : [];

    private static GgufModel OpenGguf(string path)
    {
        var file = GgufFile.Open(path);
        try
        {
            return new GgufModel(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static Checkpoint Sharded(string folder, string indexName, Func<string, ITensorFile> open, List<ITensorFile> files)
    {
        var index = Path.Combine(folder, indexName);
        var shards = new Dictionary<string, ITensorFile>(StringComparer.Ordinal);
        var home = new Dictionary<string, ITensorFile>(StringComparer.Ordinal);
        foreach (var (name, shard) in WeightMap(index))
        {
            if (!shards.TryGetValue(shard, out var file))
            {
                if (shard is "" or "." or ".." || shard.IndexOfAny(['/', '\\', ':', '\0']) >= 0)
                {
                    throw new VitrineException($"{index}: the shard '{shard}' of tensor '{name}' is no plain file name; it is refused.");
                }

                var path = Path.Combine(folder, shard);
                if (!File.Exists(path))
                {
                    throw new VitrineException($"{index}: the shard '{shard}' is missing; tensor '{name}' should be in it.");
                }

                shards[shard] = file = open(path);
                files.Add(file);
            }

            home[name] = file.Tensors.ContainsKey(name)
                ? file
                : throw new VitrineException($"{index}: says that tensor '{name}' is in '{shard}', which lacks it.");
        }

        return new Checkpoint(folder, home, files, index);
    }

    private static (string Name, string Shard)[] WeightMap(string index)
    {
        try
        {
            var json = ConfigReader.Open(index);
            var map = json.Object("weight_map");
            json.RefuseOthers(IndexKeys);
            return [.. map.Root.EnumerateObject().Select(p => (p.Name, map.Text(p.Name)))];
        }
        catch (VitrineException e)
        {
            throw new VitrineException($"{index}: has no weight_map of tensor names to shard files: {e.Message}", e);
        }
    }

    private Checkpoint Under(LoraAdapter adapter)
    {
        Adapter = adapter;
        stamps = FileStamps.Of([.. stamps.Paths, .. adapter.Files]);
        Names = [.. home.Keys.Concat(adapter.Replaced).Distinct().Order(StringComparer.Ordinal)];
        return this;
    }
}
