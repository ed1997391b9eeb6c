using System.Text;
using Vitrine.Inputs.Tokenizers.Decoders;

namespace Vitrine.Inputs.Tokenizers.SentencePiece;

/// <summary>
/// SentencePiece's way back: visible spaces become spaces, the one that was put in front goes, control signs are nothing, bytes become characters.
/// </summary>
/// <remarks>sentencepiece, sentencepiece_processor.cc, Decode: each byte that begins no character becomes U+FFFD by itself.</remarks>
internal sealed record SentencePieceDecoder(PieceTable Pieces, string UnknownSurface, bool DropsFirstSpace, bool DropsAllFirstSpaces) : IDecoder
{
    public IReadOnlyList<string> Apply(IReadOnlyList<string> pieces)
    {
        var text = new StringBuilder();
        var bytes = new List<byte>();
        var seenSpace = false;
        foreach (var piece in pieces)
        {
            var type = Pieces.Vocabulary.Id(piece) is { } id ? Pieces[id].Type : PieceType.Normal;
            if (type == PieceType.Byte && ByteFallbackDecoder.ByteOf(piece) is { } value)
            {
                bytes.Add(value);
                continue;
            }

            Flush();
            if (type is PieceType.Control or PieceType.Unknown)
            {
                text.Append(type == PieceType.Unknown ? UnknownSurface : "");
                continue;
            }

            var first = text.Length == 0 && !seenSpace && DropsFirstSpace && piece.StartsWith(SentencePieceNormalizer.VisibleSpace, StringComparison.Ordinal);
            seenSpace |= first && !DropsAllFirstSpaces;
            text.Append((first ? piece[1..] : piece).Replace(SentencePieceNormalizer.VisibleSpace, " ", StringComparison.Ordinal));
        }

        Flush();
        return [text.ToString()];

        void Flush()
        {
            Span<byte> rest = [.. bytes];
            while (rest.Length > 0)
            {
                var whole = Rune.DecodeFromUtf8(rest, out var rune, out var count) == System.Buffers.OperationStatus.Done;
                text.Append(whole ? rune.ToString() : "\uFFFD");
                rest = rest[(whole ? count : 1)..];
            }

            bytes.Clear();
        }
    }
}
