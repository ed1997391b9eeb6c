using System.Globalization;
using System.Text;

namespace Vitrine.Inputs.Chat;

/// <summary>Cuts a template into words, with the white space of Jinja under trim_blocks and lstrip_blocks, as transformers sets them.</summary>
/// <remarks>
/// A newline behind a block goes; blanks before a block that begins its line go; <c>-</c> takes all white space on its side, <c>+</c> none. One newline at the
/// template's end goes.
/// </remarks>
internal sealed class TemplateLexer
{
    private static readonly string[] Signs = ["//", "**", "==", "!=", "<=", ">=", "+", "-", "*", "/", "%", "~", "<", ">", "=", "(", ")", "[", "]", "{", "}",
        ",", ":", ".", "|", ";"];

    private readonly string text;
    private readonly List<TemplateToken> tokens = [];
    private int at;
    private int line = 1;
    private bool lineStarts = true;

    private TemplateLexer(string template)
    {
        text = template.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n');
        text = text.EndsWith('\n') ? text[..^1] : text;
    }

    public static IReadOnlyList<TemplateToken> Read(string template)
    {
        var lexer = new TemplateLexer(template);
        while (lexer.at < lexer.text.Length)
        {
            lexer.Part();
        }

        lexer.Add(TokenKind.End, "");
        return lexer.tokens;
    }

    private void Part()
    {
        var begin = at;
        while (begin + 1 < text.Length && !(text[begin] == '{' && (text[begin + 1] is '{' or '%' or '#')))
        {
            begin++;
        }

        if (begin + 1 >= text.Length)
        {
            Data(text[at..], text.Length);
            return;
        }

        var kind = text[begin + 1];
        var sign = begin + 2 < text.Length ? text[begin + 2] : ' ';
        var data = text[at..begin];
        if (sign == '-')
        {
            data = data.TrimEnd();
        }
        else if (kind != '{' && sign != '+')
        {
            var lineAt = data.LastIndexOf('\n') + 1;
            data = (lineAt > 0 || lineStarts) && string.IsNullOrWhiteSpace(data[lineAt..]) ? data[..lineAt] : data;
        }

        Data(data, begin);
        at = begin + (sign is '-' or '+' ? 3 : 2);
        switch (kind)
        {
            case '#':
                Comment();
                break;
            case '{':
                Add(TokenKind.OutputBegin, "{{");
                Inside("}}", TokenKind.OutputEnd);
                break;
            default:
                if (!Raw())
                {
                    Add(TokenKind.BlockBegin, "{%");
                    Inside("%}", TokenKind.BlockEnd);
                }

                break;
        }
    }

    /// <summary>Text outside of tags; the lines of all that was read count, also of what was trimmed.</summary>
    private void Data(string data, int end)
    {
        if (data.Length > 0)
        {
            Add(TokenKind.Data, data);
        }

        Move(end);
    }

    private void Comment()
    {
        var end = text.IndexOf("#}", at, StringComparison.Ordinal);
        if (end < 0)
        {
            throw Fault("a comment that does not end");
        }

        Move(end + 2);
        AfterTag(end > 0 ? text[end - 1] : ' ', trimsNewline: true);
    }

    /// <summary>Text between raw and endraw, as it is.</summary>
    private bool Raw()
    {
        var (start, found) = Tag(at, "raw");
        if (start < 0)
        {
            return false;
        }

        Move(start);
        AfterTag(found, trimsNewline: true);
        for (var begin = text.IndexOf("{%", at, StringComparison.Ordinal); begin >= 0; begin = text.IndexOf("{%", begin + 2, StringComparison.Ordinal))
        {
            var sign = begin + 2 < text.Length ? text[begin + 2] : ' ';
            var (end, closing) = Tag(begin + (sign is '-' or '+' ? 3 : 2), "endraw");
            if (end < 0)
            {
                continue;
            }

            var data = text[at..begin];
            Data(sign == '-' ? data.TrimEnd() : data, begin);
            Move(end);
            AfterTag(closing, trimsNewline: true);
            return true;
        }

        throw Fault("a raw block that does not end");
    }

    /// <summary>Where a tag of one word ends, and the sign before its end.</summary>
    private (int End, char Sign) Tag(int from, string word)
    {
        var start = from;
        while (start < text.Length && char.IsWhiteSpace(text[start]))
        {
            start++;
        }

        if (string.CompareOrdinal(text, start, word, 0, word.Length) != 0)
        {
            return (-1, ' ');
        }

        var end = start + word.Length;
        while (end < text.Length && char.IsWhiteSpace(text[end]))
        {
            end++;
        }

        var sign = end < text.Length && text[end] is '-' or '+' ? text[end++] : ' ';
        return string.CompareOrdinal(text, end, "%}", 0, 2) == 0 ? (end + 2, sign) : (-1, ' ');
    }

    private void Inside(string close, TokenKind end)
    {
        var depth = 0;
        while (at < text.Length)
        {
            var c = text[at];
            var signed = c is '-' or '+' && string.CompareOrdinal(text, at + 1, close, 0, 2) == 0;
            if (depth == 0 && (signed || string.CompareOrdinal(text, at, close, 0, 2) == 0))
            {
                Add(end, close);
                Move(at + (signed ? 3 : 2));
                AfterTag(signed ? c : ' ', trimsNewline: end == TokenKind.BlockEnd);
                return;
            }

            if (char.IsWhiteSpace(c))
            {
                Move(at + 1);
            }
            else if (char.IsLetter(c) || c == '_')
            {
                Word(TokenKind.Name, ch => char.IsLetterOrDigit(ch) || ch == '_');
            }
            else if (char.IsAsciiDigit(c))
            {
                Number();
            }
            else if (c is '"' or '\'')
            {
                Quoted(c);
            }
            else
            {
                var sign = Signs.FirstOrDefault(s => string.CompareOrdinal(text, at, s, 0, s.Length) == 0) ?? throw Fault($"the sign '{c}'");
                depth += sign is "(" or "[" or "{" ? 1 : sign is ")" or "]" or "}" ? -1 : 0;
                Add(TokenKind.Sign, sign);
                at += sign.Length;
            }
        }

        throw Fault($"a tag without its '{close}'");
    }

    private void AfterTag(char sign, bool trimsNewline)
    {
        var start = at;
        if (sign == '-')
        {
            var end = at;
            while (end < text.Length && char.IsWhiteSpace(text[end]))
            {
                end++;
            }

            Move(end);
        }
        else if (sign != '+' && trimsNewline && at < text.Length && text[at] == '\n')
        {
            Move(at + 1);
        }

        lineStarts = at > start && text[at - 1] == '\n';
    }

    private void Word(TokenKind kind, Func<char, bool> belongs)
    {
        var start = at;
        while (at < text.Length && belongs(text[at]))
        {
            at++;
        }

        Add(kind, text[start..at]);
    }

    private void Number()
    {
        var start = at;
        Digits();
        var isFloat = false;
        if (at + 1 < text.Length && text[at] == '.' && char.IsAsciiDigit(text[at + 1]))
        {
            isFloat = true;
            at++;
            Digits();
        }

        var exponent = at < text.Length && text[at] is 'e' or 'E' ? at + (at + 1 < text.Length && text[at + 1] is '+' or '-' ? 2 : 1) : text.Length;
        if (exponent < text.Length && char.IsAsciiDigit(text[exponent]))
        {
            isFloat = true;
            at = exponent;
            Digits();
        }

        Add(isFloat ? TokenKind.Float : TokenKind.Integer, text[start..at].Replace("_", "", StringComparison.Ordinal));

        void Digits()
        {
            while (at < text.Length && (char.IsAsciiDigit(text[at]) || text[at] == '_'))
            {
                at++;
            }
        }
    }

    private void Quoted(char quote)
    {
        var (begun, value) = (line, new StringBuilder());
        for (at++; ; at++)
        {
            if (at >= text.Length)
            {
                throw Fault("a quoted text that does not end");
            }

            if (text[at] == quote)
            {
                break;
            }

            line += text[at] == '\n' ? 1 : 0;
            if (text[at] == '\\' && at + 1 < text.Length)
            {
                at++;
                Escape(value);
            }
            else
            {
                value.Append(text[at]);
            }
        }

        at++;
        tokens.Add(new TemplateToken(TokenKind.Text, value.ToString(), begun));
    }

    /// <summary>Python's escapes.</summary>
    private void Escape(StringBuilder value)
    {
        var c = text[at];
        var known = "abfnrtv0\\'\"".IndexOf(c, StringComparison.Ordinal);
        if (known >= 0)
        {
            value.Append("\a\b\f\n\r\t\v\0\\'\""[known]);
        }
        else if (c is 'x' or 'u' or 'U')
        {
            var digits = c == 'x' ? 2 : c == 'u' ? 4 : 8;
            if (at + digits >= text.Length
                || !int.TryParse(text.AsSpan(at + 1, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code)
                || !Rune.IsValid(code))
            {
                throw Fault($"the escape '\\{c}'");
            }

            value.Append(new Rune(code).ToString());
            at += digits;
        }
        else if (c == '\n')
        {
            line++;
        }
        else
        {
            value.Append('\\').Append(c);
        }
    }

    private void Add(TokenKind kind, string content) => tokens.Add(new TemplateToken(kind, content, line));

    private void Move(int to)
    {
        for (; at < to; at++)
        {
            line += text[at] == '\n' ? 1 : 0;
        }
    }

    private TemplateFault Fault(string what) => new($"line {line}: {what}");
}
