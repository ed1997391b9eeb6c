using System.Globalization;
using Vitrine.Checkpoints;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Captures;

/// <summary>Activations on disk, as <see cref="CaptureWriter"/> left them. Shards are mapped one at a time.</summary>
public sealed class CaptureFolder
{
    private readonly string folder;

    private CaptureFolder(string folder, CaptureDescription description) => (this.folder, Description) = (folder, description);

    /// <summary>Whose they are, of which prompts, by which plan.</summary>
    public CaptureDescription Description { get; }

    /// <summary>Whether every shard is there.</summary>
    public bool IsComplete => Enumerable.Range(0, Description.Shards).All(s => File.Exists(PathOf(s)));

    /// <summary>Opens a folder, complete or not.</summary>
    /// <exception cref="VitrineException">It has no index, or a broken one.</exception>
    public static CaptureFolder Open(string folder) => new(folder, CaptureDescription.Read(folder));

    /// <summary>The addresses that were captured.</summary>
    /// <exception cref="VitrineException">No shard is done.</exception>
    public IReadOnlyList<Address> Addresses()
    {
        using var file = Shard(0);
        return [.. file.Tensors.Keys.Where(k => k is not (CaptureWriter.Ids or CaptureWriter.Positions)).Select(Address.Parse).OrderBy(a => a.Layer)
            .ThenBy(a => a.Point)];
    }

    /// <summary>An activation of every prompt, in order, padding cut off: (T,...) each, or (H,T,T) of scores and patterns; owned by the caller.</summary>
    /// <param name="address">As it was captured.</param>
    /// <exception cref="VitrineException">It was not captured, or a shard is missing, broken, or of other settings.</exception>
    public IEnumerable<Tensor> Read(string address) => Rows(address, Address.Parse(address).Point.Axes == PointAxes.Attention);

    /// <summary>The ids of every prompt, in order.</summary>
    /// <exception cref="VitrineException">A shard is missing, broken, or of other settings.</exception>
    public IEnumerable<IReadOnlyList<int>> Prompts()
    {
        foreach (var ids in Rows(CaptureWriter.Ids, attention: false))
        {
            using (ids)
            {
                yield return [.. ids.data<long>().ToArray().Select(id => TokenIds.Of(id, $"{folder}: '{CaptureWriter.Ids}'"))];
            }
        }
    }

    private IEnumerable<Tensor> Rows(string key, bool attention)
    {
        for (var shard = 0; shard < Description.Shards; shard++)
        {
            using var file = Shard(shard);
            if (!file.Tensors.TryGetValue(key, out var entry))
            {
                throw new VitrineException($"{folder}: activation '{key}' was not captured; the nearest that was is "
                    + $"'{Nearest.Of(key, file.Tensors.Keys.Where(k => !k.StartsWith("in.", StringComparison.Ordinal)))}'.");
            }

            using var positions = file.Read(CaptureWriter.Positions);
            using var values = file.Read(key);
            using var counts = positions.ge(0).sum(1);
            var lengths = counts.data<long>().ToArray();
            var hasPositions = attention || entry.Shape.Count > 1 && entry.Shape[1] == positions.shape[1];
            for (var row = 0; row < lengths.Length; row++)
            {
                yield return Own(values, row, hasPositions ? lengths[row] : null, attention);
            }
        }
    }

    /// <param name="length">Tokens of the row; null where the activation has no positions.</param>
    private static Tensor Own(Tensor values, int row, long? length, bool attention)
    {
        using var scope = NewDisposeScope();
        var own = values[row];
        own = length is not { } count ? own : attention ? own.narrow(-2, 0, count).narrow(-1, 0, count) : own.narrow(0, 0, count);
        return own.clone().DetachFromDisposeScope();
    }

    private SafetensorsFile Shard(int shard)
    {
        var path = PathOf(shard);
        if (!File.Exists(path))
        {
            throw new VitrineException(
                $"{folder}: the shard {Description.FileOf(shard)} is missing; the capture was cut off. Run it again with the same settings.");
        }

        var file = SafetensorsFile.Open(path);
        if (file.Metadata.GetValueOrDefault("settings") == Description.Settings()
            && file.Metadata.GetValueOrDefault("first_prompt") == (shard * Description.ChunkSize).ToString(CultureInfo.InvariantCulture))
        {
            return file;
        }

        file.Dispose();
        throw new VitrineException($"{path}: was written with other settings than {CaptureDescription.FileName} names.");
    }

    private string PathOf(int shard) => Path.Combine(folder, Description.FileOf(shard));
}
