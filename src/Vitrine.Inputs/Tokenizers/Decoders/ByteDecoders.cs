using System.Globalization;
using System.Text;

namespace Vitrine.Inputs.Tokenizers.Decoders;

/// <summary>Runs of byte pieces (<c>&lt;0x0A&gt;</c>) become their UTF-8 text, or one replacement character a byte where they are none.</summary>
internal sealed record ByteFallbackDecoder : IDecoder
{
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    public IReadOnlyList<string> Apply(IReadOnlyList<string> pieces)
    {
        var result = new List<string>(pieces.Count);
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

    /// <summary>The byte of a byte piece.</summary>
    public static byte? ByteOf(string piece)
        => piece.Length == 6 && piece.StartsWith("<0x", StringComparison.Ordinal) && piece[5] == '>'
            && byte.TryParse(piece.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value)
            ? value
            : null;
}

/// <summary>All pieces are read as letters of <see cref="ByteAlphabet"/>; a piece that has others is taken as it is written.</summary>
internal sealed record ByteLevelDecoder : IDecoder
{
    public IReadOnlyList<string> Apply(IReadOnlyList<string> pieces)
    {
        var bytes = new MemoryStream();
        foreach (var piece in pieces)
        {
            bytes.Write(ByteAlphabet.TryBytes(piece) ?? Encoding.UTF8.GetBytes(piece));
        }

        return [Encoding.UTF8.GetString(bytes.GetBuffer(), 0, (int)bytes.Length)];
    }
}
