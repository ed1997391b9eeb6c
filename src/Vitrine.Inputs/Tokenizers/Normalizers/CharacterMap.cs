using System.Buffers.Binary;
using System.Text;

namespace Vitrine.Inputs.Tokenizers.Normalizers;

/// <summary>
/// The precompiled character map of SentencePiece: a double-array trie over UTF-8 bytes whose leaves point at the texts that stand for what was found.
/// </summary>
/// <remarks>
/// Layout: the trie's length in bytes (uint32), the trie's units (uint32 each, little-endian; darts-clone 0.32), then texts that end in a zero byte.
/// </remarks>
internal sealed class CharacterMap
{
    private readonly uint[] units;
    private readonly byte[] texts;
    private readonly string source;

    /// <exception cref="VitrineException">The map is shorter than it says.</exception>
    public CharacterMap(byte[] blob, string source)
    {
        this.source = source;
        var size = blob.Length >= 4 ? BinaryPrimitives.ReadUInt32LittleEndian(blob) : 0;
        if (size == 0 || size % 4 != 0 || size > blob.Length - 4)
        {
            throw new VitrineException(
                $"{source}: the precompiled character map has {blob.Length} bytes, and its trie would take {size}; it is cut off or no such map.");
        }

        units = new uint[size / 4];
        for (var i = 0; i < units.Length; i++)
        {
            units[i] = BinaryPrimitives.ReadUInt32LittleEndian(blob.AsSpan(4 + i * 4));
        }

        texts = blob[(4 + (int)size)..];
    }

    /// <summary>What stands for the beginning of a text.</summary>
    /// <param name="text">From here on.</param>
    /// <param name="longest">Whether the longest entry is wanted, as SentencePiece wants it, or the shortest, as the tokenizers library does.</param>
    /// <param name="length">Characters that the entry covers.</param>
    public string? Find(ReadOnlySpan<char> text, bool longest, out int length)
    {
        length = 0;
        var found = -1;
        var node = Offset(units[0]);
        var at = 0;
        Span<byte> bytes = stackalloc byte[4];
        foreach (var rune in text.EnumerateRunes())
        {
            var count = rune.EncodeToUtf8(bytes);
            at += rune.Utf16SequenceLength;
            var leaf = -1;
            for (var i = 0; i < count; i++)
            {
                node ^= bytes[i];
                if (node >= units.Length || Label(units[node]) != bytes[i])
                {
                    return Text(found);
                }

                var unit = units[node];
                node ^= Offset(unit);
                leaf = ((unit >> 8) & 1) == 1 && node < units.Length ? (int)(units[node] & 0x7FFFFFFF) : -1;
            }

            if (leaf >= 0)
            {
                (found, length) = (leaf, at);
                if (!longest)
                {
                    break;
                }
            }
        }

        return Text(found);
    }

    private string? Text(int offset)
    {
        if (offset < 0)
        {
            return null;
        }

        var end = offset < texts.Length ? Array.IndexOf(texts, (byte)0, offset) : -1;
        return end >= 0
            ? Encoding.UTF8.GetString(texts, offset, end - offset)
            : throw new VitrineException(
                $"{source}: the precompiled character map points at byte {offset} of its {texts.Length} bytes of text; it is cut off.");
    }

    private static uint Label(uint unit) => unit & 0x800000FF;

    private static uint Offset(uint unit) => (unit >> 10) << (int)((unit & 0x200) >> 6);
}
