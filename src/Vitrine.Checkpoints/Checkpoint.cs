using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using static TorchSharp.torch;

namespace Vitrine.Checkpoints;

/// <summary>A folder's weights: one safetensors file, or shards with their index.</summary>
public sealed class Checkpoint : IDisposable
{
    private const string Single = "model.safetensors";
    private const string Index = "model.safetensors.index.json";
    private readonly string folder;
    private readonly Dictionary<string, SafetensorsFile> home;
    private readonly List<SafetensorsFile> files;

    private Checkpoint(string folder, Dictionary<string, SafetensorsFile> home, List<SafetensorsFile> files)
    {
        (this.folder, this.home, this.files) = (folder, home, files);
        Names = [.. home.Keys.Order(StringComparer.Ordinal)];
        Fingerprint = Hash();
    }

    /// <summary>Every tensor.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>SHA-256 over names, formats and shapes and the first bytes of each tensor, in hexadecimal.</summary>
    public string Fingerprint { get; }

    /// <summary>Opens a folder.</summary>
    /// <exception cref="VitrineException">There are no weights, a shard is missing, or a file is broken; it is named.</exception>
    public static Checkpoint Open(string folder)
    {
        if (!Directory.Exists(folder))
        {
            throw new VitrineException($"{folder}: is no folder.");
        }

        var files = new List<SafetensorsFile>();
        try
        {
            if (File.Exists(Path.Combine(folder, Index)))
            {
                return Sharded(folder, files);
            }

            var single = Path.Combine(folder, Single);
            if (!File.Exists(single))
            {
                throw new VitrineException($"{folder}: has neither {Single} nor {Index}.");
            }

            files.Add(SafetensorsFile.Open(single));
            return new Checkpoint(folder, files[0].Tensors.Keys.ToDictionary(n => n, _ => files[0]), files);
        }
        catch
        {
            files.ForEach(f => f.Dispose());
            throw;
        }
    }

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
            : throw new VitrineException($"{Holder(name).Path}: tensor '{name}' is [{string.Join(", ", entry.Shape)}]; the configuration asks for [{string.Join(", ", expected)}]. Is it another model's?");
    }

    /// <inheritdoc/>
    public void Dispose() => files.ForEach(f => f.Dispose());

    private SafetensorsFile Holder(string name) => home.TryGetValue(name, out var file) ? file : throw new VitrineException($"{folder}: the checkpoint lacks the tensor '{name}'.");

    private static Checkpoint Sharded(string folder, List<SafetensorsFile> files)
    {
        var index = Path.Combine(folder, Index);
        var shards = new Dictionary<string, SafetensorsFile>(StringComparer.Ordinal);
        var home = new Dictionary<string, SafetensorsFile>(StringComparer.Ordinal);
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

                shards[shard] = file = SafetensorsFile.Open(path);
                files.Add(file);
            }

            home[name] = file.Tensors.ContainsKey(name) ? file : throw new VitrineException($"{index}: says that tensor '{name}' is in '{shard}', which lacks it.");
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

    private string Hash()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var first = new byte[64];
        foreach (var name in Names)
        {
            var entry = Entry(name);
            hash.AppendData(Encoding.UTF8.GetBytes($"{name}\0{entry.Dtype.Spelling()}\0{string.Join(',', entry.Shape)}\0"));
        }

        foreach (var file in files)
        {
            using var stream = File.OpenRead(file.Path);
            foreach (var entry in file.Tensors.Values.OrderBy(e => e.Begin))
            {
                stream.Position = entry.Begin;
                var count = stream.ReadAtLeast(first.AsSpan(0, (int)Math.Min(64, entry.ByteCount)), (int)Math.Min(64, entry.ByteCount), throwOnEndOfStream: false);
                hash.AppendData(first.AsSpan(0, count));
            }
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
