using System.Globalization;

namespace Vitrine.Checkpoints.Gguf;

/// <summary>The keys and values at the head of a GGUF file, with typed access.</summary>
/// <remarks>
/// A value is one of byte, sbyte, ushort, short, uint, int, ulong, long, float, double, bool, string, or an array of one of them (an array of arrays is
/// <c>object[]</c>).
/// </remarks>
public sealed class GgufMetadata
{
    private readonly string file;
    private readonly IReadOnlyDictionary<string, object> values;

    internal GgufMetadata(string file, IReadOnlyDictionary<string, object> values) => (this.file, this.values) = (file, values);

    /// <summary>Every key, in the file's order.</summary>
    public IEnumerable<string> Keys => values.Keys;

    /// <summary>A value as the file has it.</summary>
    /// <exception cref="VitrineException">The key is missing.</exception>
    public object this[string key]
        => Find(key) ?? throw new VitrineException($"{file}: the metadata lack the key '{key}'.");

    /// <summary>Whether a key stands there.</summary>
    public bool Contains(string key) => values.ContainsKey(key);

    /// <summary>A text.</summary>
    /// <exception cref="VitrineException">The key is missing without a default, or is something else.</exception>
    public string Text(string key, string? otherwise = null) => Value(key, otherwise, v => v as string, "a text");

    /// <summary>A whole number of any width.</summary>
    /// <exception cref="VitrineException">The key is missing without a default, or is something else, or beyond a signed 64-bit number.</exception>
    public long Integer(string key, long? otherwise = null) => Value(key, otherwise, AsInteger, "a whole number");

    /// <summary>A number of any format.</summary>
    /// <remarks>
    /// A float32 is taken by its shortest decimal form: 1e-5 that was stored as a float32 is 1e-5 again, as it was in the configuration that the file was made
    /// from.
    /// </remarks>
    /// <exception cref="VitrineException">The key is missing without a default, or is something else.</exception>
    public double Number(string key, double? otherwise = null) => Value(key, otherwise, AsNumber, "a number");

    /// <summary>True or false.</summary>
    /// <exception cref="VitrineException">The key is missing without a default, or is something else.</exception>
    public bool Flag(string key, bool? otherwise = null) => Value(key, otherwise, v => v as bool?, "true or false");

    /// <summary>A list of texts.</summary>
    /// <exception cref="VitrineException">The key is missing, or is something else.</exception>
    public IReadOnlyList<string> Texts(string key) => Value<string[]>(key, null, v => v as string[], "a list of texts");

    /// <summary>A list of whole numbers of any width.</summary>
    /// <exception cref="VitrineException">The key is missing, or is something else.</exception>
    public IReadOnlyList<long> Integers(string key) => Value<long[]>(key, null, v => AllOf(v, AsInteger), "a list of whole numbers");

    /// <summary>A list of numbers of any format.</summary>
    /// <exception cref="VitrineException">The key is missing, or is something else.</exception>
    public IReadOnlyList<double> Numbers(string key) => Value<double[]>(key, null, v => AllOf(v, AsNumber), "a list of numbers");

    private static long? AsInteger(object value) => value switch
    {
        byte v => v,
        sbyte v => v,
        ushort v => v,
        short v => v,
        uint v => v,
        int v => v,
        long v => v,
        ulong v when v <= long.MaxValue => (long)v,
        _ => null,
    };

    private static double? AsNumber(object value) => value switch
    {
        float v => float.IsFinite(v) ? double.Parse(v.ToString("R", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture) : v,
        double v => v,
        _ => AsInteger(value),
    };

    private static T[]? AllOf<T>(object value, Func<object, T?> convert) where T : struct
    {
        if (value is T[] asItIs)
        {
            return asItIs;
        }

        if (value is string[] or object[] || value is not Array array)
        {
            return null;
        }

        var converted = new T[array.Length];
        for (var i = 0; i < converted.Length; i++)
        {
            if (convert(array.GetValue(i)!) is not { } element)
            {
                return null;
            }

            converted[i] = element;
        }

        return converted;
    }

    private T Value<T>(string key, T? otherwise, Func<object, T?> convert, string expected) where T : struct
        => Find(key) is { } value ? convert(value) ?? throw Wrong(key, value, expected) : otherwise ?? throw Missing(key, expected);

    private T Value<T>(string key, T? otherwise, Func<object, T?> convert, string expected) where T : class
        => Find(key) is { } value ? convert(value) ?? throw Wrong(key, value, expected) : otherwise ?? throw Missing(key, expected);

    private object? Find(string key) => values.TryGetValue(key, out var value) ? (value as GgufTexts)?.Read() ?? value : null;

    private VitrineException Missing(string key, string expected) => new($"{file}: the metadata lack the key '{key}'; expected {expected}.");

    private VitrineException Wrong(string key, object found, string expected)
    {
        var what = found is Array array
            ? $"a list of {array.Length} {array.GetType().GetElementType()!.Name}"
            : $"the {found.GetType().Name} {Convert.ToString(found, CultureInfo.InvariantCulture)}";
        return new($"{file}: the metadata's '{key}' is {what}; expected {expected}.");
    }
}
