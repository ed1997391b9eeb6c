using System.Text.Json;
using Vitrine.Checkpoints;

namespace Vitrine.Inputs.Tokenizers.Companions;

/// <summary>Reads tokens as the files beside a vocabulary write them: a text, or an object that says how the token is looked for.</summary>
internal static class TokenReader
{
    /// <summary>Stands for the id that a token does not have yet.</summary>
    public const int NoId = -1;

    private const string Type = "__type";

    /// <summary>A token by its name; null where there is none: null, or an empty text, which transformers passes over.</summary>
    public static AddedToken? Optional(ConfigReader file, string key, bool special)
        => file.Find(key) is { } value ? Value(value, file.Source, key, special) : null;

    /// <summary>A list of tokens; null where the key is missing or null.</summary>
    public static IReadOnlyList<AddedToken>? List(ConfigReader file, string key, bool special)
        => file.Find(key) is not { } list ? null : list.ValueKind == JsonValueKind.Array
            ? [.. list.EnumerateArray().Select(v => Value(v, file.Source, key, special)).OfType<AddedToken>()]
            : throw Wrong(file.Source, key, list, "a list of tokens");

    /// <summary>A text or an object; null for an empty text.</summary>
    /// <param name="value">The value.</param>
    /// <param name="source">The file.</param>
    /// <param name="key">The key.</param>
    /// <param name="special">Whether an object is special whatever it says.</param>
    public static AddedToken? Value(JsonElement value, string source, string key, bool special) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString() is { Length: > 0 } text ? new AddedToken(text, NoId) { Special = true } : null,
        JsonValueKind.Object => Entry(value, source, key, NoId, special),
        _ => throw Wrong(source, key, value, "a token: a text, or an object with its content"),
    };

    /// <summary>An object that describes a token.</summary>
    public static AddedToken Entry(JsonElement value, string source, string key, int id, bool special = false)
    {
        var token = new ConfigReader(value, $"{source}: {key}");
        foreach (var name in value.EnumerateObject().Select(p => p.Name))
        {
            if (name is not ("content" or "lstrip" or "rstrip" or "single_word" or "normalized" or "special" or Type))
            {
                throw new VitrineException($"{token.Source}: unknown key '{name}' of a token.");
            }
        }

        special |= Flag("special", false);
        return new AddedToken(token.Text("content"), id)
        {
            Special = special,
            SingleWord = Flag("single_word", false),
            StripsLeft = Flag("lstrip", false),
            StripsRight = Flag("rstrip", false),
            Normalized = Flag("normalized", !special),
        };

        bool Flag(string name, bool otherwise) => token.Spells(name) && !token.Has(name)
            ? throw new VitrineException($"{token.Source}: {name} is null; expected true or false.")
            : token.Flag(name, otherwise);
    }

    private static VitrineException Wrong(string source, string key, JsonElement found, string expected)
        => new($"{source}: {key} is {PythonJson.Shown(found)}; expected {expected}.");
}
