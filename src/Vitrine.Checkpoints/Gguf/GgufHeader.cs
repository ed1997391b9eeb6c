namespace Vitrine.Checkpoints.Gguf;

/// <summary>The head of a GGUF file: metadata, then names, formats, shapes and places of the tensors.</summary>
/// <remarks>
/// Format: ggml, docs/gguf.md; versions 2 and 3, little-endian. Every count is held against the bytes that are left before anything is allocated for it.
/// A tensor's place is counted from the end of the head, rounded up to <c>general.alignment</c> (32 where the key is missing).
/// </remarks>
/// <param name="Version">2 or 3.</param>
/// <param name="Metadata">Keys and values.</param>
/// <param name="Tensors">By name.</param>
/// <param name="PairsEnd">First byte behind the metadata, which begins at <see cref="PairsBegin"/>.</param>
internal sealed record GgufHeader(int Version, GgufMetadata Metadata, IReadOnlyDictionary<string, GgufTensor> Tensors, long PairsEnd)
{
    /// <summary>First byte of the metadata: behind magic number, version and counts.</summary>
    public const int PairsBegin = 24;

    /// <summary>The key of the tensors' alignment, and what it is where the key is missing.</summary>
    public const string AlignmentKey = "general.alignment";

    /// <inheritdoc cref="AlignmentKey"/>
    public const int UsualAlignment = 32;

    private const uint Magic = 0x46554747; // "GGUF"
    private const int MostAxes = 4, DeepestList = 4;
    private static readonly int[] Widths = [1, 1, 2, 2, 4, 4, 4, 1, 8, 12, 8, 8, 8]; // Of value types 0 to 12; of texts and lists the least that one takes.

    public static GgufHeader Read(Stream stream, string file, long length)
    {
        var reader = new GgufBytes(stream, file, length);
        if (length < PairsBegin || reader.U32("the magic number") != Magic)
        {
            throw new VitrineException($"{file}: does not begin with 'GGUF' and a head; it is no GGUF file.");
        }

        var version = reader.U32("the version");
        if (version is not (2 or 3))
        {
            throw new VitrineException(
                $"{file}: GGUF version {version}; read are 2 and 3{(version is 0x02000000 or 0x03000000 ? ", little-endian; this file is big-endian" : "")}.");
        }

        var tensors = reader.Count("the number of tensors", atLeast: 8 + 4 + 4 + 8);
        var pairs = reader.Count("the number of metadata keys", atLeast: 8 + 4 + 1);
        var values = new Dictionary<string, object>(StringComparer.Ordinal);
        for (long i = 0; i < pairs; i++)
        {
            var key = reader.Text("a metadata key", strict: true);
            if (!values.TryAdd(key, Value(reader, reader.U32($"the type of '{key}'"), file, key, 0)))
            {
                throw new VitrineException($"{file}: the metadata name '{key}' twice.");
            }
        }

        var metadata = new GgufMetadata(file, values);
        var end = reader.Position;
        return new GgufHeader((int)version, metadata, Places(reader, tensors, metadata, file, length), end);
    }

    /// <summary>What tensors begin at multiples of.</summary>
    /// <exception cref="VitrineException">It is no power of two.</exception>
    public static long AlignmentOf(GgufMetadata metadata, string file)
    {
        var alignment = metadata.Integer(AlignmentKey, UsualAlignment);
        return alignment is > 0 and <= 1 << 30 && long.IsPow2(alignment) ? alignment
            : throw new VitrineException($"{file}: {AlignmentKey} is {alignment}; expected a power of two up to 2^30.");
    }

    private static object Value(GgufBytes reader, uint type, string file, string key, int depth) => type switch
    {
        0 => reader.Number<byte>(key),
        1 => reader.Number<sbyte>(key),
        2 => reader.Number<ushort>(key),
        3 => reader.Number<short>(key),
        4 => reader.Number<uint>(key),
        5 => reader.Number<int>(key),
        6 => reader.Number<float>(key),
        7 => reader.Number<byte>(key) != 0,
        8 => reader.Text($"the value of '{key}'", strict: false),
        9 => List(reader, file, key, depth),
        10 => reader.Number<ulong>(key),
        11 => reader.Number<long>(key),
        12 => reader.Number<double>(key),
        _ => throw new VitrineException($"{file}: the metadata's '{key}' has the value type {type}; known are 0 to 12."),
    };

    private static object List(GgufBytes reader, string file, string key, int depth)
    {
        if (depth == DeepestList)
        {
            throw new VitrineException($"{file}: the metadata's '{key}' is a list of lists deeper than {DeepestList}.");
        }

        var type = reader.U32($"the element type of '{key}'");
        var width = type < Widths.Length
            ? Widths[type]
            : throw new VitrineException($"{file}: the metadata's '{key}' is a list of the value type {type}; known are 0 to 12.");
        var count = reader.Count($"the length of the list '{key}'", width);
        return type switch
        {
            0 => reader.Numbers<byte>(count, key),
            1 => reader.Numbers<sbyte>(count, key),
            2 => reader.Numbers<ushort>(count, key),
            3 => reader.Numbers<short>(count, key),
            4 => reader.Numbers<uint>(count, key),
            5 => reader.Numbers<int>(count, key),
            6 => reader.Numbers<float>(count, key),
            7 => Array.ConvertAll(reader.Numbers<byte>(count, key), b => b != 0),
            8 => depth == 0 ? reader.Texts(count, $"an element of '{key}'") : Each(count, () => reader.Text($"an element of '{key}'", strict: false)),
            9 => Each(count, () => List(reader, file, key, depth + 1)),
            10 => reader.Numbers<ulong>(count, key),
            11 => reader.Numbers<long>(count, key),
            _ => reader.Numbers<double>(count, key),
        };
    }

    private static T[] Each<T>(long count, Func<T> read)
    {
        var elements = new List<T>();
        for (long i = 0; i < count; i++)
        {
            elements.Add(read());
        }

        return [.. elements];
    }

    private static Dictionary<string, GgufTensor> Places(GgufBytes reader, long count, GgufMetadata metadata, string file, long length)
    {
        var alignment = AlignmentOf(metadata, file);
        var relative = new List<GgufTensor>();
        for (long i = 0; i < count; i++)
        {
            relative.Add(Entry(reader, file, alignment));
        }

        var start = (reader.Position + alignment - 1) / alignment * alignment;
        var tensors = new Dictionary<string, GgufTensor>(StringComparer.Ordinal);
        foreach (var tensor in relative)
        {
            if (tensor.Begin > length - start || tensor.ByteCount > length - start - tensor.Begin)
            {
                throw new VitrineException($"{file}: tensor '{tensor.Name}' claims {tensor.ByteCount} bytes from {tensor.Begin} on; the file holds "
                    + $"{Math.Max(0, length - start)} behind the head. Is it truncated?");
            }

            if (!tensors.TryAdd(tensor.Name, tensor with { Begin = start + tensor.Begin }))
            {
                throw new VitrineException($"{file}: names the tensor '{tensor.Name}' twice.");
            }
        }

        RequireApart(tensors.Values, file);
        return tensors;
    }

    private static GgufTensor Entry(GgufBytes reader, string file, long alignment)
    {
        var name = reader.Text("a tensor's name", strict: true);
        var axes = reader.U32($"the number of axes of '{name}'");
        if (axes > MostAxes)
        {
            throw new VitrineException($"{file}: tensor '{name}' has {axes} axes; ggml has at most {MostAxes}.");
        }

        var shape = new long[axes];
        for (var a = (int)axes - 1; a >= 0; a--)
        {
            var size = reader.Number<ulong>(name);
            shape[a] = size <= long.MaxValue
                ? (long)size
                : throw new VitrineException($"{file}: tensor '{name}' has an axis of {size} elements, more than any file holds.");
        }

        var type = GgufTypes.Parse(reader.U32($"the type of '{name}'"), file, name);
        var offset = reader.Number<ulong>(name);
        if (offset > long.MaxValue || (long)offset % alignment != 0)
        {
            throw new VitrineException($"{file}: tensor '{name}' begins at {offset}; expected a multiple of {alignment}.");
        }

        return new GgufTensor(name, type, shape, (long)offset, Bytes(file, name, shape, type));
    }

    private static long Bytes(string file, string name, long[] shape, GgufType type)
    {
        var (elements, bytes) = type.Block();
        var row = shape.Length == 0 ? 1 : shape[^1];
        if (row % elements != 0)
        {
            throw new VitrineException($"{file}: tensor '{name}' is {type} with rows of {row}; its blocks have {elements} elements.");
        }

        // Counted as elements of 8 bytes, the widest that any format is held in.
        return Shapes.ByteCount(shape, elementSize: 8) is { } eightfold
            ? eightfold / 8 / elements * bytes
            : throw new VitrineException($"{file}: tensor '{name}' is [{string.Join(", ", shape)}], more than any file holds.");
    }

    private static void RequireApart(IEnumerable<GgufTensor> tensors, string file)
    {
        GgufTensor? before = null;
        foreach (var tensor in tensors.Where(t => t.ByteCount > 0).OrderBy(t => t.Begin))
        {
            if (before is not null && tensor.Begin < before.Begin + before.ByteCount)
            {
                throw new VitrineException($"{file}: the tensors '{before.Name}' and '{tensor.Name}' overlap at byte {tensor.Begin}.");
            }

            before = tensor;
        }
    }
}
