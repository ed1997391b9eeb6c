using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Vitrine.Inputs.Tokenizers.Patterns;

/// <summary>A regular expression in the dialect of tokenizer.json (Oniguruma, Ruby syntax), matched on code points.</summary>
/// <remarks>
/// .NET matches UTF-16 units, and its \p{L} knows no letter beyond the BMP. So a text with such code points is matched through a copy in which each of them is
/// one BMP character of the same general category that the expression does not name; the ranges found are carried back.
/// </remarks>
internal sealed class OnigurumaPattern : ITextPattern
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    /// <summary>Characters after which compiling pays: it takes as long as matching about so many without.</summary>
    private const long WorthCompiling = 1 << 18;

    private readonly Lazy<Dictionary<UnicodeCategory, char>> substitutes;
    private readonly string source;
    private volatile Regex regex;
    private long seen;

    private OnigurumaPattern(Regex regex, IReadOnlyList<(char From, char To)> named, string source)
        => (this.regex, substitutes, this.source) = (regex, new(() => Substitutes(named)), source);

    /// <exception cref="VitrineException">The expression is broken, or uses what is not computed; it is named.</exception>
    public static OnigurumaPattern Of(string pattern, string source)
    {
        var translated = OnigurumaSyntax.Translate(pattern, source);
        try
        {
            return new OnigurumaPattern(
                new Regex(translated.Pattern, RegexOptions.CultureInvariant, Limit), translated.Named, source);
        }
        catch (ArgumentException e)
        {
            throw new VitrineException($"{source}: the regular expression '{pattern}' cannot be read ({e.Message}).", e);
        }
    }

    public void Find(ReadOnlySpan<char> text, List<(int From, int To)> matches)
    {
        var before = Interlocked.Add(ref seen, text.Length) - text.Length;
        if (before < WorthCompiling && before + text.Length >= WorthCompiling)
        {
            regex = new Regex(regex.ToString(), regex.Options | RegexOptions.Compiled, Limit);
        }

        try
        {
            if (text.IndexOfAnyInRange('\uD800', '\uDFFF') < 0)
            {
                foreach (var match in regex.EnumerateMatches(text))
                {
                    matches.Add((match.Index, match.Index + match.Length));
                }
            }
            else
            {
                FindThroughCopy(text, matches);
            }
        }
        catch (RegexMatchTimeoutException e)
        {
            throw new VitrineException($"{source}: the regular expression of the pre-tokenizer takes more than {Limit.TotalSeconds} s on this text.", e);
        }
    }

    private void FindThroughCopy(ReadOnlySpan<char> text, List<(int From, int To)> matches)
    {
        var copy = ArrayPool<char>.Shared.Rent(text.Length);
        var places = ArrayPool<int>.Shared.Rent(text.Length + 1);
        try
        {
            var (count, at) = (0, 0);
            foreach (var rune in text.EnumerateRunes())
            {
                copy[count] = rune.IsBmp ? (char)rune.Value : substitutes.Value[Rune.GetUnicodeCategory(rune)];
                places[count++] = at;
                at += rune.Utf16SequenceLength;
            }

            places[count] = at;
            foreach (var match in regex.EnumerateMatches(copy.AsSpan(0, count)))
            {
                matches.Add((places[match.Index], places[match.Index + match.Length]));
            }
        }
        finally
        {
            ArrayPool<char>.Shared.Return(copy);
            ArrayPool<int>.Shared.Return(places);
        }
    }

    /// <summary>For each category the last BMP character of it that the expression names neither alone nor in a range.</summary>
    private static Dictionary<UnicodeCategory, char> Substitutes(IReadOnlyList<(char From, char To)> named)
    {
        var result = new Dictionary<UnicodeCategory, char>();
        for (var c = (int)char.MaxValue; c > 0; c--)
        {
            var category = CharUnicodeInfo.GetUnicodeCategory(c);
            if (!result.ContainsKey(category) && !named.Any(r => c >= r.From && c <= r.To))
            {
                result.Add(category, (char)c);
            }
        }

        foreach (var category in Enum.GetValues<UnicodeCategory>())
        {
            result.TryAdd(category, '\uFFFF'); // All of its BMP characters are named: an unassigned one stands in.
        }

        return result;
    }
}
