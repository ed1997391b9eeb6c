using System.Text.Json;
using Vitrine.Checkpoints.Gguf;
using Vitrine.Checkpoints.PyTorch;
using static TorchSharp.torch;

namespace Vitrine.Checkpoints;

/// <summary>A model's weights by transformers' names: a folder with safetensors or torch files, single or in shards with their index, or a GGUF file.</summary>
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
    private readonly FileStamps stamps;
    private readonly Lazy<string> fingerprint;

    private Checkpoint(string source, Dictionary<string, ITensorFile> home, List<ITensorFile> files)
    {
        (this.source, this.home, this.files, stamps) = (source, home, files, FileStamps.Of(files.Select(f => f.Path)));
        Names = [.. home.Keys.Order(StringComparer.Ordinal)];
        fingerprint = new Lazy<string>(() => FileHash.Of(stamps.Paths));
    }

    /// <summary>Every tensor.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>
    /// SHA-256 over every byte of the files, in hexadecimal: other weights of the same shapes have another. It is made when it is first asked for.
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
    /// <exception cref="VitrineException">There are no weights, a shard is missing, or a file is broken; it is named.</exception>
    public static Checkpoint Open(string path)
    {
        var files = new List<ITensorFile>();
        try
        {
            if (File.Exists(path) && Path.GetExtension(path) == ".gguf")
            {
                return Lone(path, OpenGguf(path), files);
            }

            if (!Directory.Exists(path))
            {
                throw new VitrineException($"{path}: is no folder and no .gguf file.");
            }

            return In(path, files);
        }
        catch
        {
            files.ForEach(f => f.Dispose());
            throw;
        }
    }

    /// <summary>Refuses files that were written over or replaced since they were opened.</summary>
    /// <exception cref="VitrineException">One was; it is named.</exception>
    public void RequireUnchanged() => stamps.RequireUnchanged();

    /// <summary>Whether the checkpoint has a tensor.</summary>
    public bool Contains(string name) => home.ContainsKey(name);

    /// <summary>Format and shape of a tensor.</summary>
    /// <exception cref="VitrineException">It is missing.</exception>
    public TensorEntry Entry(string name) => Holder(name).Tensors[name];

    /// <summary>A tensor, owned by the caller, not to be written in place.</summary>
    /// <exception cref="VitrineException">It is missing.</exception>
    public Tensor Read(string name) => Holder(name).Read(name);

    /// <summary>A tensor of the shape that the configuration asks for.</summary>
    /// <exception cref="VitrineException">It is missing or of another shape.</exception>
    public Tensor Read(string name, IReadOnlyList<long> expected)
    {
        ArgumentNullException.ThrowIfNull(expected);
        var entry = Entry(name);
        return entry.Shape.SequenceEqual(expected)
            ? Read(name)
            : throw new VitrineException($"{Holder(name).Path}: tensor '{name}' is [{string.Join(", ", entry.Shape)}]; the configuration asks for "
                + $"[{string.Join(", ", expected)}]. Is it another model's?");
    }

    /// <inheritdoc/>
    public void Dispose() => files.ForEach(f => f.Dispose());

    private ITensorFile Holder(string name)
        => home.TryGetValue(name, out var file) ? file : throw new VitrineException($"{source}: the checkpoint lacks the tensor '{name}'.");

    private static Checkpoint In(string folder, List<ITensorFile> files)
    {
        string Inside(string name) => Path.Combine(folder, name);
        if (File.Exists(Inside(Index)))
        {
            return Sharded(folder, Index, SafetensorsFile.Open, files);
        }

        if (File.Exists(Inside(Single)))
        {
            return Lone(folder, SafetensorsFile.Open(Inside(Single)), files);
        }

        if (File.Exists(Inside(TorchIndex)))
        {
            return Sharded(folder, TorchIndex, TorchFile.Open, files);
        }

        if (File.Exists(Inside(TorchSingle)))
        {
            return Lone(folder, TorchFile.Open(Inside(TorchSingle)), files);
        }

        return Directory.GetFiles(folder, "*.gguf") switch
        {
            [var only] => Lone(only, OpenGguf(only), files),
            [] => throw new VitrineException($"{folder}: has no weights; expected {Single}, {Index}, {TorchSingle}, {TorchIndex} or a .gguf file."),
            var many => throw new VitrineException(
                $"{folder}: has {many.Length} .gguf files; name the one to open, e.g. {many.Order(StringComparer.Ordinal).First()}."),
        };
    }

    private static Checkpoint Lone(string source, ITensorFile file, List<ITensorFile> files)
    {
        files.Add(file);
        return new Checkpoint(source, file.Tensors.Keys.ToDictionary(n => n, _ => file, StringComparer.Ordinal), files);
    }

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

        return new Checkpoint(folder, home, files);
    }

    private static List<(string Name, string Shard)> WeightMap(string index)
    {
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(index), new JsonDocumentOptions { AllowDuplicateProperties = false });
            return [.. json.RootElement.GetProperty("weight_map").EnumerateObject().Select(p => (p.Name, p.Value.GetString() ?? ""))];
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or IOException)
        {
            throw new VitrineException($"{index}: has no weight_map of tensor names to shard files ({e.Message}).", e);
        }
    }
}
