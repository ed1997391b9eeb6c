using System.Globalization;
using System.Text;

namespace Vitrine.Inputs.Tokenizers.Normalizers;

/// <summary>BERT's normalisation: control characters out, every white space a space, CJK ideographs apart, accents and case folded.</summary>
internal static class BertNormalizer
{
    /// <param name="cleanText">Whether control characters are dropped and white space becomes spaces.</param>
    /// <param name="handleChineseCharacters">Whether ideographs get spaces around.</param>
    /// <param name="stripAccents">Null: exactly when <paramref name="lowercase"/> is true.</param>
    /// <param name="lowercase">Whether letters become small.</param>
    public static INormalizer Of(bool cleanText, bool handleChineseCharacters, bool? stripAccents, bool lowercase)
    {
        var steps = new List<INormalizer>();
        if (cleanText)
        {
            steps.Add(new RuneNormalizer(Clean));
        }

        if (handleChineseCharacters)
        {
            steps.Add(new RuneNormalizer(rune => IsIdeograph(rune.Value) ? $" {rune} " : null));
        }

        if (stripAccents ?? lowercase)
        {
            steps.Add(UnicodeNormalizer.Nfd);
            steps.Add(RuneNormalizer.StripNonSpacingMarks);
        }

        if (lowercase)
        {
            steps.Add(RuneNormalizer.Lowercase);
        }

        return new NormalizerSequence(steps);
    }

    /// <remarks>Control, format and private-use characters go; unassigned ones stay.</remarks>
    private static string? Clean(Rune rune) => rune.Value switch
    {
        0 or 0xFFFD => "",
        '\t' or '\n' or '\r' => " ",
        _ => Rune.GetUnicodeCategory(rune) switch
        {
            UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.PrivateUse => "",
            _ when rune.Value != ' ' && Rune.IsWhiteSpace(rune) => " ",
            _ => null,
        },
    };

    private static bool IsIdeograph(int code)
        => code is (>= 0x4E00 and <= 0x9FFF) or (>= 0x3400 and <= 0x4DBF) or (
            >= 0x20000 and <= 0x2A6DF) or (>= 0x2A700 and <= 0x2B73F) or (>= 0x2B740 and <= 0x2B81F)
            or (>= 0x2B920 and <= 0x2CEAF) or (>= 0xF900 and <= 0xFAFF) or (>= 0x2F800 and <= 0x2FA1F);
}
