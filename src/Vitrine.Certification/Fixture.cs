using System.Text.Json;
using Vitrine.Checkpoints;
using static TorchSharp.torch;

namespace Vitrine.Certification;

/// <summary>
/// A folder of reference numbers: <c>golden.safetensors</c>, or <c>golden.json</c> where they are texts and ids, and the <c>meta.json</c> that says what they
/// are.
/// </summary>
/// <remarks>A folder of rendered frames has an <c>index.json</c> with their checksums in place of both.</remarks>
public sealed class Fixture : IDisposable
{
    private const string Numbered = "golden.safetensors";
    private const string Written = "golden.json";

    private readonly SafetensorsFile? golden;

    private Fixture(string folder, string family, JsonElement meta, SafetensorsFile? golden)
        => (Folder, Family, Meta, this.golden) = (folder, family, meta, golden);

    /// <summary>The family of a folder of frames.</summary>
    internal const string FramesFamily = "frames";

    /// <summary>Where it lies.</summary>
    public string Folder { get; }

    /// <summary>meta.json.</summary>
    public JsonElement Meta { get; }

    /// <summary>The <c>family</c> of meta.json; for goldens of an analysis, which name models instead, <c>methods/</c> and the folder's name.</summary>
    public string Family { get; }

    /// <summary>Every key of the golden file; none where the goldens are no tensors.</summary>
    public IEnumerable<string> Keys => golden?.Tensors.Keys ?? [];

    /// <summary>Opens a folder.</summary>
    /// <exception cref="VitrineException">One of the two files is missing or broken.</exception>
    public static Fixture Open(string folder)
    {
        if (!File.Exists(Path.Combine(folder, "meta.json")))
        {
            if (File.Exists(Path.Combine(folder, "index.json")) && ConfigReader.Open(Path.Combine(folder, "index.json")) is { } index && index.Has("frames"))
            {
                return new Fixture(folder, FramesFamily, index.Root, null);
            }

            throw new VitrineException(File.Exists(folder)
                ? $"{folder}: is a file; expected a folder of reference numbers (meta.json beside golden.safetensors)."
                : $"{folder}: has no meta.json, so it is no folder of reference numbers.");
        }

        var meta = ConfigReader.Open(Path.Combine(folder, "meta.json"));
        var family = meta.Has("family") || !meta.Has("description")
            ? meta.Text("family")
            : $"methods/{Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)))}";
        var areTexts = !File.Exists(Path.Combine(folder, Numbered)) && File.Exists(Path.Combine(folder, Written));
        return new Fixture(folder, family, meta.Root, areTexts ? null : SafetensorsFile.Open(Path.Combine(folder, Numbered)));
    }

    /// <summary>Keys of one case, without its prefix.</summary>
    public IReadOnlyList<string> KeysOf(string @case)
        => [.. Keys.Where(k => k.StartsWith($"{@case}/", StringComparison.Ordinal)).Select(k => k[(@case.Length + 1)..])
            .Where(k => !k.Contains('/', StringComparison.Ordinal)).Order(StringComparer.Ordinal)];

    /// <summary>The entries of golden.json, each with a <c>text</c>.</summary>
    /// <exception cref="VitrineException">The file is missing, or no list of texts.</exception>
    public IReadOnlyList<JsonElement> Texts()
    {
        var file = Path.Combine(Folder, Written);
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(file));
            JsonElement[] entries = [.. json.RootElement.Clone().EnumerateArray()];
            return entries.All(e => e.ValueKind == JsonValueKind.Object && e.TryGetProperty("text", out var text) && text.ValueKind == JsonValueKind.String)
                ? entries
                : throw new VitrineException($"{file}: an entry has no text.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or InvalidOperationException)
        {
            throw new VitrineException($"{file}: is no list of reference texts ({e.Message}).", e);
        }
    }

    /// <summary>Whether the golden file has a key.</summary>
    public bool Has(string key) => golden?.Tensors.ContainsKey(key) ?? false;

    /// <summary>The sizes of a reference tensor.</summary>
    public IReadOnlyList<long> Shape(string key) => Golden.Tensors[key].Shape;

    /// <summary>A reference tensor, owned by the caller.</summary>
    public Tensor Read(string key) => Golden.Read(key);

    /// <summary>A reference tensor's whole numbers.</summary>
    public long[] Integers(string key)
    {
        using var tensor = Golden.Read(key);
        using var wide = tensor.to(int64);
        return wide.data<long>().ToArray();
    }

    /// <summary>A reference tensor's numbers.</summary>
    public double[] Numbers(string key)
    {
        using var tensor = Golden.Read(key);
        using var wide = tensor.to(float64);
        return wide.data<double>().ToArray();
    }

    /// <summary>A matrix's whole numbers, row by row.</summary>
    public long[][] Rows(string key)
    {
        var width = (int)Golden.Tensors[key].Shape[^1];
        return [.. Integers(key).Chunk(width)];
    }

    /// <summary>A reference tensor's token ids.</summary>
    /// <exception cref="VitrineException">One is wider than an id can be.</exception>
    public int[] Ids(string key) => [.. Integers(key).Select(id => id is >= int.MinValue and <= int.MaxValue
        ? (int)id
        : throw new VitrineException($"{Folder}: '{key}': {id} is no token id; expected at most {int.MaxValue}."))];

    /// <summary>A matrix's token ids, row by row.</summary>
    /// <exception cref="VitrineException">One is wider than an id can be.</exception>
    public int[][] IdRows(string key) => [.. Ids(key).Chunk((int)Golden.Tensors[key].Shape[^1])];

    private SafetensorsFile Golden => golden ?? throw new VitrineException($"{Folder}: has no {Numbered}.");

    /// <inheritdoc/>
    public void Dispose() => golden?.Dispose();
}
