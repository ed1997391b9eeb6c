using System.Text;

namespace Vitrine.Checkpoints.Gguf;

/// <summary>The metadata of a GGUF file as it stands there: pairs of key and value, one behind the other.</summary>
/// <param name="Count">How many.</param>
/// <param name="Bytes">All of them.</param>
/// <param name="Alignment">Of the tensors behind them, in bytes: what <c>general.alignment</c> says.</param>
internal sealed record GgufPairs(int Count, byte[] Bytes, long Alignment)
{
    /// <summary>Of values.</summary>
    /// <param name="metadata">Values of type string, uint, int or float.</param>
    public static GgufPairs Of(IReadOnlyList<(string Key, object Value)> metadata)
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream, Encoding.UTF8);
        foreach (var (key, value) in metadata)
        {
            GgufWriter.Text(writer, key);
            Value(writer, key, value);
        }

        writer.Flush();
        var alignment = metadata.FirstOrDefault(m => m.Key == GgufHeader.AlignmentKey).Value;
        return new GgufPairs(metadata.Count, stream.ToArray(), alignment is uint bytes ? bytes : GgufHeader.UsualAlignment);
    }

    /// <summary>Those of a file, byte by byte.</summary>
    /// <exception cref="VitrineException">It is no GGUF file, or its head is broken.</exception>
    public static GgufPairs Of(string path)
    {
        using var stream = File.OpenRead(path);
        var header = GgufHeader.Read(stream, path, stream.Length);
        var bytes = new byte[header.PairsEnd - GgufHeader.PairsBegin];
        stream.Position = GgufHeader.PairsBegin;
        stream.ReadExactly(bytes);
        return new GgufPairs(header.Metadata.Keys.Count(), bytes, GgufHeader.AlignmentOf(header.Metadata, path));
    }

    private static void Value(BinaryWriter writer, string key, object value)
    {
        switch (value)
        {
            case string text:
                writer.Write(8u);
                GgufWriter.Text(writer, text);
                break;
            case uint number:
                writer.Write(4u);
                writer.Write(number);
                break;
            case int number:
                writer.Write(5u);
                writer.Write(number);
                break;
            case float number:
                writer.Write(6u);
                writer.Write(number);
                break;
            default:
                throw new ArgumentException($"'{key}' is {value.GetType()}", nameof(value));
        }
    }
}
