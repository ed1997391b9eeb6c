namespace Vitrine.Inputs.Chat;

/// <summary>A place in the words of a template.</summary>
internal sealed class TokenCursor(IReadOnlyList<TemplateToken> tokens)
{
    private const int Deepest = 100;

    private int at;
    private int depth;

    public TemplateToken Now => tokens[at];

    public TemplateToken Next => tokens[Math.Min(at + 1, tokens.Count - 1)];

    public TemplateToken Take()
    {
        var token = tokens[at];
        at = Math.Min(at + 1, tokens.Count - 1);
        return token;
    }

    public bool Is(TokenKind kind) => Now.Kind == kind;

    public bool IsSign(string sign) => Now.Kind == TokenKind.Sign && Now.Text == sign;

    public bool IsName(string name) => Now.Kind == TokenKind.Name && Now.Text == name;

    public bool TakeSign(string sign) => Taken(IsSign(sign));

    public bool TakeName(string name) => Taken(IsName(name));

    public void Expect(string sign)
    {
        if (!TakeSign(sign))
        {
            throw Fault($"'{Now.Text}' where '{sign}' is expected");
        }
    }

    public string Name() => Is(TokenKind.Name) ? Take().Text : throw Fault($"'{Now.Text}' where a name is expected");

    /// <summary>The end of a tag.</summary>
    public void End(TokenKind kind)
    {
        if (!Is(kind))
        {
            throw Fault($"'{Now.Text}' where the tag should end");
        }

        Take();
    }

    /// <summary>Parses one level down.</summary>
    public T Deeper<T>(Func<T> parse)
    {
        if (++depth > Deepest)
        {
            throw Fault($"parts nested deeper than {Deepest}");
        }

        var result = parse();
        depth--;
        return result;
    }

    public TemplateFault Fault(string what) => new($"line {Now.Line}: {what}");

    private bool Taken(bool found)
    {
        if (found)
        {
            Take();
        }

        return found;
    }
}
