using System.Text.Json;

namespace Vitrine.Checkpoints;

/// <summary>Reads a configuration key by key and refuses what would change numbers without being understood.</summary>
public sealed class ConfigReader
{
    private readonly JsonElement json;
    private readonly HashSet<string> read = [];

    /// <summary>Wraps an object of a configuration file.</summary>
    /// <param name="json">The object.</param>
    /// <param name="source">What to call it in errors, e.g. <c>config.json</c>.</param>
    public ConfigReader(JsonElement json, string source)
    {
        (this.json, Source) = (json, source);
        if (json.ValueKind != JsonValueKind.Object)
        {
            throw new VitrineException($"{source}: expected an object, found {PythonJson.Shown(json)}.");
        }
    }

    /// <summary>The file, and the path inside it.</summary>
    public string Source { get; }

    /// <summary>Reads a file.</summary>
    /// <exception cref="VitrineException">It is missing, no JSON object, or has a key twice.</exception>
    public static ConfigReader Open(string path) => new(PythonJson.Open(path), path);

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

    /// <summary>The value as it stands; null where it is missing or null.</summary>
    public JsonElement? Find(string key)
    {
        read.Add(key);
        return json.TryGetProperty(key, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;
    }

    /// <summary>An object inside.</summary>
    public ConfigReader Object(string key) => Find(key) is { } value ? new ConfigReader(value, $"{Source}: {key}") : throw Missing(key);

    /// <summary>A positive whole number.</summary>
    public int Size(string key, int? otherwise = null) => Find(key) switch
    {
        null => otherwise ?? throw Missing(key),
        { ValueKind: JsonValueKind.Number } v when v.TryGetInt32(out var n) && n > 0 => n,
        { } v => throw Wrong(key, v, "a positive whole number"),
    };

    /// <summary>A whole number, zero included.</summary>
    public int Count(string key, int otherwise) => Find(key) switch
    {
        null => otherwise,
        { ValueKind: JsonValueKind.Number } v when v.TryGetInt32(out var n) && n >= 0 => n,
        { } v => throw Wrong(key, v, "a whole number"),
    };

    /// <summary>A number.</summary>
    public double Number(string key, double? otherwise = null) => Find(key) switch
    {
        null => otherwise ?? throw Missing(key),
        { ValueKind: JsonValueKind.Number } v when double.IsFinite(v.GetDouble()) => v.GetDouble(),
        { } v => throw Wrong(key, v, "a number"),
    };

    /// <summary>True or false.</summary>
    public bool Flag(string key, bool otherwise) => Find(key) switch
    {
        null => otherwise,
        { ValueKind: JsonValueKind.True } => true,
        { ValueKind: JsonValueKind.False } => false,
        { } v => throw Wrong(key, v, "true or false"),
    };

    /// <summary>A text.</summary>
    public string Text(string key, string? otherwise = null) => Find(key) switch
    {
        null => otherwise ?? throw Missing(key),
        { ValueKind: JsonValueKind.String } v => v.GetString()!,
        { } v => throw Wrong(key, v, "a text"),
    };

    /// <summary>A list of texts; null where it is missing or null.</summary>
    public IReadOnlyList<string>? Texts(string key) => Find(key) switch
    {
        null => null,
        { ValueKind: JsonValueKind.Array } v when v.EnumerateArray().All(e => e.ValueKind == JsonValueKind.String)
            => [.. v.EnumerateArray().Select(e => e.GetString()!)],
        { } v => throw Wrong(key, v, "a list of texts"),
    };

    /// <summary>A list of whole numbers, zero included; null where it is missing or null.</summary>
    public IReadOnlyList<int>? Sizes(string key) => Find(key) switch
    {
        null => null,
        { ValueKind: JsonValueKind.Array } v when v.EnumerateArray().All(e => e.ValueKind == JsonValueKind.Number && e.TryGetInt32(out var n) && n >= 0)
            => [.. v.EnumerateArray().Select(e => e.GetInt32())],
        { } v => throw Wrong(key, v, "a list of whole numbers"),
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
            if (!read.Contains(property.Name) && property.Value.GetRawText() != "{}" && !inert.Any(keys => keys.Contains(property.Name)))
            {
                throw new VitrineException($"{Source}: unknown key '{property.Name}'; it might change numbers, so the file is refused.");
            }
        }
    }

    private VitrineException Missing(string key) => new($"{Source}: the key '{key}' is missing.");

    private VitrineException Wrong(string key, JsonElement found, string expected)
        => new($"{Source}: {key} is {PythonJson.Shown(found)}; expected {expected}.");
}
