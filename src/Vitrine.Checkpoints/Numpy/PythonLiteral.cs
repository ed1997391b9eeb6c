using System.Globalization;

namespace Vitrine.Checkpoints.Numpy;

/// <summary>Reads the few kinds of Python literals that stand in the head of a .npy file.</summary>
internal sealed class PythonLiteral(string text, string what)
{
    private const int MostAxes = 64;
    private int at;

    /// <summary>The next character that is no blank; 0 at the end.</summary>
    public char Peek()
    {
        while (at < text.Length && text[at] is ' ' or '\n' or '\t')
        {
            at++;
        }

        return at < text.Length ? text[at] : '\0';
    }

    public bool Try(char expected)
    {
        var found = Peek() == expected;
        at += found ? 1 : 0;
        return found;
    }

    public void Expect(char expected)
    {
        if (!Try(expected))
        {
            throw Broken($"'{expected}'");
        }
    }

    public void ExpectEnd()
    {
        if (Peek() != '\0' || at < text.Length)
        {
            throw Broken("its end");
        }
    }

    /// <summary>A text in either kind of quotes, without escapes.</summary>
    public string Text()
    {
        var quote = Peek();
        var end = quote is '\'' or '"' ? text.IndexOf(quote, at + 1) : -1;
        if (end < 0 || text.AsSpan(at, end - at).Contains('\\'))
        {
            throw Broken("a text");
        }

        var value = text[(at + 1)..end];
        at = end + 1;
        return value;
    }

    public bool Flag()
    {
        _ = Peek();
        foreach (var (word, value) in (ReadOnlySpan<(string, bool)>)[("True", true), ("False", false)])
        {
            if (string.CompareOrdinal(text, at, word, 0, word.Length) == 0)
            {
                at += word.Length;
                return value;
            }
        }

        throw Broken("True or False");
    }

    /// <summary>A tuple of sizes; Python 2 wrote them with an L.</summary>
    public List<long> Sizes()
    {
        var sizes = new List<long>();
        Expect('(');
        while (!Try(')'))
        {
            _ = Peek();
            var start = at;
            while (at < text.Length && char.IsAsciiDigit(text[at]))
            {
                at++;
            }

            if (sizes.Count == MostAxes || !long.TryParse(text.AsSpan(start, at - start), NumberStyles.None, CultureInfo.InvariantCulture, out var size))
            {
                throw Broken($"at most {MostAxes} sizes");
            }

            sizes.Add(size);
            _ = Try('L');
            if (!Try(','))
            {
                Expect(')');
                break;
            }
        }

        return sizes;
    }

    private VitrineException Broken(string expected) => new($"{what}: its head is broken at character {at}; expected {expected}.");
}
