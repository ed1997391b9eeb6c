using System.Text.Json;
using System.Text.RegularExpressions;

namespace Vitrine.Checkpoints.Adapters;

/// <summary>What <c>adapter_config.json</c> says of a LoRA adapter (peft, LoraConfig).</summary>
public sealed class AdapterConfig
{
    /// <summary>Name of the file.</summary>
    public const string FileName = "adapter_config.json";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    /// <summary>Initialisations that leave the base weights as they are, so that nothing is to be done for them at loading.</summary>
    private static readonly string[] PlainStarts = ["gaussian", "eva", "orthogonal"];

    private readonly ConfigReader json;
    private readonly int rank;
    private readonly double alpha;
    private readonly bool isRankStabilised;
    private readonly IReadOnlyDictionary<string, double> ranks;
    private readonly IReadOnlyDictionary<string, double> alphas;
    private readonly Predicate<string> targets;
    private readonly Predicate<string>? excluded;
    private readonly IReadOnlyList<int>? layers;
    private readonly IReadOnlyList<string> layerLists;

    private AdapterConfig(ConfigReader json)
    {
        this.json = json;
        if (json.Text("peft_type") is var kind && kind != "LORA")
        {
            throw new VitrineException($"{json.Source}: peft_type is '{kind}'; this version merges LORA only. --no-adapter opens the base model alone.");
        }

        (rank, alpha, isRankStabilised) = (json.Size("r", 8), json.Number("lora_alpha", 8), json.Flag("use_rslora", false));
        (ranks, alphas) = (Patterns("rank_pattern"), Patterns("alpha_pattern"));
        targets = Names("target_modules") ?? throw new VitrineException(
            $"{json.Source}: the key 'target_modules' is missing; which modules peft then adapts depends on its version. Name them.");
        excluded = Names("exclude_modules");
        layers = Layers();
        layerLists = Texts("layers_pattern");
        SavedModules = json.Texts("modules_to_save") ?? [];
        HasBias = json.Flag("lora_bias", false);
        (Base, Revision) = BaseModel(json);
        if (json.Text("bias", "none") is var bias and not ("none" or "all" or "lora_only"))
        {
            throw new VitrineException($"{json.Source}: bias is '{bias}'; known are none, all, lora_only.");
        }

        RequirePlainStart();
        json.RefuseOthers(Keys);
    }

    /// <summary>What each key does.</summary>
    public static IReadOnlyList<CompanionKey> Keys { get; } = Table(new CompanionTable(FileName));

    /// <summary>The model that the adapter was trained on, as the file names it; null where it names none.</summary>
    public string? Base { get; }

    /// <summary>Revision of <see cref="Base"/> on the hub; null for its newest.</summary>
    public string? Revision { get; }

    /// <summary>Modules that the adapter replaces whole.</summary>
    public IReadOnlyList<string> SavedModules { get; }

    /// <summary>Whether B has a bias of its own.</summary>
    public bool HasBias { get; }

    internal string Source => json.Source;

    /// <summary>Reads a folder's file.</summary>
    /// <exception cref="VitrineException">It is no LoRA adapter that is computed here, or a key is unknown or of the wrong kind; it is named.</exception>
    public static AdapterConfig Open(string folder) => new(ConfigReader.Open(Path.Combine(folder, FileName)));

    /// <summary>The base that a folder's adapter names, and its revision; other keys are not looked at.</summary>
    internal static (string? Base, string? Revision) BaseOf(string folder) => BaseModel(ConfigReader.Open(Path.Combine(folder, FileName)));

    /// <summary>Rank of a module.</summary>
    internal int RankOf(string module) => (int)(Matching(ranks, module) ?? rank);

    /// <summary>What B A is multiplied with: alpha / r, or alpha / sqrt(r) (Kalajdzievski 2023).</summary>
    internal double ScalingOf(string module)
    {
        var (a, r) = (Matching(alphas, module) ?? alpha, (double)RankOf(module));
        return a / (isRankStabilised ? Math.Sqrt(r) : r);
    }

    /// <summary>Whether peft adapts a module; a tensor for another would be left out by it.</summary>
    internal bool Adapts(string module)
        => excluded?.Invoke(module) != true && !SavedModules.Any(m => Matches($"(^|.*\\.)({m})($|\\..*)", module, "modules_to_save"))
            && targets(module) && (layers is null || LayerOf(module) is { } layer && layers.Contains(layer));

    private static IReadOnlyList<CompanionKey> Table(CompanionTable k) =>
    [
        .. k.Applied("peft_type", "LORA is merged; every other kind is refused"),
        .. k.Applied("base_model_name_or_path", "the base model, where it is not the folder itself"),
        .. k.Applied("revision", "which revision of the base in the cache"),
        .. k.Applied("r", "rank: W + alpha / r B A"),
        .. k.Applied("lora_alpha", "alpha"),
        .. k.Applied("use_rslora", "alpha / sqrt(r) in place of alpha / r"),
        .. k.Applied("rank_pattern", "ranks of modules whose names match"),
        .. k.Applied("alpha_pattern", "alphas of modules whose names match"),
        .. k.Applied("target_modules", "modules that are adapted; a tensor for another is refused"),
        .. k.Applied("exclude_modules", "modules that are not adapted"),
        .. k.Applied("layers_to_transform", "layers that are adapted"),
        .. k.Applied("layers_pattern", "where the number of a layer stands in a module's name"),
        .. k.Applied("modules_to_save", "modules that are replaced whole"),
        .. k.Applied("bias", "none, all, lora_only; biases in the file replace the base's"),
        .. k.Applied("lora_bias", "B has a bias: b + scaling times it"),
        .. k.Applied("init_lora_weights", "starts that rewrite the base weights (pissa, olora, loftq, corda, lora_ga, mica) are refused"),
        .. k.Refused("use_dora", "DoRA is not computed"),
        .. k.Refused("use_qalora", "QALoRA is not computed"),
        .. k.Refused("use_bdlora", "block-diagonal LoRA is not computed"),
        .. k.Refused("alora_invocation_tokens", "activated LoRA acts behind chosen tokens only and cannot be merged"),
        .. k.Refused("arrow_config", "routing between adapters is not computed"),
        .. k.Refused("kasa_config", "KaSA is not computed"),
        .. k.Refused("velora_config", "VeLoRA is not computed"),
        .. k.Refused("monteclora_config", "MonteCLoRA is not computed"),
        .. k.Refused("layer_replication", "layers would be stacked anew"),
        .. k.Refused("megatron_config", "Megatron's layers are not computed"),
        .. k.Refused("target_parameters", "parameters without a module are not adapted"),
        .. k.Refused("trainable_token_indices", "single rows of the embedding are not replaced"),
        .. k.Refused("ensure_weight_tying", "an adapted embedding is not carried over to a tied head"),
        .. k.Bookkeeping("the class of the layer decides (Conv1D of GPT-2), as in peft", "fan_in_fan_out"),
        .. k.Bookkeeping("acts in training only", "lora_dropout", "inference_mode", "loftq_config", "eva_config", "corda_config", "lora_ga_config"),
        .. k.Bookkeeping("describes the file", "task_type", "auto_mapping", "peft_version", "megatron_core", "qalora_group_size"),
    ];

    private static (string? Base, string? Revision) BaseModel(ConfigReader json)
        => (NullWhereEmpty(json.Text("base_model_name_or_path", "")), NullWhereEmpty(json.Text("revision", "")));

    private static string? NullWhereEmpty(string text) => text.Length == 0 ? null : text;

    /// <remarks>peft repeats these starts at every loading: they take a part out of the base weights, which the saved A and B put back.</remarks>
    private void RequirePlainStart()
    {
        if (json.Find("init_lora_weights") is { } start && start.ValueKind is not (JsonValueKind.True or JsonValueKind.False)
            && !(PythonJson.IsText(start) && PlainStarts.Contains(start.GetString())))
        {
            throw new VitrineException($"{json.Source}: init_lora_weights is {PythonJson.Shown(start)}; expected true or false, or one of "
                + $"{string.Join(", ", PlainStarts)}. Other starts rewrite the base weights; save the adapter as a plain LoRA (peft, "
                + "path_initial_model_for_weight_conversion).");
        }
    }

    /// <summary>The value of the first pattern that a module's name ends with, as peft looks it up.</summary>
    private double? Matching(IReadOnlyDictionary<string, double> patterns, string module)
        => patterns.Where(p => Matches($"^(.*\\.)?({p.Key})$", module, "rank_pattern or alpha_pattern")).Select(p => (double?)p.Value).FirstOrDefault();

    private int? LayerOf(string module)
    {
        IEnumerable<string> lists = layerLists.Count == 0 ? ["[^.]*"] : layerLists;
        var found = lists.Select(l => Match($"^.*?\\.{l}\\.(\\d+)\\.", module, "layers_pattern")).FirstOrDefault(m => m.Success);
        return found is not null && int.TryParse(found.Groups[^1].ValueSpan, out var layer) ? layer : null;
    }

    private bool Matches(string pattern, string name, string key) => Match(pattern, name, key).Success;

    private Match Match(string pattern, string name, string key)
    {
        try
        {
            return Regex.Match(name, pattern, RegexOptions.CultureInvariant, Patience);
        }
        catch (Exception e) when (e is ArgumentException or RegexMatchTimeoutException)
        {
            throw new VitrineException($"{json.Source}: {key} has a pattern that cannot be matched ({e.Message})", e);
        }
    }

    private Dictionary<string, double> Patterns(string key)
    {
        if (!json.Has(key))
        {
            return [];
        }

        var patterns = json.Object(key);
        return patterns.Root.EnumerateObject().ToDictionary(p => p.Name, p => key == "rank_pattern" ? patterns.Size(p.Name) : patterns.Number(p.Name));
    }

    /// <summary>Which modules a key means: a list of last parts of their names, a pattern of whole names, or all.</summary>
    private Predicate<string>? Names(string key)
    {
        switch (json.Find(key))
        {
            case null:
                return null;
            case { } text when PythonJson.IsText(text):
                var pattern = text.GetString();
                return name => pattern == "all-linear" || Matches($"^(?:{pattern})$", name, key);
            default:
                var names = json.Texts(key)!;
                return name => names.Any(n => name == n || name.EndsWith($".{n}", StringComparison.Ordinal));
        }
    }

    private IReadOnlyList<string> Texts(string key)
        => json.Find(key) is { } one && PythonJson.IsText(one) ? [one.GetString()!] : json.Texts(key) ?? [];

    private IReadOnlyList<int>? Layers() => json.Find("layers_to_transform") switch
    {
        null => null,
        { ValueKind: JsonValueKind.Number } => [json.Count("layers_to_transform", 0)],
        { ValueKind: JsonValueKind.Array } list when list.EnumerateArray().All(v => v.ValueKind == JsonValueKind.Number && v.TryGetInt32(out _))
            => list.GetArrayLength() == 0 ? null : [.. list.EnumerateArray().Select(v => v.GetInt32())],
        { } other => throw new VitrineException($"{json.Source}: layers_to_transform is {PythonJson.Shown(other)}; expected a whole number or a list of them."),
    };
}
