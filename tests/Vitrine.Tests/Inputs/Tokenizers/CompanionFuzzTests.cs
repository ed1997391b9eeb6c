using System.Text.Json.Nodes;
using Vitrine.Checkpoints;
using Vitrine.Inputs.Tokenizers;

namespace Vitrine.Tests.Inputs.Tokenizers;

/// <summary>
/// Keys of real folders' companion files dropped, nulled, retyped and doubled: the answer is what transformers 5 makes of it, or a refusal that names file and
/// key.
/// </summary>
/// <remarks>
/// What transformers makes of it is written down here (<see cref="Nulls"/> and its sisters), key by key, from its source; the folders are sound, so what it
/// makes of a missing key is what the file said, but where <see cref="Dropped"/> says otherwise.
/// </remarks>
public sealed class CompanionFuzzTests
{
    private const int Folders = 1000;

    /// <summary>The folder without added_tokens_decoder, so that the two older files are read.</summary>
    private const string Older = ", older files";

    /// <summary>How a change turns out.</summary>
    private enum Outcome
    {
        Unchanged,
        Refused,
        NotCleanedUp,
    }

    private enum Change
    {
        Dropped,
        Nulled,
        Retyped,
        Doubled,
    }

    private static readonly string[] Texts = ["The red Bowl isn't here .", "a <s>b</s> <|endoftext|> [MASK] <pad>", " é 中文 \n", ""];

    /// <summary>Keys whose null Python takes for none, for false or for the default; every other applied key refuses it.</summary>
    private static readonly HashSet<string> Nulls =
    [
        "tokenizer_class", "additional_special_tokens", "extra_special_tokens", "bos_token", "eos_token", "pad_token", "mask_token", "strip_accents",
        "add_bos_token", "add_eos_token", "clean_up_tokenization_spaces", "legacy", "chat_template", "sp_model_kwargs",
    ];

    public static TheoryData<string> Sources()
        => ["models/bert-classifier", "models/distilbert-classifier", "models/gpt2", "models/gpt2-classifier", "models/llama", "models/openvla",
            "tokenizers/tiny-bytefallback", "tokenizers/tiny-bytelevel", "tokenizers/tiny-wordpiece", "embedded", "tokenizers/mistral", "tokenizers/gpt2",
            "models/openvla" + Older];

    [Theory, MemberData(nameof(Sources))]
    public void A_changed_key_gives_the_reference_s_answer_or_is_refused_by_file_and_key(string source)
    {
        using var folder = Copied(source);
        var random = new Random(20261128);
        var files = TokenizerFiles.Keys.Select(k => k.File).Distinct().Where(f => f != "tokenizer.json" && File.Exists(Path.Combine(folder.Path, f))).ToArray();
        var read = files.ToDictionary(f => f, f => File.ReadAllText(Path.Combine(folder.Path, f)));
        var sound = Answers(folder.Path);
        var plain = Answers(Path.Combine(folder.Path, "tokenizer.json"));
        var outcomes = new Dictionary<Outcome, int>();
        for (var i = 0; i < Folders / Sources().Count + 1; i++)
        {
            var name = files[random.Next(files.Length)];
            var places = Places(JsonNode.Parse(read[name])!.AsObject(), []).ToArray();
            if (places.Length == 0)
            {
                continue;
            }

            var place = places[random.Next(places.Length)];
            var change = (Change)random.Next(4);
            folder.Write(name, Changed(read[name], place, change, random));
            var what = $"{source}, {name}: {string.Join('.', place)} {change}";
            var expected = Expected(folder.Path, read, name, place, change);
            outcomes[expected] = outcomes.GetValueOrDefault(expected) + 1;
            if (expected == Outcome.Refused)
            {
                var message = Should.Throw<VitrineException>(() => Answers(folder.Path), what).Message;
                message.ShouldContain(name, customMessage: what);
                message.ShouldContain(place[^1], customMessage: $"{what}: {message}");
            }
            else
            {
                Answers(folder.Path).ShouldBe(expected == Outcome.NotCleanedUp ? [.. sound[..Texts.Length], .. plain[Texts.Length..]] : sound, what);
            }

            folder.Write(name, read[name]);
        }

        outcomes.GetValueOrDefault(Outcome.Refused).ShouldBeGreaterThan(5, source);
        outcomes.GetValueOrDefault(Outcome.Unchanged).ShouldBeGreaterThan(5, source);
    }

    /// <summary>Ids of every text, then what they decode to.</summary>
    private static string[] Answers(string path)
    {
        var tokenizer = Tokenizer.Open(path);
        return
        [
            .. Texts.Select(t => tokenizer.EncodeText(t)).Select(e => $"{string.Join(' ', e.Ids)} at {string.Join(' ', e.Offsets)}"),
            .. Texts.Select(t => tokenizer.Decode(tokenizer.Encode(t), skipSpecialTokens: false)),
        ];
    }

    private static Outcome Expected(string folder, Dictionary<string, string> read, string name, string[] place, Change change)
    {
        var isRead = name == TokenizerFiles.Config || JsonNode.Parse(read[TokenizerFiles.Config])!["added_tokens_decoder"] is null;
        var (key, isTop) = (place[^1], place.Length == 1);
        var treatment = TokenizerFiles.Keys.FirstOrDefault(k => k.File == name && k.Key == place[0])?.Treatment ?? KeyTreatment.Applied;
        return (isRead, change) switch
        {
            (false, _) => Outcome.Unchanged,
            (_, Change.Doubled) => Outcome.Refused,
            _ when treatment == KeyTreatment.Bookkeeping => Outcome.Unchanged,
            (_, Change.Dropped) => isTop ? Dropped(folder, key) : key == "content" ? Outcome.Refused : Outcome.Unchanged,
            (_, Change.Nulled) when isTop => Nulled(folder, key),
            _ => Outcome.Refused,
        };
    }

    /// <summary>clean_up_tokenization_spaces is false where it is missing or null; only WordPiece is cleaned up at all.</summary>
    private static Outcome Dropped(string folder, string key)
        => key == "clean_up_tokenization_spaces" && IsBert(folder) ? Outcome.NotCleanedUp : Outcome.Unchanged;

    private static Outcome Nulled(string folder, string key) => key switch
    {
        // BERT's template has [CLS] and [SEP], and its model an unknown token, which must be that of the file.
        "unk_token" or "cls_token" or "sep_token" => IsBert(folder) ? Outcome.Refused : Outcome.Unchanged,
        _ when Nulls.Contains(key) => Dropped(folder, key),
        _ => Outcome.Refused,
    };

    private static bool IsBert(string folder) => File.ReadAllText(Path.Combine(folder, "tokenizer.json")).Contains("WordPiece", StringComparison.Ordinal);

    /// <summary>Every key, and those inside of objects.</summary>
    private static IEnumerable<string[]> Places(JsonObject json, string[] before)
        => json.SelectMany(p => p.Value is JsonObject inner && p.Key != "auto_map"
            ? Places(inner, [.. before, p.Key]).Prepend([.. before, p.Key])
            : [[.. before, p.Key]]);

    private static string Changed(string text, string[] place, Change change, Random random)
    {
        var json = JsonNode.Parse(text)!.AsObject();
        var owner = place[..^1].Aggregate(json, (o, k) => o[k]!.AsObject());
        var key = place[^1];
        switch (change)
        {
            case Change.Dropped:
                owner.Remove(key);
                break;
            case Change.Nulled:
                owner[key] = null;
                break;
            case Change.Retyped:
                owner[key] = Other(owner[key], random);
                break;
            default:
                owner["doubled"] = owner[key]?.DeepClone();
                break;
        }

        var changed = json.ToJsonString();
        return change == Change.Doubled ? changed.Replace("\"doubled\":", $"{JsonValue.Create(key).ToJsonString()}:", StringComparison.Ordinal) : changed;
    }

    /// <summary>A value of another kind, that of no token either.</summary>
    private static JsonNode Other(JsonNode? value, Random random)
    {
        JsonNode[] others = value switch
        {
            JsonValue v when v.TryGetValue<string>(out _) => [3, 0.5, true, new JsonArray(1)],
            JsonValue v when v.TryGetValue<bool>(out _) => ["true", 1, 0, new JsonObject { ["a"] = 1 }, new JsonArray()],
            null => [7, 0.5, new JsonArray(2)],
            _ => ["none", 7, true],
        };
        return others[random.Next(others.Length)];
    }

    /// <summary>
    /// Small vocabularies under the companion files of the folder; those of the large ones are real, and name tokens that the small ones have too.
    /// </summary>
    private static TemporaryFolder Copied(string source)
    {
        var of = source == "embedded"
            ? Vitrine.Policies.Policy.Catalog.Locate("embedded:tabletop").Folder
            : Fixtures.Of(source.Replace(Older, "", StringComparison.Ordinal).Split('/'));
        var folder = new TemporaryFolder();
        string[] names = ["config.json", "tokenizer.json", .. TokenizerFiles.Keys.Select(k => k.File).Distinct()];
        foreach (var name in names.Where(n => File.Exists(Path.Combine(of, n))))
        {
            folder.Write(name, File.ReadAllBytes(Path.Combine(of, name)));
        }

        if (source.EndsWith(Older, StringComparison.Ordinal))
        {
            folder.Change(TokenizerFiles.Config, json => json.Remove("added_tokens_decoder"));
        }

        if (source is "tokenizers/mistral" or "tokenizers/gpt2")
        {
            var small = source == "tokenizers/mistral" ? "tiny-bytefallback" : "tiny-bytelevel";
            folder.Write("tokenizer.json", File.ReadAllBytes(Path.Combine(Fixtures.Of("tokenizers", small), "tokenizer.json")));
        }

        return folder;
    }
}
