using System.Text.Json;

namespace Vitrine.Inputs.Tokenizers.Json;

/// <summary>An object of a JSON file, read with messages that say what it is part of.</summary>
internal readonly record struct JsonPart(JsonElement Element, string Source, string What)
{
    public string Kind => Text("type");

    public JsonPart Part(string key, string what)
        => Element.ValueKind == JsonValueKind.Object && Element.TryGetProperty(key, out var value) ? new JsonPart(value, Source, what) : throw Missing(key);

    public JsonPart? OptionalPart(string key, string what)
        => Element.ValueKind == JsonValueKind.Object && Element.TryGetProperty(key, out var value) && value.ValueKind != JsonValueKind.Null
            ? new JsonPart(value, Source, what)
            : null;

    public IEnumerable<JsonPart> List(string key, string what)
    {
        var list = Part(key, what);
        if (list.Element.ValueKind != JsonValueKind.Array)
        {
            throw list.Wrong("a list");
        }

        foreach (var item in list.Element.EnumerateArray())
        {
            yield return new JsonPart(item, Source, what);
        }
    }

    public string Text(string key) => OptionalText(key) ?? throw Missing(key);

    public string? OptionalText(string key)
        => OptionalPart(key, What) is not { } value
            ? null
            : value.Element.ValueKind == JsonValueKind.String ? value.Element.GetString()!
            : throw Wrong($"a text under '{key}'");

    public bool Flag(string key, bool otherwise = false) => OptionalFlag(key) ?? otherwise;

    public bool? OptionalFlag(string key) => OptionalPart(key, What) is not { } value ? null
        : value.Element.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.Element.GetBoolean() : throw Wrong($"true or false under '{key}'");

    public int Number(string key) => OptionalNumber(key) ?? throw Missing(key);

    public int? OptionalNumber(string key) => OptionalPart(key, What) is not { } value ? null
        : value.Element.ValueKind == JsonValueKind.Number && value.Element.TryGetInt32(out var number) ? number : throw Wrong($"a whole number under '{key}'");

    public VitrineException Missing(string key) => new($"{Source}: the {What} has no '{key}'.");

    public VitrineException Wrong(string expected) => new($"{Source}: the {What} is {Short(Element)}; expected {expected}.");

    public VitrineException Unsupported(string kind) => new($"{Source}: the {What} '{kind}' is not computed by this version.");

    private static string Short(JsonElement element)
    {
        var text = element.ValueKind == JsonValueKind.Undefined ? "nothing" : element.GetRawText().ReplaceLineEndings(" ");
        return text.Length > 80 ? text[..80] + "..." : text;
    }
}
