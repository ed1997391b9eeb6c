using System.Globalization;
using System.Text;
using Vitrine.Inputs.Tokenizers.Patterns;

namespace Vitrine.Inputs.Tokenizers.Normalizers;

/// <summary>Puts a text in front of one that is not empty.</summary>
internal sealed record PrependNormalizer(string Prefix) : INormalizer
{
    public AlignedText Normalize(AlignedText text)
    {
        if (text.Text.Length == 0)
        {
            return text;
        }

        var builder = new AlignedTextBuilder(text);
        builder.Put(Prefix, 0, 1); // It belongs to the first character, as in the tokenizers library.
        builder.Keep(0, text.Text.Length);
        return builder.Build();
    }
}

/// <summary>Every match of a pattern becomes one text.</summary>
internal sealed record ReplaceNormalizer(ITextPattern Pattern, string Content) : INormalizer
{
    public AlignedText Normalize(AlignedText text)
    {
        var matches = new List<(int From, int To)>();
        Pattern.Find(text.Text, matches);
        if (matches.Count == 0)
        {
            return text;
        }

        var builder = new AlignedTextBuilder(text);
        var at = 0;
        foreach (var (from, to) in matches)
        {
            builder.Keep(at, from);
            builder.Put(Content, from, to);
            at = to;
        }

        builder.Keep(at, text.Text.Length);
        return builder.Build();
    }
}

/// <summary>Takes white space off the ends.</summary>
internal sealed record StripNormalizer(bool Left, bool Right) : INormalizer
{
    public AlignedText Normalize(AlignedText text)
    {
        var (from, to) = (0, text.Text.Length);
        while (Left && from < to && char.IsWhiteSpace(text.Text[from]))
        {
            from++;
        }

        while (Right && to > from && char.IsWhiteSpace(text.Text[to - 1]))
        {
            to--;
        }

        return text.Slice(from, to);
    }
}

/// <summary>Each code point becomes another text, or stays.</summary>
/// <param name="Change">The new text of a code point; null where it stays.</param>
internal sealed record RuneNormalizer(Func<Rune, string?> Change) : INormalizer
{
    public AlignedText Normalize(AlignedText text)
    {
        AlignedTextBuilder? builder = null;
        var (at, kept) = (0, 0);
        foreach (var rune in text.Text.EnumerateRunes())
        {
            var end = at + rune.Utf16SequenceLength;
            if (Change(rune) is { } changed)
            {
                builder ??= new AlignedTextBuilder(text);
                builder.Keep(kept, at);
                builder.Put(changed, at, end);
                kept = end;
            }

            at = end;
        }

        builder?.Keep(kept, text.Text.Length);
        return builder?.Build() ?? text;
    }

    /// <summary>Lower case, code point by code point.</summary>
    /// <remarks>Rust's char::to_lowercase: all are single but U+0130, which becomes i and a combining dot. A final sigma is not told apart.</remarks>
    public static RuneNormalizer Lowercase { get; } = new(rune =>
    {
        if (rune.Value == 0x130)
        {
            return "i\u0307";
        }

        var lower = Rune.ToLowerInvariant(rune);
        return lower == rune ? null : lower.ToString();
    });

    /// <summary>Drops every combining mark (categories M*).</summary>
    public static RuneNormalizer StripAccents { get; } = new(rune => Rune.GetUnicodeCategory(rune)
        is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark ? "" : null);

    /// <summary>Drops marks that take no room (category Mn), as BERT does.</summary>
    public static RuneNormalizer StripNonSpacingMarks { get; } = new(rune => Rune.GetUnicodeCategory(rune) == UnicodeCategory.NonSpacingMark ? "" : null);

    /// <summary>What the NMT data of SentencePiece removes or takes for a space.</summary>
    /// <remarks>Hugging Face tokenizers, normalizers/unicode.rs.</remarks>
    public static RuneNormalizer Nmt { get; } = new(rune => rune.Value switch
    {
        (>= 0x1 and <= 0x8) or 0xB or (>= 0xE and <= 0x1F) or 0x7F or 0x8F or 0x9F => "",
        0x9 or 0xA or 0xC or 0xD or 0x1680 or (>= 0x200B and <= 0x200F) or 0x2028 or 0x2029 or 0x2581 or 0xFEFF or 0xFFFD => " ",
        _ => null,
    });
}
