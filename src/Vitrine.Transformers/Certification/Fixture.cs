using System.Text.Json;
using Vitrine.Checkpoints;
using Vitrine.Transformers.Families;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Certification;

/// <summary>A folder of reference numbers: <c>golden.safetensors</c> and the <c>meta.json</c> that says what they are.</summary>
/// <remarks>A folder of rendered frames has an <c>index.json</c> with their checksums in place of both.</remarks>
public sealed class Fixture : IDisposable
{
    private readonly SafetensorsFile? golden;

    private Fixture(string folder, JsonElement meta, SafetensorsFile? golden) => (Folder, Meta, this.golden) = (folder, meta, golden);

    /// <summary>The family of a folder of frames.</summary>
    internal const string FramesFamily = "frames";

    /// <summary>Where it lies.</summary>
    public string Folder { get; }

    /// <summary>meta.json.</summary>
    public JsonElement Meta { get; }

    /// <summary>The <c>family</c> of meta.json.</summary>
    public string Family => golden is null ? FramesFamily : Meta.GetProperty("family").GetString()!;

    /// <summary>Every key of the golden file.</summary>
    public IEnumerable<string> Keys => golden is null ? [] : golden.Tensors.Keys;

    /// <summary>Opens a folder.</summary>
    /// <exception cref="VitrineException">One of the two files is missing or broken.</exception>
    public static Fixture Open(string folder)
    {
        if (!File.Exists(Path.Combine(folder, "meta.json")))
        {
            if (File.Exists(Path.Combine(folder, "index.json")) && ConfigReader.Open(Path.Combine(folder, "index.json")) is { } index && index.Has("frames"))
            {
                return new Fixture(folder, index.Root, null);
            }

            throw new VitrineException($"{folder}: has no meta.json, so it is no folder of reference numbers.");
        }

        var meta = ConfigReader.Open(Path.Combine(folder, "meta.json"));
        _ = meta.Text("family");
        return new Fixture(folder, meta.Root, SafetensorsFile.Open(Path.Combine(folder, "golden.safetensors")));
    }

    /// <summary>Keys of one case, without its prefix.</summary>
    public IReadOnlyList<string> KeysOf(string @case)
        => [.. Keys.Where(k => k.StartsWith($"{@case}/", StringComparison.Ordinal)).Select(k => k[(@case.Length + 1)..]).Where(k => !k.Contains('/', StringComparison.Ordinal)).Order(StringComparer.Ordinal)];

    /// <summary>Whether the golden file has a key.</summary>
    public bool Has(string key) => golden is not null && golden.Tensors.ContainsKey(key);

    private SafetensorsFile Golden => golden ?? throw new VitrineException($"{Folder}: has no golden.safetensors.");

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

    /// <inheritdoc/>
    public void Dispose() => golden?.Dispose();
}
