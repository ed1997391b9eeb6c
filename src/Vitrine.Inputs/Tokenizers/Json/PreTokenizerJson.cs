using System.Text;
using Vitrine.Inputs.Tokenizers.Patterns;
using Vitrine.Inputs.Tokenizers.PreTokenizers;

namespace Vitrine.Inputs.Tokenizers.Json;

/// <summary>Reads pre-tokenizers.</summary>
internal static class PreTokenizerJson
{
    public static IPreTokenizer Read(JsonPart? part) => part is not { } json ? new PreTokenizerSequence([]) : json.Kind switch
    {
        "Sequence" => new PreTokenizerSequence([.. json.List("pretokenizers", "pre_tokenizer").Select(p => Read(p))]),
        "ByteLevel" => new ByteLevelSplit(json.Flag("add_prefix_space", otherwise: true), json.Flag("use_regex", otherwise: true)),
        "Split" => new PatternSplit(NormalizerJson.Pattern(json), Behavior(json), json.Flag("invert")),
        "Metaspace" => new MetaspaceSplit(Sign(json), Scheme(json), json.Flag("split", otherwise: true)),
        "Whitespace" => new PatternSplit(new WordPattern(), SplitBehavior.Removed, Invert: true),
        "WhitespaceSplit" => new PatternSplit(new RunePattern(Rune.IsWhiteSpace), SplitBehavior.Removed),
        "BertPreTokenizer" => new PreTokenizerSequence([
            new PatternSplit(new RunePattern(Rune.IsWhiteSpace), SplitBehavior.Removed), new PatternSplit(
                new RunePattern(RuneKinds.IsPunctuation), SplitBehavior.Isolated)]),
        "Punctuation"
            => new PatternSplit(new RunePattern(RuneKinds.IsPunctuation), json.OptionalText("behavior") is null ? SplitBehavior.Isolated : Behavior(json)),
        "Digits" => new PatternSplit(new RunePattern(RuneKinds.IsNumeric), json.Flag("individual_digits") ? SplitBehavior.Isolated : SplitBehavior.Contiguous),
        "CharDelimiterSplit" => new PatternSplit(new LiteralPattern(json.Text("delimiter")), SplitBehavior.Removed),
        var kind => throw json.Unsupported(kind),
    };

    /// <summary>The one sign that stands for a space.</summary>
    public static char Sign(JsonPart json)
        => (json.OptionalText("replacement") ?? "\u2581") is { Length: 1 } sign ? sign[0] : throw json.Wrong("a 'replacement' of one character");

    /// <remarks>Files before tokenizers 0.15 say add_prefix_space instead of prepend_scheme.</remarks>
    public static PrependScheme Scheme(JsonPart json) => json.OptionalText("prepend_scheme") switch
    {
        "always" => PrependScheme.Always,
        "first" => PrependScheme.First,
        "never" => PrependScheme.Never,
        null => json.Flag("add_prefix_space", otherwise: true) ? PrependScheme.Always : PrependScheme.Never,
        var scheme => throw json.Unsupported(scheme),
    };

    private static SplitBehavior Behavior(JsonPart json) => json.Text("behavior") switch
    {
        "Removed" => SplitBehavior.Removed,
        "Isolated" => SplitBehavior.Isolated,
        "Contiguous" => SplitBehavior.Contiguous,
        "MergedWithPrevious" => SplitBehavior.MergedWithPrevious,
        "MergedWithNext" => SplitBehavior.MergedWithNext,
        var behavior => throw json.Unsupported(behavior),
    };
}
