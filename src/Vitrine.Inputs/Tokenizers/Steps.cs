using System.Globalization;
using System.Text;

namespace Vitrine.Inputs.Tokenizers;

internal sealed record NormalizerSequence(IReadOnlyList<INormalizer> Steps) : INormalizer
{
    public string Normalize(string text) => Steps.Aggregate(text, (t, step) => step.Normalize(t));
}

/// <summary>Puts a text in front of one that is not empty.</summary>
internal sealed record PrependNormalizer(string Prefix) : INormalizer
{
    public string Normalize(string text) => text.Length == 0 ? text : Prefix + text;
}

internal sealed record ReplaceNormalizer(string Pattern, string Content) : INormalizer
{
    public string Normalize(string text) => text.Replace(Pattern, Content, StringComparison.Ordinal);
}

internal sealed record NoSplit : IPreTokenizer
{
    public IEnumerable<string> Split(string text) => text.Length == 0 ? [] : [text];
}

/// <summary>Words between white space.</summary>
internal sealed record WhitespaceSplit : IPreTokenizer
{
    public IEnumerable<string> Split(string text) => text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
}

/// <summary>Each step works on the pieces of the one before; at the end they are joined.</summary>
internal sealed record DecoderSequence(IReadOnlyList<IPieceDecoder> Steps) : IDecoder
{
    public string Decode(IReadOnlyList<string> pieces) => string.Concat(Steps.Aggregate(pieces, (p, step) => step.Apply(p)));
}

/// <summary>Without a decoder, pieces are joined by spaces.</summary>
internal sealed record SpacesBetween : IDecoder
{
    public string Decode(IReadOnlyList<string> pieces) => string.Join(' ', pieces);
}

internal interface IPieceDecoder
{
    IReadOnlyList<string> Apply(IReadOnlyList<string> pieces);
}

internal sealed record ReplaceDecoder(string Pattern, string Content) : IPieceDecoder
{
    public IReadOnlyList<string> Apply(IReadOnlyList<string> pieces) => [.. pieces.Select(p => p.Replace(Pattern, Content, StringComparison.Ordinal))];
}

/// <summary>Runs of byte pieces (<c>&lt;0x0A&gt;</c>) become their UTF-8 text, or one replacement character a byte where they are none.</summary>
internal sealed record ByteFallbackDecoder : IPieceDecoder
{
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    public IReadOnlyList<string> Apply(IReadOnlyList<string> pieces)
    {
        var result = new List<string>();
        var bytes = new List<byte>();
        foreach (var piece in pieces)
        {
            if (ByteOf(piece) is { } value)
            {
                bytes.Add(value);
                continue;
            }

            Flush();
            result.Add(piece);
        }

        Flush();
        return result;

        void Flush()
        {
            if (bytes.Count == 0)
            {
                return;
            }

            try
            {
                result.Add(Strict.GetString([.. bytes]));
            }
            catch (DecoderFallbackException)
            {
                result.AddRange(Enumerable.Repeat("\uFFFD", bytes.Count));
            }

            bytes.Clear();
        }
    }

    private static byte? ByteOf(string piece)
        => piece.Length == 6 && piece.StartsWith("<0x", StringComparison.Ordinal) && piece[5] == '>' && byte.TryParse(piece.AsSpan(3, 2), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var value) ? value : null;
}

internal sealed record FuseDecoder : IPieceDecoder
{
    public IReadOnlyList<string> Apply(IReadOnlyList<string> pieces) => [string.Concat(pieces)];
}

/// <summary>Takes up to so many of a character off the ends of each piece.</summary>
internal sealed record StripDecoder(char Content, int Start, int Stop) : IPieceDecoder
{
    public IReadOnlyList<string> Apply(IReadOnlyList<string> pieces) => [.. pieces.Select(Strip)];

    private string Strip(string piece)
    {
        var (from, to) = (0, piece.Length);
        while (from < Start && from < to && piece[from] == Content)
        {
            from++;
        }

        while (piece.Length - to < Stop && to > from && piece[to - 1] == Content)
        {
            to--;
        }

        return piece[from..to];
    }
}
