using System.Text.RegularExpressions;
using Vitrine.Checkpoints;
using Vitrine.Checkpoints.Adapters;
using Vitrine.Transformers.Families;

namespace Vitrine.Transformers;

/// <summary>Every file of a model's folder: which are read, which are not, and why.</summary>
public static partial class ModelFolder
{
    private const string Weights = "weights", NotRead = "the model's weights are read from other files", Documentation = "says something to people",
        Training = "left by a training", Code = "code is never executed", OtherFormat = "weights of another format",
        GenerationFile = "generation_config.json";

    /// <summary>What lies beside weights, by name: what for, or why not; and which kinds of models read it (all where none is named).</summary>
    private static readonly (string Name, string What, ModelKind[] ReadBy)[] Companions =
    [
        (GenerationFile, "how tokens are chosen and where a text ends", [ModelKind.Text, ModelKind.Policy]),
        ("tokenizer.json", "text to ids", [ModelKind.Text, ModelKind.Policy]),
        ("tokenizer_config.json", "settings of the tokenizer, chat template", [ModelKind.Text, ModelKind.Policy]),
        ("special_tokens_map.json", "special tokens", [ModelKind.Text, ModelKind.Policy]),
        ("added_tokens.json", "added tokens", [ModelKind.Text, ModelKind.Policy]),
        ("chat_template.jinja", "conversations to prompts", [ModelKind.Text]),
        ("chat_template.json", "conversations to prompts", [ModelKind.Text]),
        ("preprocessor_config.json", "pictures to pixels", [ModelKind.Image, ModelKind.Policy]),
        ("processor_config.json", "pictures to pixels", [ModelKind.Image, ModelKind.Policy]),
        ("dataset_statistics.json", "actions to the robot's units", [ModelKind.Policy]),
    ];

    /// <summary>Files that are known and never read, by a pattern of their names.</summary>
    private static readonly (Regex Name, string Why)[] Known =
    [
        (Readme(), Documentation), (Pictures(), "a picture"), (Sources(), Code), (Trainers(), Training), (TrainerFolders(), Training),
        (OtherWeights(), OtherFormat), (Shards(), NotRead), (Vocabularies(), "tokenizer.json or tokenizer.model is read in its place"),
        (SentenceFiles(), "sentence-transformers reads it, transformers does not"), (Videos(), "videos are not read"),
        (Quantisation(), "config.json says how weights are quantised"), (Hidden(), "of the tools that fetched the folder"),
    ];

    /// <summary>What the keys of config.json do; which of those that act a family reads is the family's.</summary>
    public static IReadOnlyList<CompanionKey> ConfigKeys => InertKeys.Table;

    /// <summary>The files of a model that was found.</summary>
    /// <param name="source">Where it lies.</param>
    /// <param name="opened">The model, opened from there.</param>
    /// <param name="options">How it was opened.</param>
    /// <returns>Files that are read first, each part by name; those of an adapter's own folder begin with it.</returns>
    public static IReadOnlyList<FolderFile> Describe(ModelSource source, Model opened, ModelOptions options)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(opened);
        ArgumentNullException.ThrowIfNull(options);
        var location = source.Location;
        if (location.GgufFile is { } gguf)
        {
            return [new FolderFile(Path.GetFileName(gguf), true, "weights, configuration, tokenizer and chat template")];
        }

        var weights = opened.WeightFiles.Select(Path.GetFullPath).ToHashSet(StringComparer.Ordinal);
        var beside = location.AdapterFolder is { } own && Path.GetFullPath(own) != Path.GetFullPath(location.Folder) ? own : null;
        return
        [
            .. new[] { location.Folder, beside }.OfType<string>().SelectMany(folder => Entries(folder).Select(name => Of(folder, name)))
                .OrderByDescending(f => f.IsRead).ThenBy(f => f.Name, StringComparer.Ordinal),
        ];

        FolderFile Of(string folder, string name)
        {
            var shown = folder == beside ? Path.Combine(Path.GetFileName(Path.TrimEndingDirectorySeparator(folder)), name) : name;
            return weights.Contains(Path.GetFullPath(Path.Combine(folder, name))) ? new FolderFile(shown, true, Purpose(name))
                : name == options.ConfigFile && folder != beside ? new FolderFile(shown, true, "what the model is")
                : OfFamily(Path.GetFullPath(Path.Combine(folder, name))) is { Length: > 0 } what ? new FolderFile(shown, true, what)
                : Array.Find(Companions, c => c.Name == name) is { Name: not null } companion ? Companion(folder, shown, companion)
                : IsTokenizerModel(folder, name) && source.Family.Kind != ModelKind.Image ? new FolderFile(shown, true, "text to ids")
                : new FolderFile(shown, false, WhyNot(name, weights, options));
        }

        bool IsReadBy(ModelKind[] kinds) => kinds.Contains(source.Family.Kind) || (source.Family.Sees && kinds.Contains(ModelKind.Image));

        // A folder inside stands for the files in it.
        string OfFamily(string path)
        {
            var isFolder = Path.EndsInDirectorySeparator(path);
            var meant = opened.FamilyFiles.Where(f => f.Key == path || (isFolder && f.Key.StartsWith(path, StringComparison.Ordinal)));
            return string.Join("; ", meant.Select(f => f.Value).Distinct());
        }

        FolderFile Companion(string folder, string shown, (string Name, string What, ModelKind[] ReadBy) companion)
        {
            var isMeant = companion.Name is GenerationFile or "preprocessor_config.json" or "processor_config.json"
                ? folder == location.Folder
                : folder == location.FolderOf(companion.Name);
            return !IsReadBy(companion.ReadBy) ? new FolderFile(shown, false, $"{companion.What}; this kind of model has no use for it")
                : !isMeant ? new FolderFile(shown, false, $"{companion.What}; read in the other folder")
                : companion.Name == GenerationFile && !opened.ReadsGenerationConfig
                    ? new FolderFile(shown, false, $"{companion.What}; this model generates no tokens by it")
                : companion.Name == GenerationFile && !options.GenerationConfig
                    ? new FolderFile(shown, false, $"{companion.What}; left out, as asked")
                : new FolderFile(shown, true, companion.What);
        }
    }

    private static IEnumerable<string> Entries(string folder)
        => Directory.EnumerateFileSystemEntries(folder).Select(e => Directory.Exists(e) ? Path.GetFileName(e) + "/" : Path.GetFileName(e));

    private static bool IsTokenizerModel(string folder, string name)
        => name.EndsWith(".model", StringComparison.Ordinal) && !File.Exists(Path.Combine(folder, "tokenizer.json"));

    private static string Purpose(string name) => name == AdapterConfig.FileName ? "how the adapter is merged"
        : name.StartsWith("adapter_model.", StringComparison.Ordinal) ? "an adapter, merged into the weights"
        : name.EndsWith(".index.json", StringComparison.Ordinal) ? "which shard holds which tensor"
        : Weights;

    private static string WhyNot(string name, IReadOnlySet<string> weights, ModelOptions options)
    {
        if (name.StartsWith("adapter_", StringComparison.Ordinal))
        {
            return options.Adapter ? $"of an adapter, but no {AdapterConfig.FileName} names it" : "an adapter, left out, as asked";
        }

        if (Checkpoint.Order.Contains(name))
        {
            return $"{Path.GetFileName(weights.First())} is read in its place, as transformers does";
        }

        return Array.Find(Known, k => k.Name.IsMatch(name)).Why ?? (name.EndsWith('/') ? "folders inside are not looked into" : "not known; it is not read");
    }

    [GeneratedRegex(@"^(README|LICEN[CS]E|NOTICE|CITATION|USE_POLICY|MODEL_CARD|CHANGELOG)|\.(md|pdf|rst|bib)$", RegexOptions.IgnoreCase)]
    private static partial Regex Readme();

    [GeneratedRegex(@"\.(png|jpe?g|gif|svg|webp|mp4)$", RegexOptions.IgnoreCase)]
    private static partial Regex Pictures();

    [GeneratedRegex(@"\.(py|ipynb|sh)$|^requirements.*\.txt$")]
    private static partial Regex Sources();

    [GeneratedRegex(
        @"^(optimizer.*\.(pt|bin)|scheduler\.pt|scaler\.pt|trainer_state\.json|training_args\.(bin|json)|rng_state.*\.pth|latest|train_config\.json|"
        + @"(all|train|eval|test|predict)_results\.json|events\.out\.tfevents.*|.*\.(log|csv|jsonl|yaml|yml))$")]
    private static partial Regex Trainers();

    [GeneratedRegex(@"^(checkpoint-\d+|runs|global_step\d+|logs|wandb)/$")]
    private static partial Regex TrainerFolders();

    [GeneratedRegex(@"\.(h5|msgpack|onnx|onnx_data|ot|gguf|ggml|tflite|mlmodel|pth|pt|ckpt|npz|bin|xml)$|^consolidated.*")]
    private static partial Regex OtherWeights();

    [GeneratedRegex(@"\.safetensors(\.index\.json)?$")]
    private static partial Regex Shards();

    [GeneratedRegex(@"^(vocab\.(txt|json)|merges\.txt|tokenizer\.model.*|.*\.model|tekken\.json|params\.json)$")]
    private static partial Regex Vocabularies();

    [GeneratedRegex(@"^(modules\.json|sentence_bert_config\.json|config_sentence_transformers\.json|\d+_\w+/)$")]
    private static partial Regex SentenceFiles();

    [GeneratedRegex(@"^video_preprocessor_config\.json$")]
    private static partial Regex Videos();

    [GeneratedRegex(@"^(quantize_config|quant_config|hf_quant_config)\.json$")]
    private static partial Regex Quantisation();

    [GeneratedRegex(@"^\.")]
    private static partial Regex Hidden();
}
