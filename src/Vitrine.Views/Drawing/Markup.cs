using System.Globalization;
using System.Text;

namespace Vitrine.Views.Drawing;

/// <summary>Writes HTML and SVG that is always well-formed: every tag is closed, every text and attribute is encoded.</summary>
internal sealed class Markup
{
    private readonly StringBuilder text = new();
    private readonly Stack<string> open = new();

    /// <summary>What the page can lead to; nothing, where a view is drawn alone.</summary>
    public Places Places { get; init; } = new();

    /// <summary>Opens an element. An attribute whose value is null is left out.</summary>
    public Markup Open(string tag, params ReadOnlySpan<(string Name, object? Value)> attributes)
    {
        Start(tag, attributes);
        text.Append('>');
        open.Push(tag);
        return this;
    }

    /// <summary>Closes the element opened last; <paramref name="tag"/> says which one that must be.</summary>
    public Markup Close(string tag)
    {
        if (!open.TryPop(out var last) || last != tag)
        {
            throw new InvalidOperationException($"</{tag}> was written where </{last}> was due.");
        }

        text.Append("</").Append(tag).Append('>');
        return this;
    }

    /// <summary>Writes an element without content.</summary>
    /// <remarks>HTML knows the short form only for its void elements; to a browser <c>&lt;i/&gt;</c> is an element that stays open.</remarks>
    public Markup Leaf(string tag, params ReadOnlySpan<(string Name, object? Value)> attributes)
    {
        Start(tag, attributes);
        if (tag is "meta" or "img" or "input" or "br")
        {
            text.Append("/>");
        }
        else
        {
            text.Append("></").Append(tag).Append('>');
        }

        return this;
    }

    /// <summary>Writes an element that holds only text.</summary>
    public Markup Text(string tag, string content, params ReadOnlySpan<(string Name, object? Value)> attributes)
        => Open(tag, attributes).Text(content).Close(tag);

    /// <summary>Writes encoded text.</summary>
    public Markup Text(string content)
    {
        Encode(content);
        return this;
    }

    /// <summary>Writes encoded text in which words between asterisks are set in italics; it leads to the layers, heads and neurons that it names.</summary>
    public Markup Prose(string content) => Linked(content, Italics);

    /// <summary>Writes encoded text that leads to the layers, heads and neurons that it names.</summary>
    public Markup Named(string content) => Linked(content, Encode);

    /// <summary>Writes a name that leads to its place; the bare name where the page has none.</summary>
    public Markup Link(string place, string name) => Places.Has(place) ? Text("a", name, ("href", "#" + place)) : Text(name);

    /// <summary>Writes markup of the program's own as it is; never anything that came from data.</summary>
    public Markup Raw(string markup)
    {
        text.Append(markup);
        return this;
    }

    /// <summary>The markup written so far; every element must be closed.</summary>
    public override string ToString()
        => open.Count == 0 ? text.ToString() : throw new InvalidOperationException($"<{open.Peek()}> is still open.");

    private Markup Linked(string content, Action<ReadOnlySpan<char>> write)
    {
        var at = 0;
        foreach (var (from, length, place) in Places.Mentions(content))
        {
            write(content.AsSpan(at, from - at));
            Text("a", content.Substring(from, length), ("href", "#" + place));
            at = from + length;
        }

        write(content.AsSpan(at));
        return this;
    }

    private void Italics(ReadOnlySpan<char> rest)
    {
        while (rest.IndexOf('*') is >= 0 and var from && rest[(from + 1)..].IndexOf('*') is > 0 and var length)
        {
            Encode(rest[..from]);
            text.Append("<em>");
            Encode(rest.Slice(from + 1, length));
            text.Append("</em>");
            rest = rest[(from + length + 2)..];
        }

        Encode(rest);
    }

    private void Start(string tag, ReadOnlySpan<(string Name, object? Value)> attributes)
    {
        text.Append('<').Append(tag);
        foreach (var (name, value) in attributes)
        {
            if (value is null)
            {
                continue;
            }

            text.Append(' ').Append(name).Append("=\"");
            Encode(value switch
            {
                double number => number.ToString("0.##", CultureInfo.InvariantCulture),
                IFormattable other => other.ToString(null, CultureInfo.InvariantCulture),
                _ => value.ToString() ?? "",
            });
            text.Append('"');
        }
    }

    /// <remarks>Control characters and lone surrogates exist in vocabularies but in no well-formed page; they become U+FFFD.</remarks>
    private void Encode(ReadOnlySpan<char> content)
    {
        foreach (var rune in content.EnumerateRunes())
        {
            switch (rune.Value)
            {
                case '&': text.Append("&amp;"); break;
                case '<': text.Append("&lt;"); break;
                case '>': text.Append("&gt;"); break;
                case '"': text.Append("&quot;"); break;
                case '\'': text.Append("&#39;"); break;
                case '\n' or '\t': text.Append((char)rune.Value); break;
                case < 0x20 or (>= 0x7F and < 0xA0) or 0xFFFE or 0xFFFF: text.Append('\uFFFD'); break;
                default: text.Append(rune.ToString()); break;
            }
        }
    }
}
