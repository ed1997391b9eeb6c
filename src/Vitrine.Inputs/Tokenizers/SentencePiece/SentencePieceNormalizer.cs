using Vitrine.Inputs.Tokenizers.Normalizers;

namespace Vitrine.Inputs.Tokenizers.SentencePiece;

/// <summary>
/// SentencePiece's normalisation: its character map, spaces trimmed and doubled ones removed, a space in front, and spaces made visible (U+2581).
/// </summary>
/// <param name="Map">The file's character map; null where it has none.</param>
/// <param name="UserDefined">Texts that pass as they are.</param>
/// <param name="AddDummyPrefix">Whether a space is put in front.</param>
/// <param name="RemoveExtraWhitespaces">Whether spaces at the ends and doubled ones go.</param>
/// <param name="EscapeWhitespaces">Whether spaces become U+2581.</param>
/// <remarks>sentencepiece, normalizer.cc.</remarks>
internal sealed record SentencePieceNormalizer(
    CharacterMap? Map, CharacterTrie UserDefined, bool AddDummyPrefix, bool RemoveExtraWhitespaces, bool EscapeWhitespaces) : INormalizer
{
    public const string VisibleSpace = "\u2581";

    public AlignedText Normalize(AlignedText text)
    {
        var source = text.Text;
        var builder = new AlignedTextBuilder(text);
        var at = 0;
        while (RemoveExtraWhitespaces && at < source.Length && Prefix(source, at, out var length) == " ")
        {
            at += length;
        }

        if (at >= source.Length)
        {
            return text.Slice(0, 0);
        }

        var space = EscapeWhitespaces ? VisibleSpace : " ";
        if (AddDummyPrefix)
        {
            builder.Put(space, at, at);
        }

        var afterSpace = RemoveExtraWhitespaces;
        while (at < source.Length)
        {
            ReadOnlySpan<char> part = Prefix(source, at, out var length);
            if (afterSpace)
            {
                part = part.TrimStart(' ');
            }

            foreach (var character in part)
            {
                builder.Put(character == ' ' ? space : [character], at, at + length);
            }

            if (part.Length > 0)
            {
                afterSpace = part[^1] == ' ';
            }

            at += length;
            afterSpace &= RemoveExtraWhitespaces;
        }

        var normal = builder.Build();
        return RemoveExtraWhitespaces ? WithoutSpacesAtEnd(normal, space[0]) : normal;
    }

    /// <summary>What stands for the beginning of the rest of a text, and how much of it that covers.</summary>
    private string Prefix(string source, int at, out int length)
    {
        if (UserDefined.TryLongest(source, at, out length, out _))
        {
            return source.Substring(at, length);
        }

        if (Map?.Find(source.AsSpan(at), longest: true, out length) is { } mapped)
        {
            return mapped;
        }

        length = char.IsHighSurrogate(source[at]) && at + 1 < source.Length ? 2 : 1;
        return source.Substring(at, length);
    }

    private static AlignedText WithoutSpacesAtEnd(AlignedText text, char space)
    {
        var end = text.Text.Length;
        while (end > 0 && text.Text[end - 1] == space)
        {
            end--;
        }

        return text.Slice(0, end);
    }
}
