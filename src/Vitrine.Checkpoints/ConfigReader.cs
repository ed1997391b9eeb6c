using System.Text.Json;

namespace Vitrine.Checkpoints;

/// <summary>Reads a configuration key by key and refuses what would change numbers without being understood.</summary>
public sealed class ConfigReader
{
    private readonly JsonElement json;
    private readonly HashSet<string> read = [];
    private readonly bool refusesNull;

    /// <summary>Wraps an object of a configuration file.</summary>
    /// <param name="json">The object.</param>
    /// <param name="source">What to call it in errors, e.g. <c>config.json</c>.</param>
    /// <param name="refusesNull">
    /// Whether a null in place of a value is of the wrong kind, here and in objects inside; otherwise it is as good as a missing key. In a model's
    /// configuration
    /// it is None, which is false where a flag is meant, whatever the class default.
    /// </param>
    public ConfigReader(JsonElement json, string source, bool refusesNull = false)
    {
        (this.json, Source, this.refusesNull) = (json, source, refusesNull);
        if (json.ValueKind != JsonValueKind.Object)
        {
            throw new VitrineException($"{source}: expected an object, found {PythonJson.Shown(json)}.");
        }
    }

    /// <summary>The file, and the path inside it.</summary>
    public string Source { get; }

    /// <summary>Reads a file.</summary>
    /// <exception cref="VitrineException">It is missing, no JSON object, or has a key twice.</exception>
    public static ConfigReader Open(string path, bool refusesNull = false) => new(PythonJson.Open(path), path, refusesNull);

    /// <summary>The whole object.</summary>
    public JsonElement Root => json;

    /// <summary>Whether the key stands there with a value that is not null.</summary>
    public bool Has(string key) => Find(key) is not null;

    /// <summary>Whether the key stands there, be its value null: a missing key takes the class default, a null often means none.</summary>
    public bool Spells(string key)
    {
        read.Add(key);
        return json.TryGetProperty(key, out _);
    }

    /// <summary>Whether the key was asked for.</summary>
    public bool WasRead(string key) => read.Contains(key);

    /// <summary>The value as it stands; null where it is missing or null.</summary>
    public JsonElement? Find(string key)
    {
        read.Add(key);
        return json.TryGetProperty(key, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;
    }

    /// <summary>An object inside.</summary>
    public ConfigReader Object(string key) => Find(key) is { } value ? new ConfigReader(value, $"{Source}: {key}", refusesNull) : throw Missing(key);

    /// <summary>A positive whole number.</summary>
    public int Size(string key, int? otherwise = null) => Value(key, "a positive whole number") switch
    {
        null => otherwise ?? throw Missing(key),
        { ValueKind: JsonValueKind.Number } v when v.TryGetInt32(out var n) && n > 0 => n,
        { } v => throw Wrong(key, v, "a positive whole number"),
    };

    /// <summary>A whole number, zero included.</summary>
    public int Count(string key, int otherwise) => Value(key, "a whole number") switch
    {
        null => otherwise,
        { ValueKind: JsonValueKind.Number } v when v.TryGetInt32(out var n) && n >= 0 => n,
        { } v => throw Wrong(key, v, "a whole number"),
    };

    /// <summary>A number.</summary>
    public double Number(string key, double? otherwise = null) => Value(key, "a number") switch
    {
        null => otherwise ?? throw Missing(key),
        { ValueKind: JsonValueKind.Number } v when double.IsFinite(v.GetDouble()) => v.GetDouble(),
        { } v => throw Wrong(key, v, "a number"),
    };

    /// <summary>True or false.</summary>
    public bool Flag(string key, bool otherwise) => Value(key, "true or false") switch
    {
        null => otherwise,
        { ValueKind: JsonValueKind.True } => true,
        { ValueKind: JsonValueKind.False } => false,
        { } v => throw Wrong(key, v, "true or false"),
    };

    /// <summary>A text.</summary>
    public string Text(string key, string? otherwise = null) => Value(key, "a text") switch
    {
        null => otherwise ?? throw Missing(key),
        { } v when PythonJson.IsText(v) => v.GetString()!,
        { } v => throw Wrong(key, v, "a text"),
    };

    /// <summary>A list of texts; null where it is missing or null.</summary>
    public IReadOnlyList<string>? Texts(string key) => Find(key) switch
    {
        null => null,
        { ValueKind: JsonValueKind.Array } v when v.EnumerateArray().All(PythonJson.IsText)
            => [.. v.EnumerateArray().Select(e => e.GetString()!)],
        { } v => throw Wrong(key, v, "a list of texts"),
    };

    /// <summary>A list of positive whole numbers; null where it is missing or null.</summary>
    public IReadOnlyList<int>? Sizes(string key) => Find(key) switch
    {
        null => null,
        { ValueKind: JsonValueKind.Array } v when v.EnumerateArray().All(e => e.ValueKind == JsonValueKind.Number && e.TryGetInt32(out var n) && n > 0)
            => [.. v.EnumerateArray().Select(e => e.GetInt32())],
        { } v => throw Wrong(key, v, "a list of positive whole numbers"),
    };

    /// <summary>A list of objects, each read key by key; null where it is missing or null.</summary>
    public IReadOnlyList<ConfigReader>? Objects(string key) => Find(key) switch
    {
        null => null,
        { ValueKind: JsonValueKind.Array } v => [.. v.EnumerateArray().Select((e, i) => new ConfigReader(e, $"{Source}: {key}[{i}]", refusesNull))],
        { } v => throw Wrong(key, v, "a list of objects"),
    };

    /// <summary>A whole number, zero included; null where there is none.</summary>
    /// <param name="key">The key.</param>
    /// <param name="otherwise">Where the key is missing, not where it is null.</param>
    public int? Optional(string key, int? otherwise = null) => !Spells(key) ? otherwise : Has(key) ? Count(key, 0) : null;

    /// <summary>Refuses a text other than the one that is computed.</summary>
    public void MustBe(string key, string expected)
    {
        if (Text(key, expected) is var found && found != expected)
        {
            throw new VitrineException($"{Source}: {key} is '{found}'; this version computes the family only with '{expected}'.");
        }
    }

    /// <summary>Refuses a switch that is off.</summary>
    public void MustBeOn(string key)
    {
        if (!Flag(key, true))
        {
            throw new VitrineException($"{Source}: {key} is false; this version computes the family only with it.");
        }
    }

    /// <summary>Refuses a switch that is on.</summary>
    public void MustBeOff(string key)
    {
        if (Find(key) is { } value && value.ValueKind != JsonValueKind.False)
        {
            throw new VitrineException(
                $"{Source}: {key} is {PythonJson.Shown(value)}; this version computes the family only without it.");
        }
    }

    /// <summary>Refuses every key that was neither read nor is known to change no number; an empty object says nothing.</summary>
    public void RefuseOthers(params IEnumerable<string>[] inert)
    {
        ArgumentNullException.ThrowIfNull(inert);
        foreach (var property in json.EnumerateObject())
        {
            if (!read.Contains(property.Name) && !IsEmptyObject(property.Value) && !inert.Any(keys => keys.Contains(property.Name)))
            {
                throw new VitrineException($"{Source}: unknown key '{property.Name}'; it might change numbers, so the file is refused.");
            }
        }
    }

    /// <summary>Refuses every key that stands in no table, and each that the table says is refused, unless its value says nothing.</summary>
    /// <param name="keys">What is known of the file's keys; those inside objects (a.b) are not looked at.</param>
    /// <param name="saysNothing">Values of refused keys that are the reference's default; null, false, [] and {} are so always.</param>
    public void RefuseOthers(IReadOnlyList<CompanionKey> keys, Func<string, JsonElement, bool>? saysNothing = null)
    {
        ArgumentNullException.ThrowIfNull(keys);
        foreach (var property in json.EnumerateObject())
        {
            var known = keys.FirstOrDefault(k => k.Key == property.Name)
                ?? throw new VitrineException($"{Source}: unknown key '{property.Name}'; it might change numbers, so the file is refused.");
            if (known.Treatment == KeyTreatment.Refused && saysNothing?.Invoke(property.Name, property.Value) != true)
            {
                RefuseUnlessNothing(known);
            }
        }
    }

    /// <summary>Refuses a key whose value is not null, false, [] or {}.</summary>
    /// <exception cref="VitrineException">It says something; what is not computed is told.</exception>
    public void RefuseUnlessNothing(CompanionKey key)
    {
        ArgumentNullException.ThrowIfNull(key);
        if (Find(key.Key) is { } value && !IsNothing(value))
        {
            throw new VitrineException($"{Source}: {key.Key} is {PythonJson.Shown(value)}; {key.Effect}.");
        }
    }

    private static bool IsEmptyObject(JsonElement value) => value.ValueKind == JsonValueKind.Object && value.GetPropertyCount() == 0;

    private static bool IsNothing(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null or JsonValueKind.False => true,
        JsonValueKind.Array => value.GetArrayLength() == 0,
        _ => IsEmptyObject(value),
    };

    /// <summary>The value as it stands; null where the key is missing, or null and null is as good.</summary>
    private JsonElement? Value(string key, string expected) => Find(key)
        ?? (refusesNull && json.TryGetProperty(key, out var spelled) ? throw Wrong(key, spelled, expected) : null);

    private VitrineException Missing(string key) => new($"{Source}: the key '{key}' is missing.");

    /// <summary>The error of a value that is of the wrong kind.</summary>
    /// <param name="key">The key.</param>
    /// <param name="found">Its value.</param>
    /// <param name="expected">What should stand there.</param>
    public VitrineException Wrong(string key, JsonElement found, string expected)
        => new($"{Source}: {key} is {PythonJson.Shown(found)}; expected {expected}.");
}
