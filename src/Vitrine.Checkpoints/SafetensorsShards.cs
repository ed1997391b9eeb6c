using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using static TorchSharp.torch;

namespace Vitrine.Checkpoints;

/// <summary>Writes a folder's weights: one safetensors file, or shards with their index, in the layout that <see cref="Checkpoint"/> opens.</summary>
/// <remarks>Names as transformers gives them: <c>model-00001-of-00003.safetensors</c>, <c>model.safetensors.index.json</c>.</remarks>
public static partial class SafetensorsShards
{
    private static readonly JsonSerializerOptions Readable = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes tensors, the index last; files of an older save that would be opened in place of the new ones are then deleted.</summary>
    /// <param name="folder">Is made where there is none.</param>
    /// <param name="tensors">All that will be written; shards are filled in this order.</param>
    /// <param name="read">Makes a tensor when its turn comes; it is disposed once it is written.</param>
    /// <param name="shardBytes">How many bytes of data a shard may have; a larger tensor gets its own.</param>
    /// <param name="metadata">The <c>__metadata__</c> of each shard.</param>
    /// <returns>The files written, the index last where there is one.</returns>
    /// <exception cref="VitrineException">The folder cannot be written, or a tensor is not as planned.</exception>
    public static IReadOnlyList<string> Save(string folder, IReadOnlyList<TensorPlan> tensors, Func<string, Tensor> read, long shardBytes = 5_000_000_000,
        IReadOnlyDictionary<string, string>? metadata = null)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        ArgumentNullException.ThrowIfNull(read);
        ArgumentOutOfRangeException.ThrowIfLessThan(shardBytes, 1);
        if (tensors.GroupBy(t => t.Name, StringComparer.Ordinal).FirstOrDefault(g => g.Count() > 1) is { } twice)
        {
            throw new VitrineException($"{folder}: the name '{twice.Key}' is planned twice.");
        }

        AtomicFile.RequireFolder(folder);
        var shards = Divide(tensors, shardBytes);
        var index = Path.Combine(folder, Checkpoint.Index);
        var files = new List<string>();
        for (var i = 0; i < shards.Count; i++)
        {
            var name = shards.Count == 1 ? Checkpoint.Single : FormattableString.Invariant($"model-{i + 1:D5}-of-{shards.Count:D5}.safetensors");
            Write(Path.Combine(folder, name), shards[i], read, metadata);
            files.Add(Path.Combine(folder, name));
        }

        if (shards.Count == 1)
        {
            DeleteOlder(folder, files);
            return files;
        }

        var map = new JsonObject();
        foreach (var (name, file) in shards.SelectMany((s, i) => s.Select(t => (t.Name, File: Path.GetFileName(files[i]))))
            .OrderBy(t => t.Name, StringComparer.Ordinal))
        {
            map[name] = file;
        }

        var json = new JsonObject { ["metadata"] = new JsonObject { ["total_size"] = tensors.Sum(t => t.ByteCount) }, ["weight_map"] = map };
        AtomicFile.WriteAllText(index, json.ToJsonString(Readable) + "\n");
        DeleteOlder(folder, [.. files, index]);
        return [.. files, index];
    }

    /// <summary>Files of an older save: a single one would be opened in place of shards, shards of another number are named by nothing.</summary>
    private static void DeleteOlder(string folder, List<string> written)
    {
        foreach (var path in Directory.GetFiles(folder, "model*.safetensors*").Where(p => OwnName().IsMatch(Path.GetFileName(p)) && !written.Contains(p)))
        {
            try
            {
                File.Delete(path);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new VitrineException($"{path}: is of an older save and cannot be deleted ({e.Message}); delete it, or it is opened in place of the new "
                    + "one.", e);
            }
        }
    }

    [GeneratedRegex(@"^model(-\d{5}-of-\d{5})?\.safetensors(\.index\.json)?$", RegexOptions.CultureInvariant)]
    private static partial Regex OwnName();

    private static List<List<TensorPlan>> Divide(IReadOnlyList<TensorPlan> tensors, long shardBytes)
    {
        var shards = new List<List<TensorPlan>> { new() };
        long filled = 0;
        foreach (var tensor in tensors)
        {
            if (shards[^1].Count > 0 && filled + tensor.ByteCount > shardBytes)
            {
                shards.Add([]);
                filled = 0;
            }

            shards[^1].Add(tensor);
            filled += tensor.ByteCount;
        }

        return shards;
    }

    private static void Write(string path, List<TensorPlan> tensors, Func<string, Tensor> read, IReadOnlyDictionary<string, string>? metadata)
    {
        using var writer = SafetensorsWriter.Create(path, tensors, metadata);
        foreach (var plan in tensors)
        {
            using var tensor = read(plan.Name);
            writer.Write(plan.Name, tensor);
        }

        writer.Finish();
    }
}
