using System.Globalization;
using System.Text;

namespace Vitrine.Inputs.Tokenizers.Patterns;

/// <summary>Finds places in a text, from left to right and without overlap.</summary>
internal interface ITextPattern
{
    /// <param name="text">One piece; nothing outside it is seen.</param>
    /// <param name="matches">Ranges in characters of the piece are added here.</param>
    void Find(ReadOnlySpan<char> text, List<(int From, int To)> matches);
}

/// <summary>A text as it is written.</summary>
internal sealed record LiteralPattern(string Literal) : ITextPattern
{
    public void Find(ReadOnlySpan<char> text, List<(int From, int To)> matches)
    {
        for (var at = 0; Literal.Length > 0;)
        {
            var next = text[at..].IndexOf(Literal, StringComparison.Ordinal);
            if (next < 0)
            {
                return;
            }

            matches.Add((at + next, at + next + Literal.Length));
            at += next + Literal.Length;
        }
    }
}

/// <summary>Each code point of a kind, alone.</summary>
internal sealed record RunePattern(Func<Rune, bool> Is) : ITextPattern
{
    public void Find(ReadOnlySpan<char> text, List<(int From, int To)> matches)
    {
        var at = 0;
        foreach (var rune in text.EnumerateRunes())
        {
            if (Is(rune))
            {
                matches.Add((at, at + rune.Utf16SequenceLength));
            }

            at += rune.Utf16SequenceLength;
        }
    }
}

/// <summary>Runs of word characters, and runs of what is neither word nor white space: <c>\w+|[^\w\s]+</c>.</summary>
internal sealed record WordPattern : ITextPattern
{
    public void Find(ReadOnlySpan<char> text, List<(int From, int To)> matches)
    {
        var (at, start, kind) = (0, 0, 0);
        foreach (var rune in text.EnumerateRunes())
        {
            var found = RuneKinds.IsWord(rune) ? 1 : Rune.IsWhiteSpace(rune) ? 0 : 2;
            if (found != kind)
            {
                Close(at);
                (start, kind) = (at, found);
            }

            at += rune.Utf16SequenceLength;
        }

        Close(at);

        void Close(int end)
        {
            if (kind != 0)
            {
                matches.Add((start, end));
            }
        }
    }
}

/// <summary>Kinds of code points as the Rust crates behind the tokenizers library tell them apart.</summary>
internal static class RuneKinds
{
    /// <summary>Punctuation: every ASCII symbol, and the categories P* beyond.</summary>
    public static bool IsPunctuation(Rune rune)
        => rune.IsAscii ? rune.Value is (>= 33 and <= 47) or (>= 58 and <= 64) or (>= 91 and <= 96) or (>= 123 and <= 126) : Rune.IsPunctuation(rune);

    public static bool IsNumeric(Rune rune) => Rune.IsNumber(rune);

    /// <remarks>
    /// Unicode Technical Standard 18: Alphabetic, marks, decimal numbers, connectors and joiners; the circled and squared letters are alphabetic symbols.
    /// </remarks>
    public static bool IsWord(Rune rune) => Rune.GetUnicodeCategory(rune) switch
    {
        UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter => true,
        UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter => true,
        UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark => true,
        UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.ConnectorPunctuation => true,
        _
            => rune.Value is 0x200C or 0x200D or (>= 0x24B6 and <= 0x24E9) or (
                >= 0x1F130 and <= 0x1F149) or (>= 0x1F150 and <= 0x1F169) or (>= 0x1F170 and <= 0x1F189),
    };
}
