using System.Buffers;
using System.Globalization;
using System.Text;
using MessagePack;
using Vitrine.Inputs.Pictures;

namespace Vitrine.Serving.Wire;

/// <summary>Reads msgpack messages with numpy arrays in any of the forms that policy servers use.</summary>
/// <remarks>
/// openpi's (<c>__ndarray__</c>, <c>__npgeneric__</c>; keys as bytes), vla-eval's (the same with text keys, and <c>__image__</c>), GR00T's
/// (<c>__ndarray_class__</c> around a .npy file), and the older msgpack-numpy (<c>nd</c>, <c>type</c>, <c>kind</c>). Keys are compared as text, whether they
/// come as text or as bytes; a key that stands twice, a key that is neither, an extension, bytes behind the message and every dtype but numbers are refused.
/// Arrays are views of the message. Nothing is unpickled.
/// </remarks>
public static class MessageReader
{
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Reads one message.</summary>
    /// <param name="message">All its bytes; they must stay as long as what was read of them is used.</param>
    /// <param name="limits">How much may be sent.</param>
    /// <exception cref="WireException">It is broken, or holds what is not read.</exception>
    public static object? Read(ReadOnlyMemory<byte> message, WireLimits? limits = null)
    {
        limits ??= WireLimits.Default;
        if (message.Length > limits.MessageBytes)
        {
            throw new WireException($"message: {message.Length} bytes; at most {limits.MessageBytes} are read.");
        }

        var reader = new MessagePackReader(message);
        var left = limits.Values;
        try
        {
            var value = Value(ref reader, limits, limits.Depth, ref left);
            return reader.End ? value : throw new WireException($"message: {message.Length - reader.Consumed} bytes stand behind its end.");
        }
        catch (Exception e) when (e is MessagePackSerializationException or EndOfStreamException or ArgumentOutOfRangeException or OverflowException
            or InvalidOperationException)
        {
            // The reader slices before it looks how much is left where more than 2 GiB are claimed.
            var isShort = e is EndOfStreamException or ArgumentOutOfRangeException || e.InnerException is EndOfStreamException;
            throw new WireException($"message: {(isShort ? "ends too early" : "is no msgpack")}.");
        }
        catch (DecoderFallbackException)
        {
            throw new WireException("message: a text is not UTF-8.");
        }
    }

    /// <summary>Reads one message that must be a map.</summary>
    /// <exception cref="WireException">As <see cref="Read"/> says, or it is no map.</exception>
    public static WireMap ReadMap(ReadOnlyMemory<byte> message, WireLimits? limits = null)
        => Read(message, limits) as WireMap ?? throw new WireException("message: is no map.");

    private static object? Value(ref MessagePackReader reader, WireLimits limits, int depth, ref int left)
    {
        if (depth == 0 || --left < 0)
        {
            throw new WireException(depth == 0
                ? $"message: more than {limits.Depth} maps and lists stand inside one another."
                : $"message: holds more than {limits.Values} values.");
        }

        switch (reader.NextMessagePackType)
        {
            case MessagePackType.Nil:
                reader.ReadNil();
                return null;
            case MessagePackType.Boolean:
                return reader.ReadBoolean();
            case MessagePackType.Integer when reader.NextCode == MessagePackCode.UInt64:
                return reader.ReadUInt64() is var wide && wide <= long.MaxValue ? (long)wide : wide;
            case MessagePackType.Integer:
                return reader.ReadInt64();
            case MessagePackType.Float:
                return reader.ReadDouble();
            case MessagePackType.String:
                return Text(reader.ReadStringSequence());
            case MessagePackType.Binary:
                return Bytes(reader.ReadBytes());
            case MessagePackType.Array:
                return List(ref reader, limits, depth, ref left);
            case MessagePackType.Map:
                return Typed(Map(ref reader, limits, depth, ref left), limits);
            default:
                throw new WireException($"message: holds an extension (code 0x{reader.NextCode:x2}); none is read.");
        }
    }

    private static List<object?> List(ref MessagePackReader reader, WireLimits limits, int depth, ref int left)
    {
        var count = reader.ReadArrayHeader();
        Require(count, limits, left);
        var list = new List<object?>(count);
        for (var i = 0; i < count; i++)
        {
            list.Add(Value(ref reader, limits, depth - 1, ref left));
        }

        return list;
    }

    private static WireMap Map(ref MessagePackReader reader, WireLimits limits, int depth, ref int left)
    {
        var count = reader.ReadMapHeader();
        Require(count, limits, left);
        var map = new WireMap();
        for (var i = 0; i < count; i++)
        {
            var key = reader.NextMessagePackType switch
            {
                MessagePackType.String => Text(reader.ReadStringSequence()),
                MessagePackType.Binary => Strict.GetString(Bytes(reader.ReadBytes()).Span),
                var other => throw new WireException($"message: a key is of the type {other}; keys are text or bytes."),
            };
            map.Add(key, Value(ref reader, limits, depth - 1, ref left));
        }

        return map;
    }

    private static void Require(int count, WireLimits limits, int left)
    {
        if (count > left)
        {
            throw new WireException($"message: holds more than {limits.Values} values.");
        }
    }

    private static string Text(ReadOnlySequence<byte>? bytes) => Strict.GetString(bytes!.Value);

    private static ReadOnlyMemory<byte> Bytes(ReadOnlySequence<byte>? bytes)
        => bytes!.Value.IsSingleSegment ? bytes.Value.First : bytes.Value.ToArray();

    /// <summary>What a map with a marker stands for; the map itself where it has none.</summary>
    private static object? Typed(WireMap map, WireLimits limits)
        => map.Has("__ndarray__") ? Array(map, limits)
            : map.Has("__npgeneric__") ? Number(map)
            : map.Has("__image__") ? Image(map, limits)
            : map.Has("__ndarray_class__") ? NpyBytes.Read(Binary(map, "as_npy", "array"), limits)
            : map["nd"] is true && map.Has("kind") ? Array(map, limits, "type")
            : map["nd"] is false && map.Has("type") ? throw new WireException("message: a single number of msgpack-numpy's old form is not read.")
            : map;

    private static WireArray Array(WireMap map, WireLimits limits, string dtype = "dtype")
        => new(WireDtype.Parse(Spelling(map, dtype), "array"), Shape(map), Binary(map, "data", "array"), "array", limits);

    /// <summary>A dtype, which reference clients send as text; their decoder takes bytes too.</summary>
    private static string Spelling(WireMap map, string key) => map[key] switch
    {
        string text => text,
        ReadOnlyMemory<byte> { Length: <= 16 } bytes => Encoding.Latin1.GetString(bytes.Span),
        List<object?> => throw new WireException("array: a structured dtype is not read; arrays are of bool, int, uint or float."),
        _ => throw new WireException($"array: has no '{key}' that is a text."),
    };

    private static long[] Shape(WireMap map) => map["shape"] is List<object?> sizes
        ? [.. sizes.Select(s => s is long size ? size : throw new WireException("array: a size of its shape is no whole number."))]
        : throw new WireException("array: has no 'shape' that is a list.");

    private static ReadOnlyMemory<byte> Binary(WireMap map, string key, string what)
        => map.TryGet<ReadOnlyMemory<byte>>(key, out var bytes) ? bytes : throw new WireException($"{what}: has no '{key}' that is bytes.");

    private static object Number(WireMap map)
    {
        var dtype = WireDtype.Parse(Spelling(map, "dtype"), "number");
        return (dtype.Kind, map["data"]) switch
        {
            ('b', bool flag) => flag,
            ('i' or 'u', long whole) => whole,
            ('u', ulong whole) => whole,
            ('f', double number) => number,
            ('f', long whole) => (double)whole,
            (_, var other) => throw new WireException(string.Create(CultureInfo.InvariantCulture, $"number: of the dtype {dtype} is {Kind(other)}.")),
        };
    }

    private static string Kind(object? value) => value switch
    {
        null => "nothing",
        bool => "true or false",
        long or ulong or double => "a number",
        string => "a text",
        _ => "something else",
    };

    private static object Image(WireMap map, WireLimits limits)
    {
        var data = Binary(map, "data", "image");
        switch (map["format"])
        {
            case "raw":
                return new WireArray(WireDtype.Byte, Shape(map), data, "image", limits);
            case "png" or "jpeg":
                return Decoded(data.ToArray(), limits);
            case var other:
                throw new WireException($"image: has the format '{other}'; read are png, jpeg, raw.");
        }
    }

    private static Picture Decoded(byte[] bytes, WireLimits limits)
    {
        try
        {
            return PictureFile.Decode(bytes, "image", mostPixels: limits.Pixels);
        }
        catch (VitrineException e)
        {
            throw new WireException(e.Message);
        }
    }
}
