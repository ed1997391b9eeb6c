using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Vitrine.Checkpoints;
using Vitrine.Checkpoints.Gguf;
using Vitrine.Transformers.Families;

namespace Vitrine.Transformers;

/// <summary>What a model's files say of generation: <c>generation_config.json</c>, or config.json where there is none, as transformers reads them.</summary>
/// <remarks>Where generation_config.json stands, the same keys of config.json do not count, the end included.</remarks>
public sealed class GenerationSettings
{
    private const string FileName = "generation_config.json";

    /// <summary>top_k of transformers' GenerationConfig.</summary>
    private const int DefaultTopK = 50;

    private readonly Sampling? sampling;

    private GenerationSettings(string source, IReadOnlyList<int> stopIds)
        => (Source, StopIds, Rules) = (source, stopIds, TokenRules.None with { EndIds = stopIds });

    private GenerationSettings(ConfigReader json, bool isOwnFile, int? defaultEnd = null)
    {
        var notComputed = new List<string>();
        foreach (var key in GenerationKeys.All)
        {
            if (key.Treatment == KeyTreatment.Refused && json.Find(key.Key) is { } value && !GenerationKeys.SaysNothing(key.Key, value))
            {
                notComputed.Add($"{json.Source}: {key.Key} is {PythonJson.Shown(value)}; {key.Effect}.");
            }
        }

        Source = json.Source;
        StopIds = json.Spells("eos_token_id") || defaultEnd is not { } end ? Ids(json, "eos_token_id") : [end];
        StopStrings = json.Find("stop_strings") is { } one && PythonJson.IsText(one) ? [one.GetString()!] : json.Texts("stop_strings") ?? [];
        Rules = RulesOf(json, StopIds);
        sampling = SamplingOf(json);
        IsSampled = json.Flag("do_sample", false);
        if (isOwnFile)
        {
            notComputed.AddRange(json.Root.EnumerateObject().Where(p => GenerationKeys.All.All(k => k.Key != p.Name))
                .Select(p => $"{json.Source}: unknown key '{p.Name}'; it might change what is written, so it is refused."));
        }

        NotComputed = notComputed;
    }

    /// <summary>What each key does.</summary>
    public static IReadOnlyList<CompanionKey> Keys => GenerationKeys.All;

    /// <summary>The file.</summary>
    public string Source { get; }

    /// <summary>Ids at which a generation ends; none where the files name none.</summary>
    public IReadOnlyList<int> StopIds { get; }

    /// <summary>Texts at which a generation ends.</summary>
    public IReadOnlyList<string> StopStrings { get; } = [];

    /// <summary>Penalties, forbidden and forced tokens.</summary>
    public TokenRules Rules { get; }

    /// <summary>Whether the files ask for tokens to be drawn; Vitrine takes the largest logit unless its caller draws.</summary>
    public bool IsSampled { get; }

    /// <summary>What the files ask for and is not computed, one line each with file, key and value.</summary>
    public IReadOnlyList<string> NotComputed { get; private init; } = [];

    /// <summary>How the files would have tokens drawn, whether they ask for it or not; null where there are no files (GGUF).</summary>
    /// <exception cref="VitrineException">A number lies outside its range; it is named.</exception>
    public Sampling? Sampling
    {
        get
        {
            try
            {
                sampling?.Check();
                return sampling;
            }
            catch (VitrineException e)
            {
                throw new VitrineException($"{Source}: {e.Message}", e);
            }
        }
    }

    /// <summary>What changes what is written, as people read it: rules, the drawing that is asked for, the ends.</summary>
    public IReadOnlyList<string> Described =>
    [
        .. Rules.Described,
        .. IsSampled && sampling is not null ? new[] { $"asks for sampling ({DrawnBy(sampling)})" } : [],
        .. StopIds.Count > 0 ? new[] { $"ends at {string.Join(' ', StopIds)}" } : [],
        .. StopStrings.Count > 0 ? new[] { $"ends at {string.Join(' ', StopStrings.Select(s => JsonValue.Create(s).ToJsonString()))}" } : [],
        .. NotComputed.Select(n => $"not computed: {n}"),
    ];

    /// <summary>How tokens are drawn, as people read it.</summary>
    public static string DrawnBy(Sampling sampling)
    {
        ArgumentNullException.ThrowIfNull(sampling);
        (string Name, object? Value)[] set =
        [
            ("temperature", sampling.Temperature), ("top_k", sampling.TopK), ("top_p", sampling.TopP), ("min_p", sampling.MinP),
            ("typical_p", sampling.TypicalP), ("epsilon_cutoff", sampling.EpsilonCutoff), ("eta_cutoff", sampling.EtaCutoff),
        ];
        return string.Join(", ", set.Where(s => s.Value is not null).Select(s => string.Create(CultureInfo.InvariantCulture, $"{s.Name} {s.Value}")));
    }

    /// <summary>Refuses what is not computed.</summary>
    /// <exception cref="VitrineException">The files ask for it; file, key and value are named.</exception>
    public void RequireComputed()
    {
        if (NotComputed.Count > 0)
        {
            throw new VitrineException($"{NotComputed[0]} --no-generation-config (TokenRules.None) leaves the file's rules out.");
        }
    }

    /// <summary>Reads what lies beside a model.</summary>
    /// <exception cref="VitrineException">A value is of the wrong kind; file and key are named.</exception>
    internal static GenerationSettings Read(ModelSource source)
    {
        if (source.Location.GgufFile is { } file)
        {
            using var gguf = GgufFile.Open(file);
            string[] keys = ["tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id"];
            var ends = keys.Where(gguf.Metadata.Contains).Select(k => TokenIds.Of(gguf.Metadata.Integer(k), $"{file}: {k}"));
            return new GenerationSettings(file, [.. ends.Distinct()]);
        }

        var path = Path.Combine(source.Location.Folder, FileName);
        var config = WithLanguage(source);
        return source.Location.Folder.Length > 0 && File.Exists(path) ? OfFile(ConfigReader.Open(path), Plain(config))
            : new GenerationSettings(Plain(config), isOwnFile: false, DefaultEnd(source));
    }

    /// <remarks>What the whole configuration of a model of pictures and texts leaves out, its text_config says.</remarks>
    private static ConfigReader WithLanguage(ModelSource source)
    {
        if (!source.Family.Sees || source.Config.Find("text_config") is not { ValueKind: JsonValueKind.Object } part)
        {
            return source.Config;
        }

        var whole = JsonObject.Create(source.Config.Root.Clone())!;
        foreach (var own in part.EnumerateObject().Where(p => GenerationKeys.All.Any(k => k.Key == p.Name) && !source.Config.Has(p.Name)))
        {
            whole[own.Name] = JsonNode.Parse(own.Value.GetRawText());
        }

        using var text = JsonDocument.Parse(whole.ToJsonString());
        return new ConfigReader(text.RootElement.Clone(), source.Config.Source);
    }

    /// <summary>The class default of the end: of a model of pictures and texts, that of its language's class.</summary>
    private static int? DefaultEnd(ModelSource source)
    {
        var name = VisionLanguageFamily.All.FirstOrDefault(f => f.ModelType == source.Config.Text("model_type")) is not { } seeing ? source.Family.Name
            : source.Config.Has("text_config") ? source.Config.Object("text_config").Text("model_type", seeing.Language)
            : seeing.Language;
        return TextFamily.All.FirstOrDefault(f => f.ModelType == name)?.DefaultEnd;
    }

    /// <remarks>
    /// A file that was derived from config.json gives way to it in transformers 4 where config.json has such keys of its own; transformers 5 follows the file.
    /// </remarks>
    private static GenerationSettings OfFile(ConfigReader json, ConfigReader config)
    {
        var own = new GenerationSettings(json, isOwnFile: true);
        if (json.Find("_from_model_config") is not { ValueKind: JsonValueKind.True })
        {
            return own;
        }

        var other = new GenerationSettings(config, isOwnFile: false);
        return other.Rules.IsEmpty || other.Rules.Described.SequenceEqual(own.Rules.Described)
            ? own
            : new GenerationSettings(json, isOwnFile: true)
            {
                NotComputed = [.. own.NotComputed,
                    $"{json.Source}: _from_model_config is true, and {config.Source} says {string.Join(", ", other.Rules.Described)}; "
                    + "transformers 4 follows that file, transformers 5 this one."],
            };
    }

    /// <summary>A configuration whose nulls are missing keys, as they are for generation.</summary>
    private static ConfigReader Plain(ConfigReader config) => new(config.Root, config.Source);

    private static TokenRules RulesOf(ConfigReader json, IReadOnlyList<int> ends)
    {
        var rules = new TokenRules
        {
            EndIds = ends,
            RepetitionPenalty = Positive(json, "repetition_penalty"),
            PromptRepetitionPenalty = Positive(json, "encoder_repetition_penalty"),
            NoRepeatNgramSize = json.Count("no_repeat_ngram_size", 0),
            PromptNgramSize = json.Count("encoder_no_repeat_ngram_size", 0),
            SequenceBiases = Biases(json),
            BadWords = Words(json, ends),
            MinNewTokens = json.Count("min_new_tokens", 0),
            // The number of new tokens, where it stands, goes before that of all (transformers, _prepare_generated_length).
            MinLength = json.Count("min_length", 0) is var length && json.Has("min_new_tokens") ? 0 : length,
            ForcedFirst = json.Has("forced_bos_token_id") ? json.Count("forced_bos_token_id", 0) : null,
            ForcedLast = Ids(json, "forced_eos_token_id"),
            LengthDecay = Decay(json),
            Suppressed = json.Find("suppress_tokens") is { } never ? IdsOf(json, "suppress_tokens", never) : [],
            SuppressedFirst = json.Find("begin_suppress_tokens") is { } first ? IdsOf(json, "begin_suppress_tokens", first) : [],
        };
        return rules.LengthDecay is null || ends.Count > 0
            ? rules
            : throw new VitrineException($"{json.Source}: exponential_decay_length_penalty is set, but no eos_token_id.");
    }

    private static Sampling SamplingOf(ConfigReader json) => new()
    {
        Temperature = json.Number("temperature", 1),
        TopK = json.Spells("top_k") ? json.Optional("top_k") is > 0 and var k ? k : null : DefaultTopK,
        TopP = json.Number("top_p", 1) is var p && p < 1 ? p : null,
        MinP = json.Has("min_p") ? json.Number("min_p") : null,
        TypicalP = json.Number("typical_p", 1) is var typical && typical < 1 ? typical : null,
        EpsilonCutoff = json.Number("epsilon_cutoff", 0) is var epsilon && epsilon is > 0 and < 1 ? epsilon : null,
        EtaCutoff = json.Number("eta_cutoff", 0) is var eta && eta is > 0 and < 1 ? eta : null,
    };

    private static double Positive(ConfigReader json, string key)
        => json.Number(key, 1) is > 0 and var number ? number : throw json.Wrong(key, json.Find(key)!.Value, "a number above 0");

    /// <summary>One id or several.</summary>
    private static int[] Ids(ConfigReader json, string key) => json.Find(key) switch
    {
        null => [],
        { ValueKind: JsonValueKind.Array } list => IdsOf(json, key, list),
        { } one => [Id(json, key, one)],
    };

    private static int[] IdsOf(ConfigReader json, string key, JsonElement list)
        => list.ValueKind == JsonValueKind.Array
            ? [.. list.EnumerateArray().Select(v => Id(json, key, v))]
            : throw json.Wrong(key, list, "a list of whole numbers");

    private static int Id(ConfigReader json, string key, JsonElement value)
        => value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var id) ? id : throw json.Wrong(key, value, "a token id or a list of them");

    private static JsonElement[] List(ConfigReader json, string key, string expected) => json.Find(key) switch
    {
        null => [],
        { ValueKind: JsonValueKind.Array } list when list.GetArrayLength() > 0 => [.. list.EnumerateArray()],
        { } other => throw json.Wrong(key, other, expected),
    };

    /// <remarks>A single end among them is passed over; a list of nothing else is refused by the reference.</remarks>
    private static int[][] Words(ConfigReader json, IReadOnlyList<int> ends)
    {
        const string Key = "bad_words_ids";
        int[][] words = [.. List(json, Key, "a list of lists of ids").Select(w => IdsOf(json, Key, w))];
        return words.Length == 0 || (Array.TrueForAll(words, w => w.Length > 0 && Array.TrueForAll(w, id => id >= 0))
                && Array.Exists(words, w => w.Length != 1 || !ends.Contains(w[0])))
            ? words
            : throw json.Wrong(Key, json.Find(Key)!.Value, "a list of lists of ids, not all of them an end");
    }

    private static SequenceBias[] Biases(ConfigReader json)
    {
        const string Key = "sequence_bias", Expected = "a list of [[ids], number]";
        return [.. List(json, Key, Expected).Select(Pair).Reverse().DistinctBy(b => string.Join(',', b.Ids)).Reverse()];

        SequenceBias Pair(JsonElement pair)
            => pair.ValueKind == JsonValueKind.Array && pair.GetArrayLength() == 2 && PythonJson.Number(pair[1]) is { } bias && !double.IsNaN(bias)
                && IdsOf(json, Key, pair[0]) is { Length: > 0 } ids
                ? new SequenceBias(ids, bias)
                : throw json.Wrong(Key, pair, Expected);
    }

    private static LengthDecay? Decay(ConfigReader json)
    {
        const string Key = "exponential_decay_length_penalty";
        return List(json, Key, "[start, factor]") switch
        {
            [] => null,
            [{ ValueKind: JsonValueKind.Number } start, { ValueKind: JsonValueKind.Number } factor] when start.TryGetInt32(out var begin) && begin >= 0
                => new LengthDecay(begin, factor.GetDouble()),
            _ => throw json.Wrong(Key, json.Find(Key)!.Value, "[start, factor]"),
        };
    }
}
