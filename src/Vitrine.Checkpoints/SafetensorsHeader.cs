using System.Buffers.Binary;
using System.Text;
using System.Text.Json;

namespace Vitrine.Checkpoints;

/// <summary>The JSON at the head of a safetensors file: 8 bytes of length, then names, formats, shapes and byte ranges.</summary>
/// <remarks>Format: huggingface/safetensors, README "Format". Ranges must cover the data without overlap and without holes.</remarks>
internal sealed record SafetensorsHeader(IReadOnlyDictionary<string, TensorEntry> Tensors, IReadOnlyDictionary<string, string> Metadata)
{
    private const long Largest = 100_000_000;

    /// <param name="stream">At the start of the file.</param>
    /// <param name="file">What to call it in errors.</param>
    /// <param name="length">Of the file in bytes.</param>
    public static SafetensorsHeader Read(Stream stream, string file, long length)
    {
        Span<byte> prefix = stackalloc byte[8];
        if (length < 8)
        {
            throw new VitrineException($"{file}: {length} bytes; a safetensors file has at least 8.");
        }

        stream.ReadExactly(prefix);
        var size = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (size > Largest || (long)size > length - 8)
        {
            throw new VitrineException($"{file}: the header claims {size} bytes; the file holds {length - 8} behind its length, and at most {Largest} are "
                + "read. Is it truncated, or no safetensors file?");
        }

        var bytes = new byte[(int)size];
        stream.ReadExactly(bytes);
        return Parse(bytes, file, dataStart: 8 + (long)size, length);
    }

    private static SafetensorsHeader Parse(ReadOnlySpan<byte> json, string file, long dataStart, long length)
    {
        var tensors = new Dictionary<string, TensorEntry>(StringComparer.Ordinal);
        var metadata = new Dictionary<string, string>(StringComparer.Ordinal);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        try
        {
            var reader = new Utf8JsonReader(json);
            Expect(ref reader, JsonTokenType.StartObject, file, "the header");
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var name = reader.GetString()!;
                if (!seen.Add(name))
                {
                    throw new VitrineException($"{file}: the header names '{name}' twice.");
                }

                if (name == "__metadata__")
                {
                    ReadMetadata(ref reader, file, metadata);
                }
                else
                {
                    tensors.Add(name, ReadEntry(ref reader, file, name, dataStart, length));
                }
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or DecoderFallbackException or ArgumentException)
        {
            throw new VitrineException($"{file}: the header is not the JSON of a safetensors file ({e.Message}).", e);
        }

        RequireCover(tensors.Values, file, dataStart, length);
        return new SafetensorsHeader(tensors, metadata);
    }

    private static void ReadMetadata(ref Utf8JsonReader reader, string file, Dictionary<string, string> metadata)
    {
        Expect(ref reader, JsonTokenType.StartObject, file, "__metadata__");
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var key = reader.GetString()!;
            Expect(ref reader, JsonTokenType.String, file, $"__metadata__.{key}");
            if (!metadata.TryAdd(key, reader.GetString()!))
            {
                throw new VitrineException($"{file}: __metadata__ names '{key}' twice.");
            }
        }
    }

    private static TensorEntry ReadEntry(ref Utf8JsonReader reader, string file, string name, long dataStart, long length)
    {
        Dtype? dtype = null;
        List<long>? shape = null, offsets = null;
        Expect(ref reader, JsonTokenType.StartObject, file, $"tensor '{name}'");
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var key = reader.GetString()!;
            switch (key)
            {
                case "dtype" when dtype is null:
                    Expect(ref reader, JsonTokenType.String, file, $"the dtype of tensor '{name}'");
                    var spelled = reader.GetString()!;
                    dtype = Dtypes.TryParse(spelled, out var known)
                        ? known
                        : throw new VitrineException($"{file}: tensor '{name}' has the dtype '{spelled}'; known are {string.Join(", ", Dtypes.Names)}.");
                    break;
                case "shape" when shape is null:
                    shape = ReadNumbers(ref reader, file, $"the shape of tensor '{name}'");
                    break;
                case "data_offsets" when offsets is null:
                    offsets = ReadNumbers(ref reader, file, $"the data_offsets of tensor '{name}'");
                    break;
                default:
                    throw new VitrineException($"{file}: tensor '{name}' has the key '{key}' twice, or it is unknown; expected dtype, shape, data_offsets.");
            }
        }

        if (dtype is not { } d || shape is null || offsets is not [var begin, var end])
        {
            throw new VitrineException($"{file}: tensor '{name}' lacks dtype, shape or a pair of data_offsets.");
        }

        var count = Shapes.ByteCount(shape, d.Size())
            ?? throw new VitrineException($"{file}: tensor '{name}' is [{string.Join(", ", shape)}], more than any file holds.");
        if (begin > end || end > length - dataStart)
        {
            throw new VitrineException(
                $"{file}: tensor '{name}' claims bytes {begin} to {end}; the file holds {length - dataStart} behind the header. Is it truncated?");
        }

        return end - begin == count
            ? new TensorEntry(name, d, shape, dataStart + begin, count)
            : throw new VitrineException(
                $"{file}: tensor '{name}' is {d.Spelling()} [{string.Join(", ", shape)}], which takes {count} bytes; its data_offsets give {end - begin}.");
    }

    private static List<long> ReadNumbers(ref Utf8JsonReader reader, string file, string what)
    {
        var numbers = new List<long>();
        Expect(ref reader, JsonTokenType.StartArray, file, what);
        while (reader.Read() && reader.TokenType == JsonTokenType.Number)
        {
            numbers.Add(reader.TryGetInt64(out var n) && n >= 0 ? n : throw new VitrineException($"{file}: {what} holds a number that is no size."));
        }

        return reader.TokenType == JsonTokenType.EndArray ? numbers : throw new VitrineException($"{file}: {what} is no list of numbers.");
    }

    private static void Expect(ref Utf8JsonReader reader, JsonTokenType type, string file, string what)
    {
        if (!reader.Read() || reader.TokenType != type)
        {
            throw new VitrineException($"{file}: {what} is {reader.TokenType}; expected {type}.");
        }
    }

    private static void RequireCover(IEnumerable<TensorEntry> entries, string file, long dataStart, long length)
    {
        var (next, before) = (dataStart, "the header");
        foreach (var entry in entries.OrderBy(e => e.Begin).ThenBy(e => e.ByteCount))
        {
            if (entry.Begin != next)
            {
                throw new VitrineException($"{file}: tensor '{entry.Name}' begins at byte {entry.Begin}, {before} ends at {next}; the data "
                    + $"{(entry.Begin < next ? "overlap" : "have a hole")}.");
            }

            (next, before) = (entry.Begin + entry.ByteCount, $"tensor '{entry.Name}'");
        }

        if (next != length)
        {
            throw new VitrineException($"{file}: {length - next} bytes behind the last tensor belong to nothing.");
        }
    }
}
