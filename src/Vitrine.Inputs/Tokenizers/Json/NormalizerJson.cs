using System.Text.Json;
using Vitrine.Inputs.Tokenizers.Normalizers;
using Vitrine.Inputs.Tokenizers.Patterns;

namespace Vitrine.Inputs.Tokenizers.Json;

/// <summary>Reads normalizers.</summary>
internal static class NormalizerJson
{
    public static INormalizer Read(JsonPart? part) => part is not { } json ? new NormalizerSequence([]) : json.Kind switch
    {
        "Sequence" => new NormalizerSequence([.. json.List("normalizers", "normalizer").Select(n => Read(n))]),
        "Prepend" => new PrependNormalizer(json.Text("prepend")),
        "Replace" => new ReplaceNormalizer(Pattern(json), json.Text("content")),
        "NFC" => UnicodeNormalizer.Nfc,
        "NFD" => UnicodeNormalizer.Nfd,
        "NFKC" => UnicodeNormalizer.Nfkc,
        "NFKD" => UnicodeNormalizer.Nfkd,
        "Lowercase" => RuneNormalizer.Lowercase,
        "Strip" => new StripNormalizer(json.Flag("strip_left", otherwise: true), json.Flag("strip_right", otherwise: true)),
        "StripAccents" => RuneNormalizer.StripAccents,
        "Nmt" => RuneNormalizer.Nmt,
        "ByteLevel" => new ByteLevelNormalizer(),
        "BertNormalizer"
            => BertNormalizer.Of(json.Flag("clean_text", otherwise: true), json.Flag("handle_chinese_chars", otherwise: true),
                json.OptionalFlag("strip_accents"), json.Flag("lowercase", otherwise: true)),
        "Precompiled"
            => json.OptionalText("precompiled_charsmap") is { Length: > 0 } map
                ? new PrecompiledNormalizer(new CharacterMap(Bytes(map, json), json.Source))
                : new NormalizerSequence([]),
        var kind => throw json.Unsupported(kind),
    };

    /// <summary>A pattern as Replace and Split write it: a text as it is, or a regular expression.</summary>
    public static ITextPattern Pattern(JsonPart json)
    {
        var pattern = json.Part("pattern", $"pattern of {json.Kind}");
        return pattern.Element.ValueKind == JsonValueKind.String && pattern.Element.GetString() is { Length: > 0 } plain ? new LiteralPattern(plain)
            : pattern.OptionalText("String") is { } text ? new LiteralPattern(text)
            : pattern.OptionalText("Regex") is { } expression ? OnigurumaPattern.Of(expression, json.Source)
            : throw pattern.Wrong("a 'String' or a 'Regex'");
    }

    private static byte[] Bytes(string text, JsonPart json)
    {
        try
        {
            return Convert.FromBase64String(text);
        }
        catch (FormatException e)
        {
            throw new VitrineException($"{json.Source}: the precompiled_charsmap is no base64 text.", e);
        }
    }
}
