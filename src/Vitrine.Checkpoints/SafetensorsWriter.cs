using System.Buffers.Binary;
using System.Text.Encodings.Web;
using System.Text.Json;
using static TorchSharp.torch;

namespace Vitrine.Checkpoints;

/// <summary>Writes a safetensors file tensor by tensor: planned first, given in any order, renamed to its name when complete.</summary>
/// <remarks>
/// Only the tensor being written is in memory. Wide formats come first in the file and the header is padded to 8 bytes, so that every tensor lies at a multiple
/// of its element size and a reader need not copy it.
/// </remarks>
public sealed class SafetensorsWriter : IDisposable
{
    private const long LargestHeader = 100_000_000;
    private readonly string path;
    private readonly string temporary;
    private readonly FileStream stream;
    private readonly Dictionary<string, (TensorPlan Plan, long Begin)> missing;

    private SafetensorsWriter(string path, IReadOnlyList<TensorPlan> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        this.path = path;
        var (header, places) = Header(path, tensors, metadata);
        missing = places;
        temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        stream = Guarded(path, () => new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0));
        try
        {
            Guarded(path, () => stream.Write(header));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Begins a file.</summary>
    /// <param name="path">Its final name; nothing stands there before <see cref="Finish"/>.</param>
    /// <param name="tensors">All that will be written.</param>
    /// <param name="metadata">The header's <c>__metadata__</c>.</param>
    /// <exception cref="VitrineException">The folder cannot be written, or a name is planned twice or reserved.</exception>
    public static SafetensorsWriter Create(string path, IReadOnlyList<TensorPlan> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        return new SafetensorsWriter(path, tensors, metadata ?? new Dictionary<string, string>());
    }

    /// <summary>Writes one tensor.</summary>
    /// <param name="name">As planned.</param>
    /// <param name="tensor">Of the planned shape, in the type in which the planned format is held; stays the caller's.</param>
    /// <exception cref="VitrineException">It is not planned, already written, of another shape or type, or a value has no place in the format.</exception>
    public void Write(string name, Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        if (!missing.TryGetValue(name, out var place))
        {
            throw new VitrineException($"{path}: tensor '{name}' is not planned, or already written.");
        }

        if (!place.Plan.Shape.SequenceEqual(tensor.shape))
        {
            throw new VitrineException($"{path}: tensor '{name}' is [{string.Join(", ", tensor.shape)}]; planned is [{string.Join(", ", place.Plan.Shape)}].");
        }

        Guarded(path, () =>
        {
            stream.Position = place.Begin;
            Elements.Write(stream, tensor, place.Plan.Dtype, bigEndian: false, $"{path}: tensor '{name}'");
        });
        missing.Remove(name);
    }

    /// <summary>Completes the file under its name.</summary>
    /// <exception cref="VitrineException">A planned tensor was not written, or the file cannot be renamed.</exception>
    public void Finish()
    {
        if (missing.Count > 0)
        {
            throw new VitrineException($"{path}: tensor '{missing.Keys.Order(StringComparer.Ordinal).First()}' was planned and not written.");
        }

        Guarded(path, () =>
        {
            stream.Dispose();
            File.Move(temporary, path, overwrite: true);
        });
    }

    /// <summary>Without <see cref="Finish"/> before, nothing remains of the file.</summary>
    public void Dispose()
    {
        stream.Dispose();
        if (File.Exists(temporary))
        {
            File.Delete(temporary);
        }
    }

    private static (byte[] Header, Dictionary<string, (TensorPlan, long)> Places) Header(
        string path, IReadOnlyList<TensorPlan> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        using var json = new MemoryStream();
        var offsets = new Dictionary<string, (TensorPlan Plan, long Begin)>(StringComparer.Ordinal);
        using (var writer = new Utf8JsonWriter(json, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            writer.WriteStartObject();
            if (metadata.Count > 0)
            {
                writer.WriteStartObject("__metadata__");
                foreach (var (key, value) in metadata)
                {
                    writer.WriteString(key, value);
                }

                writer.WriteEndObject();
            }

            long next = 0;
            foreach (var plan in tensors.OrderByDescending(t => t.Dtype.Size()).ThenBy(t => t.Name, StringComparer.Ordinal))
            {
                if (plan.Name == "__metadata__" || !offsets.TryAdd(plan.Name, (plan, next)))
                {
                    throw new VitrineException($"{path}: the name '{plan.Name}' {(plan.Name == "__metadata__" ? "is reserved" : "is planned twice")}.");
                }

                var end = checked(next + plan.ByteCount);
                WriteEntry(writer, plan, next, end);
                next = end;
            }

            writer.WriteEndObject();
        }

        while (json.Length % 8 != 0)
        {
            json.WriteByte((byte)' ');
        }

        if (json.Length > LargestHeader)
        {
            throw new VitrineException($"{path}: its header takes {json.Length} bytes; the format allows {LargestHeader}.");
        }

        var header = new byte[8 + json.Length];
        BinaryPrimitives.WriteInt64LittleEndian(header, json.Length);
        json.ToArray().CopyTo(header, 8);
        return (header, offsets.ToDictionary(o => o.Key, o => (o.Value.Plan, header.Length + o.Value.Begin), StringComparer.Ordinal));
    }

    private static void WriteEntry(Utf8JsonWriter writer, TensorPlan plan, long begin, long end)
    {
        writer.WriteStartObject(plan.Name);
        writer.WriteString("dtype", plan.Dtype.Spelling());
        writer.WriteStartArray("shape");
        foreach (var size in plan.Shape)
        {
            writer.WriteNumberValue(size);
        }

        writer.WriteEndArray();
        writer.WriteStartArray("data_offsets");
        writer.WriteNumberValue(begin);
        writer.WriteNumberValue(end);
        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void Guarded(string path, Action write) => Guarded(path, () =>
    {
        write();
        return true;
    });

    private static T Guarded<T>(string path, Func<T> write)
    {
        try
        {
            return write();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VitrineException($"{path}: cannot be written ({e.Message}).", e);
        }
    }
}
