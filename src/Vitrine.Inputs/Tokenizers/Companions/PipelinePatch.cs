using System.Text.Json;
using System.Text.Json.Nodes;
using Vitrine.Inputs.Tokenizers.Json;

namespace Vitrine.Inputs.Tokenizers.Companions;

/// <summary>What the switches of tokenizer_config.json change in the components of tokenizer.json, before these are read.</summary>
/// <remarks>
/// A class that is listed (<see cref="TokenizerClass"/>) decides; a switch that another class might read must agree with the component, or is refused.
/// </remarks>
internal static class PipelinePatch
{
    private const string VisibleSpace = "\u2581";

    /// <remarks>transformers 4, BertTokenizerFast.__init__: a BertNormalizer takes the three switches over; version 5 builds it from them.</remarks>
    public static JsonPart? Normalizer(JsonPart? normalizer, TokenizerSwitches switches)
    {
        if (switches.Class.IsBert && normalizer?.Element is { ValueKind: JsonValueKind.Object } bert && Kind(bert) == "BertNormalizer")
        {
            return Changed(normalizer.Value, node =>
            {
                node["lowercase"] = switches.Lowercase ?? true;
                node["strip_accents"] = switches.StripsAccents;
                node["handle_chinese_chars"] = switches.SplitsIdeographs ?? true;
            });
        }

        if (switches.Class.IsBert || !switches.Class.IsKnown)
        {
            var parts = Flat(normalizer, "normalizers").ToArray();
            var lowers = parts.Any(p => Kind(p) == "Lowercase" || (Kind(p) == "BertNormalizer" && Flag(p, "lowercase", true)));
            var strips = parts.Any(p => Kind(p) == "StripAccents" || (Kind(p) == "BertNormalizer" && Flag(p, "strip_accents", Flag(p, "lowercase", true))));
            Agree(switches.Lowercase, lowers, "do_lower_case", "normalizer", switches);
            Agree(switches.StripsAccents, strips, "strip_accents", "normalizer", switches);
            Agree(!switches.KeepsAccents, strips, "keep_accents", "normalizer", switches);
            Agree(switches.SplitsIdeographs, parts.Any(p => Kind(p) == "BertNormalizer" && Flag(p, "handle_chinese_chars", true)), "tokenize_chinese_chars",
                "normalizer", switches);
        }

        return normalizer;
    }

    /// <remarks>
    /// transformers 4, PreTrainedTokenizerFast.__init__: a ByteLevel pre-tokenizer takes the switch over, whatever the class, false where it is missing.
    /// Version 5 builds the pre-tokenizer of GPT-2's and its kin's classes from it and leaves that of others.
    /// </remarks>
    public static JsonPart? PreTokenizer(JsonPart? preTokenizer, TokenizerSwitches switches)
    {
        if (preTokenizer is not { } part)
        {
            return null;
        }

        if (!switches.IsNewer)
        {
            return Kind(part.Element) == "ByteLevel" && switches.Class.PrefixSpace != PrefixSpace.Llama
                ? Changed(part, node => node["add_prefix_space"] = switches.PrefixSpace ?? false)
                : part;
        }

        if (switches.Class.PrefixSpace is PrefixSpace.ByteLevel or PrefixSpace.ByteLevelOrNull)
        {
            return Changed(part, node => Prefixed(node, switches.PrefixSpace ?? false));
        }

        if (!switches.Class.IsKnown)
        {
            Agree(switches.PrefixSpace, AddsSpace(part, "pretokenizers"), "add_prefix_space", "pre_tokenizer", switches);
        }

        return part;
    }

    /// <summary>Whether Llama's space in front is to be other than tokenizer.json has it.</summary>
    /// <exception cref="VitrineException">It is, and that is not computed.</exception>
    public static bool TurnsPrefix(JsonPart? normalizer, JsonPart? preTokenizer, TokenizerSwitches switches)
    {
        if (switches.Class.PrefixSpace != PrefixSpace.Llama || switches.PrefixSpace is not { } wanted)
        {
            return false;
        }

        var has = AddsSpace(normalizer, "normalizers") || AddsSpace(preTokenizer, "pretokenizers");
        var isByteLevel = Flat(preTokenizer, "pretokenizers").Any(p => Kind(p) == "ByteLevel");
        return has != wanted && (switches.IsNewer && !isByteLevel ? true : throw Disagrees("add_prefix_space", wanted, "pipeline", switches));
    }

    /// <remarks>transformers 4 and 5, RobertaTokenizer: the offsets of tokens, not their ids.</remarks>
    public static JsonPart? PostProcessor(JsonPart? processor, TokenizerSwitches switches)
        => switches.Class.IsRoberta && processor is { } part && Kind(part.Element) is "RobertaProcessing" or "ByteLevel"
            ? Changed(processor.Value, node =>
            {
                node["trim_offsets"] = switches.TrimsOffsets ?? true;
                node["add_prefix_space"] = switches.PrefixSpace ?? false;
            })
            : processor;

    private static void Prefixed(JsonObject node, bool add)
    {
        if (node["type"]?.GetValue<string>() == "ByteLevel")
        {
            node["add_prefix_space"] = add;
        }

        foreach (var inner in node["pretokenizers"] is JsonArray many ? many.OfType<JsonObject>() : [])
        {
            Prefixed(inner, add);
        }
    }

    private static bool AddsSpace(JsonPart? part, string inner) => Flat(part, inner).Any(p => Kind(p) switch
    {
        "Prepend" => p.TryGetProperty("prepend", out var text) && text.ValueKind == JsonValueKind.String && text.GetString() == VisibleSpace,
        "Metaspace" => p.TryGetProperty("prepend_scheme", out var scheme) && scheme.ValueKind == JsonValueKind.String
            ? scheme.GetString() != "never"
            : Flag(p, "add_prefix_space", true),
        "ByteLevel" => inner == "pretokenizers" && Flag(p, "add_prefix_space", true),
        _ => false,
    });

    private static void Agree(bool? wanted, bool has, string key, string component, TokenizerSwitches switches)
    {
        if (wanted is { } value && value != has)
        {
            throw Disagrees(key, key == "keep_accents" ? !value : value, component, switches);
        }
    }

    private static VitrineException Disagrees(string key, bool value, string component, TokenizerSwitches switches) => new(
        $"{switches.Source}: {key} is {(value ? "true" : "false")}, which the {component} of tokenizer.json contradicts; what {switches.Class.Name} of "
        + $"transformers {(switches.IsNewer ? 5 : 4)} makes of it is not computed by this version.");

    private static IEnumerable<JsonElement> Flat(JsonPart? part, string inner)
        => part is { Element: { ValueKind: JsonValueKind.Object } element } ? Flat(element, inner) : [];

    private static IEnumerable<JsonElement> Flat(JsonElement element, string inner)
        => element.ValueKind == JsonValueKind.Object && element.TryGetProperty(inner, out var many) && many.ValueKind == JsonValueKind.Array
            ? many.EnumerateArray().SelectMany(e => Flat(e, inner))
            : [element];

    private static string? Kind(JsonElement element)
        => element.ValueKind == JsonValueKind.Object && element.TryGetProperty("type", out var type) && type.ValueKind == JsonValueKind.String
            ? type.GetString()
            : null;

    private static bool Flag(JsonElement element, string key, bool otherwise)
        => element.TryGetProperty(key, out var value) && value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean() : otherwise;

    private static JsonPart Changed(JsonPart part, Action<JsonObject> change)
    {
        if (part.Element.ValueKind != JsonValueKind.Object)
        {
            return part; // Whoever reads it says what is wrong.
        }

        var node = JsonObject.Create(part.Element)!;
        change(node);
        using var json = JsonDocument.Parse(node.ToJsonString());
        return part with { Element = json.RootElement.Clone() };
    }
}
