using System.Text;

namespace Vitrine.Inputs.Tokenizers.Normalizers;

/// <summary>The four normalisation forms of Unicode (UAX 15).</summary>
/// <remarks>
/// Works on stretches that cannot interact: a stretch begins where a code point whose decomposition begins with a starter that joins with nothing before it
/// stands.
/// </remarks>
internal sealed class UnicodeNormalizer : INormalizer
{
    private readonly bool compose;
    private readonly bool compatibility;
    private readonly char firstAffected;

    private UnicodeNormalizer(bool compose, bool compatibility)
    {
        (this.compose, this.compatibility) = (compose, compatibility);
        firstAffected = compatibility ? '\u00A0' : compose ? '\u0300' : '\u00C0';
    }

    public static UnicodeNormalizer Nfc { get; } = new(compose: true, compatibility: false);

    public static UnicodeNormalizer Nfd { get; } = new(compose: false, compatibility: false);

    public static UnicodeNormalizer Nfkc { get; } = new(compose: true, compatibility: true);

    public static UnicodeNormalizer Nfkd { get; } = new(compose: false, compatibility: true);

    public AlignedText Normalize(AlignedText text)
    {
        if (text.Text.AsSpan().IndexOfAnyInRange(firstAffected, char.MaxValue) < 0)
        {
            return text;
        }

        var builder = new AlignedTextBuilder(text);
        var stretch = new List<int>();
        var (start, at) = (0, 0);
        foreach (var rune in text.Text.EnumerateRunes())
        {
            var before = stretch.Count;
            UnicodeForms.Data.Decompose(rune.Value, compatibility, stretch);
            if (before > 0 && !UnicodeForms.Data.MayJoin(stretch[before]))
            {
                var next = stretch[before..];
                stretch.RemoveRange(before, stretch.Count - before);
                Write(text, builder, stretch, start, at);
                (start, stretch) = (at, next);
            }

            at += rune.Utf16SequenceLength;
        }

        Write(text, builder, stretch, start, at);
        return builder.Build();
    }

    private void Write(AlignedText text, AlignedTextBuilder builder, List<int> stretch, int from, int to)
    {
        if (to - from == 1 && text.Text[from] < firstAffected)
        {
            builder.Keep(from, to);
            return;
        }

        Order(stretch);
        if (compose)
        {
            Compose(stretch);
        }

        var normal = new StringBuilder(stretch.Count);
        foreach (var code in stretch)
        {
            normal.Append(new Rune(code).ToString());
        }

        var content = normal.ToString();
        if (text.Text.AsSpan(from, to - from).SequenceEqual(content))
        {
            builder.Keep(from, to);
        }
        else
        {
            builder.Put(content, from, to);
        }
    }

    /// <summary>Marks stand in the order of their classes, equals as they stood.</summary>
    private static void Order(List<int> codes)
    {
        for (var i = 0; i < codes.Count;)
        {
            if (UnicodeForms.Data.CombiningClass(codes[i]) == 0)
            {
                i++;
                continue;
            }

            var end = i;
            while (end < codes.Count && UnicodeForms.Data.CombiningClass(codes[end]) != 0)
            {
                end++;
            }

            if (end - i > 1)
            {
                var sorted = codes.GetRange(i, end - i).OrderBy(UnicodeForms.Data.CombiningClass).ToArray(); // A stable sort.
                for (var k = 0; k < sorted.Length; k++)
                {
                    codes[i + k] = sorted[k];
                }
            }

            i = end;
        }
    }

    /// <summary>A starter takes each mark that is not blocked from it by one of the same or a higher class.</summary>
    private static void Compose(List<int> codes)
    {
        var (starter, written, last) = (-1, 0, -1);
        for (var i = 0; i < codes.Count; i++)
        {
            var code = codes[i];
            var @class = UnicodeForms.Data.CombiningClass(code);
            if (starter >= 0 && last < @class && UnicodeForms.Data.TryCompose(codes[starter], code, out var composed))
            {
                codes[starter] = composed;
                continue;
            }

            if (@class == 0)
            {
                (starter, last) = (written, -1);
            }
            else
            {
                last = @class;
            }

            codes[written++] = code;
        }

        codes.RemoveRange(written, codes.Count - written);
    }
}
