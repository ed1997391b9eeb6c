using System.Text;
using Vitrine.Inputs.Tokenizers.Patterns;

namespace Vitrine.Inputs.Tokenizers.Decoders;

/// <summary>Every match of a pattern becomes one text.</summary>
internal sealed record ReplaceDecoder(ITextPattern Pattern, string Content) : IDecoder
{
    public IReadOnlyList<string> Apply(IReadOnlyList<string> pieces) => [.. pieces.Select(Replaced)];

    private string Replaced(string piece)
    {
        var matches = new List<(int From, int To)>();
        Pattern.Find(piece, matches);
        if (matches.Count == 0)
        {
            return piece;
        }

        var text = new StringBuilder();
        var at = 0;
        foreach (var (from, to) in matches)
        {
            text.Append(piece, at, from - at).Append(Content);
            at = to;
        }

        return text.Append(piece, at, piece.Length - at).ToString();
    }
}

/// <summary>All pieces become one.</summary>
internal sealed record FuseDecoder : IDecoder
{
    public IReadOnlyList<string> Apply(IReadOnlyList<string> pieces) => [string.Concat(pieces)];
}

/// <summary>Takes up to so many of a character off the ends of each piece.</summary>
internal sealed record StripDecoder(Rune Content, int Start, int Stop) : IDecoder
{
    public IReadOnlyList<string> Apply(IReadOnlyList<string> pieces) => [.. pieces.Select(Strip)];

    private string Strip(string piece)
    {
        var content = Content.ToString();
        for (var i = 0; i < Start && piece.StartsWith(content, StringComparison.Ordinal); i++)
        {
            piece = piece[content.Length..];
        }

        for (var i = 0; i < Stop && piece.EndsWith(content, StringComparison.Ordinal); i++)
        {
            piece = piece[..^content.Length];
        }

        return piece;
    }
}

/// <summary>The visible sign becomes a space; in the first piece it is dropped where the tokenizer had put one.</summary>
internal sealed record MetaspaceDecoder(char Replacement, bool Prepended) : IDecoder
{
    public IReadOnlyList<string> Apply(IReadOnlyList<string> pieces)
        => [.. pieces.Select((p, i) => i == 0 && Prepended ? p.Replace(Replacement.ToString(), "", StringComparison.Ordinal) : p.Replace(Replacement, ' '))];
}

/// <summary>
/// Continuations join the piece before them, other pieces get a space in front; clean-up closes the gaps before punctuation and contractions.
/// </summary>
internal sealed record WordPieceDecoder(string Prefix, bool CleanUp) : IDecoder
{
    private static readonly (string Spaced, string Closed)[] Gaps =
    [
        (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"), (" do not", " don't"), (" 's", "'s"), (" 've", "'ve"),
        (" 're", "'re"),
    ];

    public IReadOnlyList<string> Apply(IReadOnlyList<string> pieces) => [.. pieces.Select((piece, i) =>
    {
        var text = i == 0 ? piece : Prefix.Length > 0 && piece.StartsWith(Prefix, StringComparison.Ordinal) ? piece[Prefix.Length..] : " " + piece;
        return CleanUp ? Gaps.Aggregate(text, (t, gap) => t.Replace(gap.Spaced, gap.Closed, StringComparison.Ordinal)) : text;
    })];
}

/// <summary>The suffix that ends a word becomes a space, at the end nothing.</summary>
internal sealed record SuffixDecoder(string Suffix) : IDecoder
{
    public IReadOnlyList<string> Apply(IReadOnlyList<string> pieces)
        => Suffix.Length == 0 ? pieces : [.. pieces.Select((p, i) => p.Replace(Suffix, i == pieces.Count - 1 ? "" : " ", StringComparison.Ordinal))];
}
