using System.Text;

namespace Vitrine.Tests.Inputs.Tokenizers;

/// <summary>The metadata of a GGUF file, as far as these tests need it: version 3, little-endian.</summary>
internal static class GgufMetadata
{
    public static Dictionary<string, object> Read(string file)
    {
        using var reader = new BinaryReader(File.OpenRead(file));
        reader.ReadUInt32().ShouldBe(0x46554747u);
        reader.ReadUInt32().ShouldBe(3u);
        reader.ReadUInt64();
        var count = reader.ReadUInt64();
        var metadata = new Dictionary<string, object>();
        for (var i = 0ul; i < count; i++)
        {
            var key = Text(reader);
            metadata[key] = Value(reader, reader.ReadUInt32());
        }

        return metadata;
    }

    private static object Value(BinaryReader reader, uint type) => type switch
    {
        0 => (long)reader.ReadByte(),
        1 => (long)reader.ReadSByte(),
        2 => (long)reader.ReadUInt16(),
        3 => (long)reader.ReadInt16(),
        4 => (long)reader.ReadUInt32(),
        5 => (long)reader.ReadInt32(),
        6 => (double)reader.ReadSingle(),
        7 => reader.ReadByte() != 0,
        8 => Text(reader),
        9 => List(reader, reader.ReadUInt32(), (int)reader.ReadUInt64()),
        10 or 11 => reader.ReadInt64(),
        12 => reader.ReadDouble(),
        _ => throw new InvalidDataException($"type {type}"),
    };

    private static object List(BinaryReader reader, uint type, int count) => type switch
    {
        8 => Enumerable.Range(0, count).Select(_ => Text(reader)).ToArray(),
        6 => Enumerable.Range(0, count).Select(_ => reader.ReadSingle()).ToArray(),
        _ => Enumerable.Range(0, count).Select(_ => (int)(long)Value(reader, type)).ToArray(),
    };

    private static string Text(BinaryReader reader) => Encoding.UTF8.GetString(reader.ReadBytes((int)reader.ReadUInt64()));
}
