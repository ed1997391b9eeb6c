using System.Text;

namespace Vitrine.Tests.Checkpoints;

/// <summary>GGUF files of any content, right or wrong, byte by byte after ggml's docs/gguf.md.</summary>
internal sealed class GgufBuilder
{
    private readonly List<byte[]> pairs = [];
    private readonly List<(string Name, long[] Dims, uint Type, byte[] Data, ulong? Offset)> tensors = [];

    public uint Version { get; init; } = 3;

    public ulong? TensorCount { get; init; }

    public ulong? PairCount { get; init; }

    public int Alignment { get; init; } = 32;

    public GgufBuilder Meta(string key, object value)
    {
        pairs.Add(Bytes(w =>
        {
            Text(w, key);
            w.Write(TypeOf(value));
            Value(w, value);
        }));
        return this;
    }

    /// <summary>A pair whose bytes behind the key are given.</summary>
    public GgufBuilder RawMeta(string key, params byte[] typeAndValue)
    {
        pairs.Add(Bytes(w =>
        {
            Text(w, key);
            w.Write(typeAndValue);
        }));
        return this;
    }

    /// <param name="name">Its name.</param>
    /// <param name="dims">Innermost first, as the file has them.</param>
    /// <param name="type">ggml's number.</param>
    /// <param name="data">Its bytes.</param>
    /// <param name="offset">A wrong place.</param>
    public GgufBuilder Tensor(string name, long[] dims, uint type, byte[] data, ulong? offset = null)
    {
        tensors.Add((name, dims, type, data, offset));
        return this;
    }

    public byte[] Build() => Bytes(w =>
    {
        w.Write("GGUF"u8);
        w.Write(Version);
        w.Write(TensorCount ?? (ulong)tensors.Count);
        w.Write(PairCount ?? (ulong)pairs.Count);
        pairs.ForEach(w.Write);
        ulong at = 0;
        foreach (var (name, dims, type, data, offset) in tensors)
        {
            Text(w, name);
            w.Write((uint)dims.Length);
            foreach (var dim in dims)
            {
                w.Write(dim);
            }

            w.Write(type);
            w.Write(offset ?? at);
            at += (ulong)((data.Length + Alignment - 1) / Alignment * Alignment);
        }

        foreach (var (_, _, _, data, _) in tensors)
        {
            w.Write(new byte[(Alignment - (int)(w.BaseStream.Position % Alignment)) % Alignment]);
            w.Write(data);
        }
    });

    private static uint TypeOf(object value) => value switch
    {
        byte => 0,
        sbyte => 1,
        ushort => 2,
        short => 3,
        uint => 4,
        int => 5,
        float => 6,
        bool => 7,
        string => 8,
        Array => 9,
        ulong => 10,
        long => 11,
        double => 12,
        _ => throw new ArgumentException(value.GetType().Name, nameof(value)),
    };

    private static void Value(BinaryWriter w, object value)
    {
        switch (value)
        {
            case byte v: w.Write(v); break;
            case sbyte v: w.Write(v); break;
            case ushort v: w.Write(v); break;
            case short v: w.Write(v); break;
            case uint v: w.Write(v); break;
            case int v: w.Write(v); break;
            case float v: w.Write(v); break;
            case bool v: w.Write(v); break;
            case ulong v: w.Write(v); break;
            case long v: w.Write(v); break;
            case double v: w.Write(v); break;
            case string v: Text(w, v); break;
            case Array v:
                w.Write(v.Length == 0 ? 4u : TypeOf(v.GetValue(0)!));
                w.Write((ulong)v.Length);
                foreach (var element in v)
                {
                    Value(w, element!);
                }

                break;
        }
    }

    private static void Text(BinaryWriter w, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        w.Write((ulong)bytes.Length);
        w.Write(bytes);
    }

    private static byte[] Bytes(Action<BinaryWriter> write)
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        write(writer);
        writer.Flush();
        return stream.ToArray();
    }
}
