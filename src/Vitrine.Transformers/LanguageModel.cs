using System.Text.Json;
using Vitrine.Checkpoints;
using Vitrine.Checkpoints.Gguf;
using Vitrine.Inputs.Chat;
using Vitrine.Inputs.Tokenizers;
using Vitrine.Transformers.Families;
using static TorchSharp.torch;

namespace Vitrine.Transformers;

/// <summary>A text model with its tokenizer, opened from where a user has it: a folder, a <c>.gguf</c> file, or ORG/NAME in the local Hugging Face cache.</summary>
public sealed class LanguageModel : IDisposable
{
    private readonly GgufFile? gguf;

    private LanguageModel(ModelLocation location, TextModel model, Tokenizer tokenizer, GgufFile? gguf, IReadOnlyList<long> stopIds)
        => (Location, Model, Tokenizer, this.gguf, StopIds) = (location, model, tokenizer, gguf, stopIds);

    /// <summary>Where it lies.</summary>
    public ModelLocation Location { get; }

    /// <summary>The model.</summary>
    public TextModel Model { get; }

    /// <summary>Text to ids and back.</summary>
    public Tokenizer Tokenizer { get; }

    /// <summary>Ids at which a generation ends, as the files name them; none where they name none.</summary>
    public IReadOnlyList<long> StopIds { get; }

    /// <summary>Opens a model with its tokenizer.</summary>
    /// <param name="name">A folder, a <c>.gguf</c> file, or ORG/NAME in the cache. Nothing is downloaded.</param>
    /// <param name="dtype">What to compute in.</param>
    /// <param name="storage">Whether 16-bit matrices stay as their file has them.</param>
    /// <exception cref="VitrineException">A file, key or tensor is missing, unknown or broken; it is named.</exception>
    public static LanguageModel Open(string name, ScalarType dtype = ScalarType.Float32, WeightStorage storage = WeightStorage.Auto)
    {
        var location = ModelLocation.Resolve(name);
        var (config, checkpoint) = Files(location);
        var model = TextModel.Open(config, checkpoint, dtype, storage);
        try
        {
            var gguf = checkpoint.Gguf;
            return new LanguageModel(location, model, gguf is null ? Tokenizer.Open(location.Folder) : GgufTokenizer.FromMetadata(Metadata(gguf.Metadata), gguf.Path), gguf, StopIdsOf(location, config, gguf));
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>Only the model, which may have no tokenizer; the caller's to dispose.</summary>
    /// <param name="name">As in <see cref="Open"/>.</param>
    /// <param name="dtype">What to compute in.</param>
    /// <exception cref="VitrineException">A file, key or tensor is missing, unknown or broken; it is named.</exception>
    public static TextModel OpenModel(string name, ScalarType dtype = ScalarType.Float32)
    {
        var (config, checkpoint) = Files(ModelLocation.Resolve(name));
        return TextModel.Open(config, checkpoint, dtype);
    }

    /// <summary>Only the tokenizer of a model.</summary>
    /// <param name="name">As in <see cref="Open"/>.</param>
    public static Tokenizer OpenTokenizer(string name)
    {
        if (File.Exists(name) && Path.GetExtension(name) != ".gguf")
        {
            return Tokenizer.Open(name); // tokenizer.json, or a SentencePiece .model
        }

        var location = ModelLocation.Resolve(name);
        if (location.GgufFile is null)
        {
            return Tokenizer.Open(location.Folder);
        }

        using var file = GgufFile.Open(location.GgufFile);
        return GgufTokenizer.FromMetadata(Metadata(file.Metadata), file.Path);
    }

    /// <summary>Only the template that turns a conversation into a prompt.</summary>
    /// <param name="name">As in <see cref="Open"/>.</param>
    /// <exception cref="VitrineException">The model has none.</exception>
    public static ChatTemplate OpenChatTemplate(string name)
    {
        var location = ModelLocation.Resolve(name);
        if (location.GgufFile is null)
        {
            return Inputs.Chat.ChatTemplate.Open(location.Folder);
        }

        using var file = GgufFile.Open(location.GgufFile);
        return TemplateOf(file, GgufTokenizer.FromMetadata(Metadata(file.Metadata), file.Path));
    }

    /// <summary>The template that turns a conversation into a prompt.</summary>
    /// <exception cref="VitrineException">The model has none.</exception>
    public ChatTemplate ChatTemplate() => gguf is null ? Inputs.Chat.ChatTemplate.Open(Location.Folder) : TemplateOf(gguf, Tokenizer);

    /// <summary>A prompt as the model reads it, special tokens included.</summary>
    public TokenBatch Encode(params string[] prompts)
        => TokenBatch.Of([.. prompts.Select(p => (IReadOnlyList<long>)[.. Tokenizer.Encode(p).Select(i => (long)i)])]);

    /// <inheritdoc/>
    public void Dispose() => Model.Dispose();

    private static ChatTemplate TemplateOf(GgufFile gguf, Tokenizer tokenizer)
    {
        const string Key = "tokenizer.chat_template";
        var tokens = new Dictionary<string, string>();
        foreach (var name in (string[])["bos", "eos", "unknown", "padding"])
        {
            if (gguf.Metadata.Contains($"tokenizer.ggml.{name}_token_id") && tokenizer.Token((int)gguf.Metadata.Integer($"tokenizer.ggml.{name}_token_id")) is { } token)
            {
                tokens[name switch { "unknown" => "unk_token", "padding" => "pad_token", _ => $"{name}_token" }] = token;
            }
        }

        return gguf.Metadata.Contains(Key)
            ? Inputs.Chat.ChatTemplate.Parse(gguf.Metadata.Text(Key), $"{gguf.Path} ({Key})", tokens)
            : throw new VitrineException($"{gguf.Path}: the metadata have no {Key}.");
    }

    private static (ConfigReader Config, Checkpoint Checkpoint) Files(ModelLocation location)
    {
        if (location.GgufFile is null)
        {
            return (ConfigReader.Open(Path.Combine(location.Folder, "config.json")), Checkpoint.Open(location.Folder));
        }

        var checkpoint = Checkpoint.Open(location.GgufFile);
        try
        {
            return (new ConfigReader(GgufConfig.ToConfigJson(checkpoint.Gguf!), location.GgufFile), checkpoint);
        }
        catch
        {
            checkpoint.Dispose();
            throw;
        }
    }

    /// <remarks>generation_config.json goes before config.json, as in transformers.</remarks>
    private static long[] StopIdsOf(ModelLocation location, ConfigReader config, GgufFile? gguf)
    {
        if (gguf is not null)
        {
            string[] keys = ["tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id"];
            return [.. keys.Where(gguf.Metadata.Contains).Select(k => gguf.Metadata.Integer(k)).Distinct()];
        }

        var generation = Path.Combine(location.Folder, "generation_config.json");
        var named = (File.Exists(generation) ? ConfigReader.Open(generation).Find("eos_token_id") : null) ?? config.Find("eos_token_id");
        return named switch
        {
            { ValueKind: JsonValueKind.Number } id => [id.GetInt64()],
            { ValueKind: JsonValueKind.Array } ids => [.. ids.EnumerateArray().Select(i => i.GetInt64())],
            _ => [],
        };
    }

    private static Dictionary<string, object> Metadata(GgufMetadata metadata)
        => metadata.Keys.Where(k => k.StartsWith("tokenizer.", StringComparison.Ordinal)).ToDictionary(k => k, k => metadata[k] switch
        {
            sbyte or byte or short or ushort or int or uint or long or ulong => metadata.Integer(k),
            float or double => metadata.Number(k),
            Array array and not (string[] or float[] or object[]) => metadata.Integers(k).Select(i => (int)i).ToArray(),
            var other => other,
        });
}
