using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Vitrine.Serving.Wire;

/// <summary>JSON with arrays as json-numpy spells them: <c>{"__numpy__": base64, "dtype": "&lt;f4", "shape": [2]}</c>.</summary>
public static class NumpyJson
{
    private static readonly JsonWriterOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Reads a text.</summary>
    /// <param name="json">UTF-8.</param>
    /// <param name="limits">How much may be sent.</param>
    /// <exception cref="WireException">It is broken, or holds what is not read.</exception>
    public static object? Read(ReadOnlyMemory<byte> json, WireLimits? limits = null)
    {
        limits ??= WireLimits.Default;
        if (json.Length > limits.MessageBytes)
        {
            throw new WireException($"message: {json.Length} bytes; at most {limits.MessageBytes} are read.");
        }

        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = limits.Depth, AllowDuplicateProperties = false });
            var left = limits.Values;
            return Value(document.RootElement, limits, ref left);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            throw new WireException($"message: is no JSON that is read ({e.Message})");
        }
    }

    /// <summary>Writes a value as starlette answers it: no blanks, text as it is.</summary>
    public static byte[] Write(object? value)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream, Plain))
        {
            Write(writer, value);
        }

        return stream.ToArray();
    }

    /// <summary>Writes a value as Python's json does: blanks behind commas and colons, only ASCII.</summary>
    public static string WritePython(object? value)
    {
        var text = new StringBuilder();
        Python(text, value);
        return text.ToString();
    }

    /// <summary>The map that stands for an array.</summary>
    internal static WireMap Marked(WireArray array) => new()
    {
        ["__numpy__"] = Convert.ToBase64String(array.Data.Span),
        ["dtype"] = array.Dtype.ToString(),
        ["shape"] = array.Shape.Select(s => (object?)s),
    };

    private static object? Value(JsonElement element, WireLimits limits, ref int left)
    {
        if (--left < 0)
        {
            throw new WireException($"message: holds more than {limits.Values} values.");
        }

        switch (element.ValueKind)
        {
            case JsonValueKind.Null:
                return null;
            case JsonValueKind.True or JsonValueKind.False:
                return element.GetBoolean();
            case JsonValueKind.String:
                return element.GetString();
            case JsonValueKind.Number:
                return element.TryGetInt64(out var whole) ? (object)whole : element.GetDouble();
            case JsonValueKind.Array:
                var list = new List<object?>();
                foreach (var entry in element.EnumerateArray())
                {
                    list.Add(Value(entry, limits, ref left));
                }

                return list;
            default:
                if (element.TryGetProperty("__numpy__", out var data))
                {
                    return Array(element, data, limits);
                }

                var map = new WireMap();
                foreach (var property in element.EnumerateObject())
                {
                    map.Add(property.Name, Value(property.Value, limits, ref left));
                }

                return map;
        }
    }

    private static WireArray Array(JsonElement element, JsonElement data, WireLimits limits)
    {
        if (!element.TryGetProperty("dtype", out var spelled))
        {
            throw new WireException("array: has no 'dtype'.");
        }

        if (spelled.ValueKind != JsonValueKind.String)
        {
            throw new WireException("array: a structured dtype is not read; arrays are of bool, int, uint or float.");
        }

        var dtype = WireDtype.Parse(spelled.GetString()!, "array");
        long[] shape = element.TryGetProperty("shape", out var sizes) && sizes.ValueKind == JsonValueKind.Array
            ? [.. sizes.EnumerateArray().Select(s => s.ValueKind == JsonValueKind.Number && s.TryGetInt64(out var size) ? size
                : throw new WireException("array: a size of its shape is no whole number."))]
            : throw new WireException("array: has no 'shape' that is a list.");
        return data.ValueKind == JsonValueKind.String && data.TryGetBytesFromBase64(out var bytes)
            ? new WireArray(dtype, shape, bytes, "array", limits)
            : throw new WireException("array: its '__numpy__' is no base64.");
    }

    private static void Write(Utf8JsonWriter writer, object? value)
    {
        switch (value)
        {
            case null:
                writer.WriteNullValue();
                break;
            case bool flag:
                writer.WriteBooleanValue(flag);
                break;
            case int or long:
                writer.WriteNumberValue(Convert.ToInt64(value, CultureInfo.InvariantCulture));
                break;
            case ulong whole:
                writer.WriteNumberValue(whole);
                break;
            case double number:
                writer.WriteRawValue(Number(number), skipInputValidation: true);
                break;
            case string text:
                writer.WriteStringValue(text);
                break;
            case WireArray array:
                Write(writer, Marked(array));
                break;
            case WireMap map:
                writer.WriteStartObject();
                foreach (var (key, entry) in map)
                {
                    writer.WritePropertyName(key);
                    Write(writer, entry);
                }

                writer.WriteEndObject();
                break;
            case IEnumerable<object?> list:
                writer.WriteStartArray();
                foreach (var entry in list)
                {
                    Write(writer, entry);
                }

                writer.WriteEndArray();
                break;
            default:
                throw new ArgumentException($"a {value.GetType().Name} stands in no message", nameof(value));
        }
    }

    private static void Python(StringBuilder text, object? value)
    {
        switch (value)
        {
            case null or bool or int or long or ulong:
                text.Append(value switch { null => "null", true => "true", false => "false", _ => Convert.ToString(value, CultureInfo.InvariantCulture) });
                break;
            case double number:
                text.Append(Number(number));
                break;
            case string words:
                text.Append('"').AppendJoin("", words.Select(Escaped)).Append('"');
                break;
            case WireArray array:
                Python(text, Marked(array));
                break;
            case WireMap map:
                text.Append('{');
                foreach (var (i, (key, entry)) in map.Index())
                {
                    text.Append(i == 0 ? "" : ", ");
                    Python(text, key);
                    text.Append(": ");
                    Python(text, entry);
                }

                text.Append('}');
                break;
            case IEnumerable<object?> list:
                text.Append('[');
                foreach (var (i, entry) in list.Index())
                {
                    text.Append(i == 0 ? "" : ", ");
                    Python(text, entry);
                }

                text.Append(']');
                break;
            default:
                throw new ArgumentException($"a {value.GetType().Name} stands in no message", nameof(value));
        }
    }

    private static string Escaped(char c) => c switch
    {
        '"' => "\\\"",
        '\\' => "\\\\",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        < ' ' or > '~' => $"\\u{(int)c:x4}",
        _ => c.ToString(),
    };

    /// <summary>A double as Python writes it: 1.0 keeps its point, and every whole number its digits (Python itself says 1e+16 from there on).</summary>
    private static string Number(double value)
        => double.IsNaN(value) ? "NaN"
            : double.IsInfinity(value) ? value > 0 ? "Infinity" : "-Infinity"
            : value == Math.Floor(value) && Math.Abs(value) < 1e17 ? value.ToString("F1", CultureInfo.InvariantCulture)
            : value.ToString("R", CultureInfo.InvariantCulture).Replace("E", "e", StringComparison.Ordinal);
}
