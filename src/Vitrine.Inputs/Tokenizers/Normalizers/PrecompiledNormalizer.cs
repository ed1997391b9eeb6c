using System.Globalization;
using System.Text;

namespace Vitrine.Inputs.Tokenizers.Normalizers;

/// <summary>A SentencePiece character map as the tokenizers library applies it: whole grapheme clusters first, then code points.</summary>
/// <remarks>
/// The crate spm_precompiled takes a short cluster (below 6 bytes) as a whole when the map knows a beginning of it, and otherwise goes code point by code
/// point; both are kept, since ids depend on them.
/// </remarks>
internal sealed class PrecompiledNormalizer(CharacterMap map) : INormalizer
{
    private const int ShortCluster = 6;

    public AlignedText Normalize(AlignedText text)
    {
        var source = text.Text;
        var builder = new AlignedTextBuilder(text);
        for (var at = 0; at < source.Length;)
        {
            var length = StringInfo.GetNextTextElementLength(source, at);
            var cluster = source.AsSpan(at, length);
            if (Encoding.UTF8.GetByteCount(cluster) < ShortCluster && map.Find(cluster, longest: false, out _) is { } whole)
            {
                builder.Put(whole, at, at + length);
            }
            else
            {
                var inner = at;
                foreach (var rune in cluster.EnumerateRunes())
                {
                    var end = inner + rune.Utf16SequenceLength;
                    if (map.Find(source.AsSpan(inner, end - inner), longest: false, out _) is { } changed)
                    {
                        builder.Put(changed, inner, end);
                    }
                    else
                    {
                        builder.Keep(inner, end);
                    }

                    inner = end;
                }
            }

            at += length;
        }

        return builder.Build();
    }
}
