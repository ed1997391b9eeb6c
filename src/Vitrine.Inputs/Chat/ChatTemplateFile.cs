using System.Text.Json;

namespace Vitrine.Inputs.Chat;

/// <summary>Finds a model's chat template and the special tokens that it may name.</summary>
internal static class ChatTemplateFile
{
    private const long LargestFile = 64L << 20;

    public static ChatTemplate Open(string folder, string name)
    {
        ArgumentNullException.ThrowIfNull(folder);
        var config = Path.Combine(folder, "tokenizer_config.json");
        var settings = Json(config);
        var tokens = new Dictionary<string, string>(StringComparer.Ordinal);
        AddTokens(Json(Path.Combine(folder, "special_tokens_map.json")), tokens);
        AddTokens(settings, tokens);
        string[] jinja = name == "default"
            ? [Path.Combine(folder, "chat_template.jinja")]
            : [Path.Combine(folder, "additional_chat_templates", Path.GetFileName(name) + ".jinja")];
        foreach (var file in jinja.Where(File.Exists))
        {
            return ChatTemplate.Parse(System.Text.Encoding.UTF8.GetString(Bytes(file)), file, tokens);
        }

        foreach (var (file, json) in new[] { (Path.Combine(folder, "chat_template.json"),
            Json(Path.Combine(folder, "chat_template.json"))), (config, settings) })
        {
            if (json is { ValueKind: JsonValueKind.Object } root && root.TryGetProperty("chat_template", out var template) && Named(template, name) is { } text)
            {
                return ChatTemplate.Parse(text, $"{file} (chat_template)", tokens);
            }
        }

        throw new VitrineException(
            $"{folder}: has no chat template '{name}'; expected chat_template.jinja, or chat_template in tokenizer_config.json. Base models have none.");
    }

    /// <remarks>A file holds one template, or a list of templates with names.</remarks>
    private static string? Named(JsonElement template, string name) => template.ValueKind switch
    {
        JsonValueKind.String => name == "default" ? template.GetString() : null,
        JsonValueKind.Array
            => template.EnumerateArray().Where(t => t.ValueKind == JsonValueKind.Object && Text(t, "name") == name).Select(t => Text(t, "template"))
                .FirstOrDefault(),
        _ => null,
    };

    private static void AddTokens(JsonElement? json, Dictionary<string, string> tokens)
    {
        if (json is not { ValueKind: JsonValueKind.Object } root)
        {
            return;
        }

        foreach (var entry in root.EnumerateObject().Where(e => e.Name.EndsWith("_token", StringComparison.Ordinal)))
        {
            var token = entry.Value.ValueKind == JsonValueKind.String
                ? entry.Value.GetString()
                : entry.Value.ValueKind == JsonValueKind.Object ? Text(entry.Value, "content")
                : null;
            if (token is not null)
            {
                tokens[entry.Name] = token;
            }
        }
    }

    private static string? Text(JsonElement json, string key)
        => json.TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static JsonElement? Json(string file)
    {
        if (!File.Exists(file))
        {
            return null;
        }

        try
        {
            using var json = JsonDocument.Parse(Bytes(file));
            return json.RootElement.Clone();
        }
        catch (JsonException e)
        {
            throw new VitrineException($"{file}: is no JSON ({e.Message}).", e);
        }
    }

    private static byte[] Bytes(string file)
    {
        try
        {
            return new FileInfo(file).Length <= LargestFile
                ? File.ReadAllBytes(file)
                : throw new VitrineException($"{file}: is larger than {LargestFile >> 20} MiB, so it holds no chat template.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VitrineException($"{file}: cannot be read ({e.Message}).", e);
        }
    }
}
