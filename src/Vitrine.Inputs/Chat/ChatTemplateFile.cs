using System.Text.Json;
using Vitrine.Checkpoints;
using Vitrine.Inputs.Tokenizers;
using Vitrine.Inputs.Tokenizers.Companions;

namespace Vitrine.Inputs.Chat;

/// <summary>Finds a model's chat template and the special tokens that it may name.</summary>
internal static class ChatTemplateFile
{
    private const string Key = "chat_template";
    private const long LargestFile = 64L << 20;

    public static ChatTemplate Open(string folder, string name, TokenizerOptions options)
    {
        ArgumentNullException.ThrowIfNull(folder);
        var files = FolderFiles.Read(folder, options.Reference);
        var tokens = SpecialTokens.Read(files).Texts;
        var jinja = name == "default"
            ? Path.Combine(folder, "chat_template.jinja")
            : Path.Combine(folder, "additional_chat_templates", Path.GetFileName(name) + ".jinja");
        if (File.Exists(jinja))
        {
            return ChatTemplate.Parse(System.Text.Encoding.UTF8.GetString(Bytes(jinja)), jinja, tokens);
        }

        foreach (var file in new[] { OfProcessor(folder), files.Config }.OfType<ConfigReader>())
        {
            if (Named(file, name) is { } text)
            {
                return ChatTemplate.Parse(text, $"{file.Source} ({Key})", tokens);
            }
        }

        throw new VitrineException(
            $"{folder}: has no chat template '{name}'; expected chat_template.jinja, or chat_template in tokenizer_config.json. Base models have none.");
    }

    private static ConfigReader? OfProcessor(string folder)
    {
        var path = Path.Combine(folder, TokenizerFiles.ChatTemplate);
        if (!File.Exists(path))
        {
            return null;
        }

        var file = ConfigReader.Open(path);
        _ = file.Has(Key);
        file.RefuseOthers();
        return file;
    }

    /// <remarks>A file holds one template, or a list of templates with names.</remarks>
    private static string? Named(ConfigReader file, string name)
    {
        if (file.Find(Key) is not { ValueKind: JsonValueKind.Array } list)
        {
            return file.Has(Key) && file.Text(Key) is var only && name == "default" ? only : null;
        }

        var templates = list.EnumerateArray().Select(t => new ConfigReader(t, $"{file.Source}: {Key}")).ToArray();
        return templates.Select(t => (Name: t.Text("name"), Template: t.Text("template"))).ToArray().FirstOrDefault(t => t.Name == name).Template;
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
