using Vitrine.Checkpoints;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Caches;

/// <summary>A cache on disk: one safetensors file, its keys the addresses.</summary>
public sealed partial class ActivationCache
{
    private const string Format = "vitrine.activations/1";
    private const string IdsKey = "in.input_ids";
    private const string PositionsKey = "in.positions";

    /// <summary>Writes the cache to a safetensors file.</summary>
    /// <exception cref="VitrineException">The file cannot be written.</exception>
    public void Save(string path)
    {
        using var scope = NewDisposeScope();
        var tensors = activations.ToDictionary(a => a.Key.ToString(), a => a.Value);
        foreach (var (key, value) in inputs)
        {
            tensors[key] = value;
        }

        (tensors[IdsKey], tensors[PositionsKey]) = (TokenIds.Matrix(ids), Matrix(positions));
        var metadata = new Dictionary<string, string> { ["format"] = Format, ["family"] = model.Family, ["fingerprint"] = model.Fingerprint };
        using var writer = SafetensorsWriter.Create(path, [.. tensors.Select(t => TensorPlan.Of(t.Key, t.Value))], metadata);
        foreach (var (key, value) in tensors)
        {
            writer.Write(key, value.detach());
        }

        writer.Finish();
    }

    /// <summary>Reads what <see cref="Save"/> wrote.</summary>
    /// <param name="model">The model whose activations they are; it must outlive the cache.</param>
    /// <param name="path">The file; its numbers are mapped, not copied.</param>
    /// <param name="stack">The decoder that they belong to.</param>
    /// <exception cref="VitrineException">The file is no cache, or another model's.</exception>
    public static ActivationCache Load(Model model, string path, string stack = "language")
    {
        ArgumentNullException.ThrowIfNull(model);
        using var file = SafetensorsFile.Open(path);
        Require(file, "format", Format, "Is it a cache of activations?");
        Require(file, "fingerprint", model.Fingerprint, "Is it another model's?");
        int[][] ids = [.. Rows(file, IdsKey).Select(row => row.Select(id => TokenIds.Of(id, $"{path}: '{IdsKey}'")).ToArray())];
        var positions = Rows(file, PositionsKey);
        if (ids.Length != positions.Length || ids.Length == 0 || ids[0].Length != positions[0].Length)
        {
            throw new VitrineException($"{path}: '{IdsKey}' and '{PositionsKey}' differ in shape.");
        }

        var decoder = model.Decoders.FirstOrDefault(d => d.Shape.Name == stack)
            ?? throw new VitrineException($"{path}: {model.Name} has no decoder '{stack}'.");
        var cache = new ActivationCache(model, decoder, [], [], ids, positions);
        try
        {
            foreach (var entry in file.Tensors.Values.Where(t => t.Name is not (IdsKey or PositionsKey)))
            {
                if (entry.Shape.Count < 2 || entry.Shape[0] != ids.Length)
                {
                    throw new VitrineException($"{path}: '{entry.Name}' is [{string.Join(", ", entry.Shape)}]; expected {ids.Length} rows.");
                }

                if (entry.Name is Words or Places)
                {
                    cache.inputs[entry.Name] = file.Read(entry.Name).DetachFromDisposeScope();
                }
                else
                {
                    cache.activations[Address.Parse(entry.Name)] = file.Read(entry.Name).DetachFromDisposeScope();
                }
            }

            return cache.inputs.ContainsKey(Words) ? cache : throw new VitrineException($"{path}: lacks '{Words}'.");
        }
        catch
        {
            cache.Dispose();
            throw;
        }
    }

    private static void Require(SafetensorsFile file, string key, string expected, string hint)
    {
        var found = file.Metadata.GetValueOrDefault(key);
        if (found != expected)
        {
            throw new VitrineException($"{file.Path}: its {key} is '{found}'; expected '{expected}'. {hint}");
        }
    }

    private static long[][] Rows(SafetensorsFile file, string key)
    {
        using var tensor = file.Read(key);
        return tensor.dim() == 2 && tensor.dtype == ScalarType.Int64 && tensor.shape[1] > 0
            ? [.. tensor.data<long>().ToArray().Chunk((int)tensor.shape[1])]
            : throw new VitrineException(
                $"{file.Path}: '{key}' is [{string.Join(", ", tensor.shape)}] of {tensor.dtype}; expected whole numbers, row by token.");
    }

    private static Tensor Matrix(long[][] rows) => tensor([.. rows.SelectMany(r => r)], [rows.Length, rows[0].Length]);
}
