
namespace Vitrine.Inputs.Tokenizers;

/// <summary>GPT-2's alphabet: each byte has a printable character, so that any text is a text of 256 letters.</summary>
/// <remarks>Printable Latin-1 stands for itself, the other bytes follow each other from U+0100 (openai/gpt-2, encoder.py, bytes_to_unicode).</remarks>
internal static class ByteAlphabet
{
    private static readonly char[] Letters = Build();
    private static readonly short[] Bytes = Reverse();

    public static char Letter(byte value) => Letters[value];

    /// <summary>The byte of a letter, or -1.</summary>
    public static int Byte(char letter) => letter < Bytes.Length ? Bytes[letter] : -1;

    /// <summary>The bytes of a text in letters; null where a character is none of them.</summary>
    public static byte[]? TryBytes(string letters)
    {
        var bytes = new byte[letters.Length];
        for (var i = 0; i < letters.Length; i++)
        {
            var value = Byte(letters[i]);
            if (value < 0)
            {
                return null;
            }

            bytes[i] = (byte)value;
        }

        return bytes;
    }

    /// <summary>Writes a range of a text in letters, each of which comes from the character whose byte it is.</summary>
    public static void Write(AlignedText text, int from, int to, AlignedTextBuilder builder)
    {
        Span<byte> bytes = stackalloc byte[4];
        Span<char> letters = stackalloc char[4];
        var at = from;
        foreach (var rune in text.Text.AsSpan(from, to - from).EnumerateRunes())
        {
            var count = rune.EncodeToUtf8(bytes);
            for (var i = 0; i < count; i++)
            {
                letters[i] = Letters[bytes[i]];
            }

            builder.Put(letters[..count], at, at + rune.Utf16SequenceLength);
            at += rune.Utf16SequenceLength;
        }
    }

    private static char[] Build()
    {
        var letters = new char[256];
        var next = 256;
        for (var value = 0; value < 256; value++)
        {
            letters[value] = value is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF) ? (char)value : (char)next++;
        }

        return letters;
    }

    private static short[] Reverse()
    {
        var bytes = new short[Letters.Max() + 1];
        Array.Fill(bytes, (short)-1);
        for (var value = 0; value < 256; value++)
        {
            bytes[Letters[value]] = (short)value;
        }

        return bytes;
    }
}
