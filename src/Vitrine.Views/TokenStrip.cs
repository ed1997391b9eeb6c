using System.Text;
using Vitrine.Views.Drawing;

namespace Vitrine.Views;

/// <summary>Tokens as chips, in order; words of a concept are tinted and action tokens outlined.</summary>
/// <param name="tokens">The tokens.</param>
public sealed class TokenStrip(IReadOnlyList<VocabularyToken> tokens) : View
{
    internal override void Write(Markup page)
    {
        page.Open("span", ("class", "strip"));
        foreach (var token in tokens)
        {
            page.Open("span", ("class", token.IsConcept ? "chip hit" : token.IsAction ? "chip act" : "chip")).Text(Shown(token));
            if (token.IsConcept || token.IsAction)
            {
                page.Text("span", token.IsConcept ? " (concept)" : " (action)", ("class", "unseen"));
            }

            page.Close("span").Text(" ");
        }

        page.Close("span");
    }

    /// <remarks>The value of an action token is a signed number like all others on a page.</remarks>
    private static string Shown(VocabularyToken token) => token.IsAction ? Visible(token.Text).Replace('-', '−') : Visible(token.Text);

    /// <summary>A token with its blanks and control characters made visible.</summary>
    internal static string Visible(string token)
    {
        if (token.Length == 0)
        {
            return "∅";
        }

        var visible = new StringBuilder(token.Length);
        foreach (var (index, rune) in token.EnumerateRunes().Index())
        {
            visible.Append(rune.Value switch
            {
                ' ' when index == 0 || index == token.Length - 1 => "␣",
                '\n' => "⏎",
                '\r' => "␍",
                '\t' => "⇥",
                < 0x20 or (>= 0x7F and < 0xA0) or (>= 0x202A and <= 0x202E) or (>= 0x2066 and <= 0x2069) => $"U+{rune.Value:X4}",
                _ => rune.ToString(),
            });
        }

        return visible.ToString();
    }
}
