using System.Text;
using System.Text.Json;

namespace Vitrine.Checkpoints;

/// <summary>Reads JSON files as Python's <c>json</c> writes them: <c>NaN</c>, <c>Infinity</c> and <c>-Infinity</c> stand where numbers do.</summary>
/// <remarks>
/// A key that stands twice in one object is refused: which of the two counts is the reader's choice, and libraries choose differently. Numbers are read with
/// <see cref="Number"/>, which knows the three that are no JSON.
/// </remarks>
public static class PythonJson
{
    private const long LargestFile = 1L << 30;
    private const int MaxDepth = 64;

    /// <summary>What stands in the document for a number that JSON cannot spell; no file that holds text has it.</summary>
    private const string Sign = "\u0001number:";

    private static readonly (byte[] Written, byte[] Kept)[] NoJson =
        [.. ((string[])["NaN", "Infinity", "-Infinity"]).Select(n => (Encoding.UTF8.GetBytes(n), Encoding.UTF8.GetBytes($"\"\\u0001number:{n}\"")))];

    /// <summary>The content of a file.</summary>
    /// <exception cref="VitrineException">It cannot be read, is no JSON, or has a key twice; one line that names the file.</exception>
    public static JsonElement Open(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        try
        {
            return new FileInfo(path).Length <= LargestFile
                ? Parse(File.ReadAllBytes(path), path)
                : throw new VitrineException($"{path}: is larger than {LargestFile >> 20} MiB; no configuration is.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VitrineException($"{path}: cannot be read ({e.Message}).", e);
        }
    }

    /// <summary>The content of a text.</summary>
    /// <param name="utf8">The text, with or without a byte order mark.</param>
    /// <param name="source">What to call it in errors.</param>
    /// <exception cref="VitrineException">It is no JSON, or has a key twice.</exception>
    public static JsonElement Parse(ReadOnlySpan<byte> utf8, string source)
    {
        var text = Plain(utf8.StartsWith((ReadOnlySpan<byte>)[0xEF, 0xBB, 0xBF]) ? utf8[3..] : utf8);
        try
        {
            using var document = JsonDocument.Parse(text, new JsonDocumentOptions { MaxDepth = MaxDepth });
            return Twice(document.RootElement) is { } key ? throw new VitrineException($"{source}: '{key}' stands there twice.") : document.RootElement.Clone();
        }
        catch (JsonException e)
        {
            throw new VitrineException($"{source}: is not JSON ({OneLine(e.Message)}).", e);
        }
    }

    /// <summary>The number, be it none; null where the value is of another kind.</summary>
    public static double? Number(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Number => value.GetDouble(),
        JsonValueKind.String when value.GetString()!.StartsWith(Sign, StringComparison.Ordinal) => value.GetString()![Sign.Length..] switch
        {
            "NaN" => double.NaN,
            "Infinity" => double.PositiveInfinity,
            _ => double.NegativeInfinity,
        },
        _ => null,
    };

    /// <summary>Whether the value is a text; one of the three numbers that are no JSON is none.</summary>
    public static bool IsText(JsonElement value) => value.ValueKind == JsonValueKind.String && Number(value) is null;

    /// <summary>A value as an error shows it: one line, as the file spells it, cut where it is long.</summary>
    public static string Shown(JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Number && Number(value) is { } number)
        {
            return double.IsNaN(number) ? "NaN" : number > 0 ? "Infinity" : "-Infinity";
        }

        var text = value.ValueKind == JsonValueKind.Undefined ? "nothing" : OneLine(value.GetRawText());
        return text.Length <= 100 ? text : text[..97] + "...";
    }

    /// <summary>The first key that an object holds more than once.</summary>
    private static string? Twice(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Array => value.EnumerateArray().Select(Twice).FirstOrDefault(k => k is not null),
        JsonValueKind.Object => Repeated(value) ?? value.EnumerateObject().Select(p => Twice(p.Value)).FirstOrDefault(k => k is not null),
        _ => null,
    };

    private static string? Repeated(JsonElement value)
    {
        var names = new HashSet<string>(value.GetPropertyCount(), StringComparer.Ordinal);
        return value.EnumerateObject().Select(p => p.Name).FirstOrDefault(n => !names.Add(n));
    }

    private static string OneLine(string text) => string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

    /// <summary>The same text with the three numbers in quotes; the text itself where it has none of them outside of its texts.</summary>
    private static ReadOnlyMemory<byte> Plain(ReadOnlySpan<byte> utf8)
    {
        var plain = new MemoryStream(utf8.Length + 64);
        var copied = 0;
        var quoted = false;
        for (var at = 0; at < utf8.Length; at++)
        {
            var sign = utf8[at];
            if (quoted)
            {
                if (sign == '\\')
                {
                    at++;
                }
                else
                {
                    quoted = sign != '"';
                }
            }
            else if (sign == '"')
            {
                quoted = true;
            }
            else if (sign is (byte)'N' or (byte)'I' or (byte)'-')
            {
                foreach (var (written, kept) in NoJson)
                {
                    if (utf8[at..].StartsWith(written))
                    {
                        plain.Write(utf8[copied..at]);
                        plain.Write(kept);
                        copied = at + written.Length;
                        at = copied - 1;
                        break;
                    }
                }
            }
        }

        plain.Write(utf8[copied..]);
        return plain.GetBuffer().AsMemory(0, (int)plain.Length);
    }
}
