using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Vitrine.Worlds.Tabletop;

/// <summary>The reference values of a world, by name, from a safetensors file.</summary>
internal sealed class GoldenTensors
{
    private readonly string _path;
    private readonly byte[] _file;
    private readonly int _data;
    private readonly Dictionary<string, JsonElement> _entries;

    /// <exception cref="VitrineException">The file is not there or broken.</exception>
    public GoldenTensors(string path)
    {
        _path = path;
        try
        {
            _file = File.ReadAllBytes(path);
            var header = checked((int)BinaryPrimitives.ReadUInt64LittleEndian(_file));
            _entries = JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(_file.AsSpan(8, header))!;
            _data = 8 + header;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or OverflowException or ArgumentOutOfRangeException)
        {
            throw new VitrineException($"{path}: not a readable safetensors file ({e.Message}).", e);
        }
    }

    /// <summary>A tensor's values, row by row; integers and bytes are widened.</summary>
    /// <param name="name">Its name in the file.</param>
    /// <param name="width">Values in a row.</param>
    public double[][] Rows(string name, int width = 1)
    {
        try
        {
            var entry = _entries[name];
            var (from, to) = (entry.GetProperty("data_offsets")[0].GetInt32(), entry.GetProperty("data_offsets")[1].GetInt32());
            var bytes = _file.AsSpan(_data).Slice(from, to - from);
            double[] values = entry.GetProperty("dtype").GetString() switch
            {
                "F64" => [.. MemoryMarshal.Cast<byte, double>(bytes)],
                "I32" => Array.ConvertAll(MemoryMarshal.Cast<byte, int>(bytes).ToArray(), v => (double)v),
                "U8" => Array.ConvertAll(bytes.ToArray(), v => (double)v),
                var other => throw new VitrineException($"{_path}: tensor '{name}' is {other}; expected F64, I32 or U8."),
            };
            return values.Length % width == 0
                ? [.. values.Chunk(width)]
                : throw new VitrineException($"{_path}: tensor '{name}' has {values.Length} values; expected rows of {width}.");
        }
        catch (Exception e) when (e is KeyNotFoundException or InvalidOperationException or FormatException or ArgumentOutOfRangeException)
        {
            throw new VitrineException($"{_path}: tensor '{name}' is missing or broken ({e.Message}).", e);
        }
    }

    /// <summary>A tensor of one integer a row.</summary>
    public int[] Integers(string name) => [.. Rows(name).Select(row => (int)row[0])];
}
