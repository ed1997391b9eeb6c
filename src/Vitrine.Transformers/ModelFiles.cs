using Vitrine.Checkpoints;
using Vitrine.Checkpoints.Gguf;
using Vitrine.Inputs.Chat;
using Vitrine.Inputs.Tokenizers;

namespace Vitrine.Transformers;

/// <summary>What lies beside a model's weights: tokenizer, chat template.</summary>
public static class ModelFiles
{
    private static readonly string[] TokenizerNames = ["tokenizer.json", "tokenizer.model"];

    /// <summary>Only the tokenizer of a model.</summary>
    /// <param name="name">A folder, a <c>.gguf</c> file, ORG/NAME in the cache, a <c>tokenizer.json</c>, or a SentencePiece <c>.model</c>.</param>
    /// <param name="options">How; <see cref="TokenizerOptions.Default"/> when null. A GGUF file holds all that is read.</param>
    /// <exception cref="VitrineException">There is none, or it is broken.</exception>
    public static Tokenizer OpenTokenizer(string name, TokenizerOptions? options = null)
    {
        if (File.Exists(name) && Path.GetExtension(name) != ".gguf")
        {
            return Tokenizer.Open(name, options);
        }

        var location = ModelLocation.Resolve(name);
        return OpenTokenizer(TokenizerNames.Any(n => File.Exists(Path.Combine(location.Folder, n))) ? location : location.WithBase(), options);
    }

    /// <summary>Only the tokenizer of a model that was found.</summary>
    /// <param name="location">Where the model lies.</param>
    /// <param name="options">How; <see cref="TokenizerOptions.Default"/> when null. A GGUF file holds all that is read.</param>
    /// <exception cref="VitrineException">There is none, or it is broken.</exception>
    public static Tokenizer OpenTokenizer(ModelLocation location, TokenizerOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(location);
        if (location.GgufFile is null)
        {
            return Tokenizer.Open(TokenizerFolder(location), options);
        }

        using var file = GgufFile.Open(location.GgufFile);
        return OfGguf(file);
    }

    /// <summary>Only the template that turns a conversation into a prompt.</summary>
    /// <param name="location">Where the model lies.</param>
    /// <param name="options">How the tokenizer's files are read; <see cref="TokenizerOptions.Default"/> when null.</param>
    /// <exception cref="VitrineException">The model has none.</exception>
    public static ChatTemplate OpenChatTemplate(ModelLocation location, TokenizerOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(location);
        if (location.GgufFile is null)
        {
            return ChatTemplate.Open(TokenizerFolder(location), options: options);
        }

        using var file = GgufFile.Open(location.GgufFile);
        return TemplateOf(file);
    }

    /// <remarks>Trainers save the tokenizer beside an adapter, with what they added to it; it is read there as a whole, or not at all.</remarks>
    private static string TokenizerFolder(ModelLocation location)
        => TokenizerNames.Select(location.FolderOf).FirstOrDefault(f => f != location.Folder) ?? location.Folder;

    private static Tokenizer OfGguf(GgufFile file) => GgufTokenizer.FromMetadata(Plain(file.Metadata), file.Path);

    private static ChatTemplate TemplateOf(GgufFile gguf)
    {
        const string Key = "tokenizer.chat_template";
        var vocabulary = gguf.Metadata.Texts("tokenizer.ggml.tokens");
        var tokens = new Dictionary<string, string>();
        foreach (var name in (string[])["bos", "eos", "unknown", "padding"])
        {
            var key = $"tokenizer.ggml.{name}_token_id";
            if (gguf.Metadata.Contains(key) && gguf.Metadata.Integer(key) is var id and >= 0 && id < vocabulary.Count)
            {
                tokens[name switch { "unknown" => "unk_token", "padding" => "pad_token", _ => $"{name}_token" }] = vocabulary[(int)id];
            }
        }

        return gguf.Metadata.Contains(Key)
            ? ChatTemplate.Parse(gguf.Metadata.Text(Key), $"{gguf.Path} ({Key})", tokens)
            : throw new VitrineException($"{gguf.Path}: the metadata have no {Key}.");
    }

    private static Dictionary<string, object> Plain(GgufMetadata metadata)
        => metadata.Keys.Where(k => k.StartsWith("tokenizer.", StringComparison.Ordinal)).ToDictionary(k => k, k => metadata[k] switch
        {
            sbyte or byte or short or ushort or int or uint or long or ulong => metadata.Integer(k),
            float or double => metadata.Number(k),
            int[] array => array,
            Array array and not (string[] or float[] or object[]) => metadata.Integers(k).Select(i => (int)i).ToArray(),
            var other => other,
        });
}
