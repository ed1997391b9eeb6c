using System.Globalization;
using System.Text;

namespace Vitrine.Inputs.Tokenizers.Patterns;

/// <summary>Rewrites a regular expression from Oniguruma's dialect into .NET's; what has no counterpart is refused by its name.</summary>
/// <remarks>
/// Oniguruma RE (doc/RE of its sources), ONIG_SYNTAX_RUBY: ^ and $ are always ends of lines, X++ X*+ X?+ are possessive, sets nest, \h is a hexadecimal digit.
/// </remarks>
internal sealed class OnigurumaSyntax
{
    private const string Word = @"\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\u24B6-\u24E9";
    private static readonly string[] Categories = ["L", "Lu", "Ll", "Lt", "Lm", "Lo", "M", "Mn", "Mc", "Me", "N", "Nd", "Nl", "No", "P", "Pc", "Pd", "Ps", "Pe",
        "Pi", "Pf", "Po", "S", "Sm", "Sc", "Sk", "So", "Z", "Zs", "Zl", "Zp", "C", "Cc", "Cf", "Cs", "Co", "Cn"];

    private readonly string pattern;
    private readonly string source;
    private readonly StringBuilder result = new();
    private readonly List<(char, char)> named = [];
    private readonly Stack<(int Start, bool IgnoreCase)> groups = [];
    private bool ignoreCase;
    private int atom;
    private bool quantified;
    private int at;

    private OnigurumaSyntax(string pattern, string source) => (this.pattern, this.source) = (pattern, source);

    /// <returns>The .NET expression, and the ranges of characters that it names.</returns>
    public static (string Pattern, IReadOnlyList<(char From, char To)> Named) Translate(string pattern, string source)
    {
        var syntax = new OnigurumaSyntax(pattern, source);
        while (syntax.at < pattern.Length)
        {
            syntax.Next();
        }

        return (syntax.result.ToString(), syntax.named);
    }

    private void Next()
    {
        var c = pattern[at];
        switch (c)
        {
            case '(':
                Open();
                return;
            case ')':
                if (groups.Count == 0)
                {
                    throw Refused("an unopened ')'");
                }

                (atom, ignoreCase) = groups.Pop();
                quantified = false;
                result.Append(c);
                at++;
                return;
            case '*' or '+' or '?' or '{':
                Quantifier();
                return;
            case '|':
                result.Append(c);
                at++;
                return;
        }

        (atom, quantified) = (result.Length, false);
        switch (c)
        {
            case '[':
                Set();
                break;
            case '\\':
                Escape(inSet: false);
                break;
            case '^':
                result.Append("(?m:^)");
                at++;
                break;
            case '$':
                result.Append("(?m:$)");
                at++;
                break;
            case '.':
                result.Append('.');
                at++;
                break;
            default:
                Literal(c, inSet: false);
                at++;
                break;
        }
    }

    private void Open()
    {
        foreach (var start in (string[])["(?i:", "(?:", "(?=", "(?!", "(?<=", "(?<!", "(?>"])
        {
            if (string.CompareOrdinal(pattern, at, start, 0, start.Length) == 0)
            {
                groups.Push((result.Length, ignoreCase));
                ignoreCase |= start == "(?i:";
                result.Append(start);
                at += start.Length;
                return;
            }
        }

        if (at + 1 < pattern.Length && pattern[at + 1] == '?')
        {
            throw Refused($"the group '{pattern[at..Math.Min(pattern.Length, at + 4)]}'");
        }

        groups.Push((result.Length, ignoreCase));
        result.Append("(?:");
        at++;
    }

    private void Quantifier()
    {
        var end = at + 1;
        if (pattern[at] == '{')
        {
            end = pattern.IndexOf('}', at) + 1;
            if (end == 0 || !pattern.AsSpan(at + 1, end - at - 2).ContainsOnly("0123456789,"))
            {
                throw Refused("a '{' that is no quantifier");
            }
        }

        if (quantified)
        {
            result.Insert(atom, "(?:").Append(')'); // X{1,3}+ repeats X{1,3}; only single signs have possessive forms.
        }

        quantified = true;
        var quantifier = pattern[at..end];
        quantifier = quantifier.StartsWith("{,", StringComparison.Ordinal) ? "{0" + quantifier[1..] : quantifier;
        at = end;
        if (at < pattern.Length && pattern[at] == '?')
        {
            quantifier += "?";
            at++;
        }
        else if (at < pattern.Length && pattern[at] == '+' && quantifier[0] != '{')
        {
            result.Insert(atom, "(?>").Append(quantifier).Append(')');
            at++;
            return;
        }

        result.Append(quantifier);
    }

    private void Set()
    {
        result.Append('[');
        at++;
        if (at < pattern.Length && pattern[at] == '^')
        {
            result.Append('^');
            at++;
        }

        for (var first = true; ; first = false)
        {
            if (at >= pattern.Length)
            {
                throw Refused("a '[' without its ']'");
            }

            if (pattern[at] == ']' && !first)
            {
                result.Append(']');
                at++;
                return;
            }

            if (pattern[at] == '[' || string.CompareOrdinal(pattern, at, "&&", 0, 2) == 0)
            {
                throw Refused("a set inside a set");
            }

            var from = Member();
            if (from is { } low && at + 1 < pattern.Length && pattern[at] == '-' && pattern[at + 1] != ']')
            {
                result.Append('-');
                at++;
                var folds = ignoreCase;
                ignoreCase = false; // The folds of a range's end are no part of the range's text.
                named.Add((low, Member() ?? throw Refused("a range that ends in a class")));
                ignoreCase = folds;
            }
        }
    }

    /// <summary>One member of a set; its character where it is one.</summary>
    private char? Member()
    {
        if (pattern[at] == '\\')
        {
            return Escape(inSet: true);
        }

        var c = pattern[at++];
        Literal(c, inSet: true);
        return c;
    }

    private char? Escape(bool inSet)
    {
        if (at + 1 >= pattern.Length)
        {
            throw Refused("a lone backslash");
        }

        var c = pattern[at + 1];
        at += 2;
        switch (c)
        {
            case 'p' or 'P':
                Property(c);
                return null;
            case 's' or 'S' or 'd' or 'D':
                result.Append('\\').Append(c);
                return null;
            case 'w':
                result.Append(inSet ? Word : $"[{Word}]");
                return null;
            case 'W' when !inSet:
                result.Append($"[^{Word}]");
                return null;
            case 'h':
                result.Append(inSet ? "0-9A-Fa-f" : "[0-9A-Fa-f]");
                return null;
            case 'b' or 'B' or 'A' or 'z' or 'Z' when !inSet:
                result.Append('\\').Append(c);
                return null;
            case 'u':
                return Coded(4);
            case 'x' when at < pattern.Length && pattern[at] == '{':
                var end = pattern.IndexOf('}', at);
                at++;
                var code = Coded(end - at);
                at++;
                return code;
            case 'x':
                return Coded(2);
            case 'n' or 'r' or 't' or 'f' or 'v' or 'a' or 'e':
                var control = "\n\r\t\f\v\a\u001B"["nrtfvae".IndexOf(c, StringComparison.Ordinal)];
                Literal(control, inSet);
                return control;
            case var letter when char.IsAsciiLetterOrDigit(letter):
                throw Refused($"the escape '\\{c}'");
            default:
                Literal(c, inSet);
                return c;
        }
    }

    private char Coded(int digits)
    {
        if (digits is < 1 or > 8 || at + digits > pattern.Length
            || !int.TryParse(pattern.AsSpan(at, digits), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var code) || code > char.MaxValue)
        {
            throw Refused("a character code that is broken or beyond the BMP");
        }

        at += digits;
        Literal((char)code, inSet: true);
        return (char)code;
    }

    private void Property(char letter)
    {
        var end = pattern.IndexOf('}', at);
        if (end < 0 || pattern[at] != '{')
        {
            throw Refused("a property without its braces");
        }

        var name = pattern[(at + 1)..end];
        var negated = name.StartsWith('^');
        name = negated ? name[1..] : name;
        if (!Categories.Contains(name))
        {
            throw Refused($"the property '{name}'");
        }

        at = end + 1;
        result.Append('\\').Append(negated == (letter == 'p') ? 'P' : 'p').Append('{').Append(name).Append('}');
    }

    /// <remarks>Case folds beyond pairs: the long s is an s, the Kelvin sign a k (Unicode CaseFolding.txt).</remarks>
    private void Literal(char c, bool inSet)
    {
        if (char.IsSurrogate(c))
        {
            throw Refused("a character beyond the BMP");
        }

        named.Add((c, c));
        var folded = !ignoreCase ? "" : c is 's' or 'S' ? "\\u017F" : c is 'k' or 'K' ? "\\u212A" : "";
        var text = string.Create(CultureInfo.InvariantCulture, $"\\u{(int)c:X4}");
        result.Append(folded.Length == 0 ? text : inSet ? folded + text : $"[{text}{folded}]");
    }

    private VitrineException Refused(string what) => new($"{source}: {what} in the regular expression '{pattern}' is not computed by this version.");
}

/// <summary>A question to a span.</summary>
internal static class SpanQuestions
{
    public static bool ContainsOnly(this ReadOnlySpan<char> text, string allowed) => text.IndexOfAnyExcept(allowed) < 0;
}
