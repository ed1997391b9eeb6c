using Vitrine.Inputs.Tokenizers.Patterns;

namespace Vitrine.Inputs.Tokenizers.PreTokenizers;

/// <summary>When a metaspace is put before a piece that does not begin with one.</summary>
internal enum PrependScheme
{
    /// <summary>Before every piece.</summary>
    Always,

    /// <summary>Only before the piece that begins the text.</summary>
    First,

    /// <summary>Not at all.</summary>
    Never,
}

/// <summary>Spaces become a visible sign (U+2581), and words begin with it.</summary>
internal sealed class MetaspaceSplit(char replacement, PrependScheme scheme, bool split) : IPreTokenizer
{
    private readonly PatternSplit words = new(new LiteralPattern(replacement.ToString()), SplitBehavior.MergedWithNext);

    public bool NeedsOrigins => scheme == PrependScheme.First;

    public Pieces Split(Pieces pieces)
    {
        var text = pieces.Text.Text;
        var sign = replacement.ToString();
        var before = pieces;
        pieces = pieces.Rewritten((range, builder) =>
        {
            var begins = text[range.From] == ' ' || text[range.From] == replacement;
            if (!begins && (scheme == PrependScheme.Always || scheme == PrependScheme.First && IsFirst(before, range)))
            {
                builder.Put(sign, range.From, range.From + 1);
            }

            for (var i = range.From; i < range.To; i++)
            {
                if (text[i] == ' ')
                {
                    builder.Put(sign, i, i + 1);
                }
                else
                {
                    builder.Keep(i, i + 1);
                }
            }
        });
        return split ? words.Split(pieces) : pieces;
    }

    /// <remarks>An uncut text counts as first even where the normaliser has dropped its first characters.</remarks>
    private static bool IsFirst(Pieces pieces, (int From, int To) range)
        => pieces.BeginsText && (range == (0, pieces.Text.Text.Length) || pieces.Text.Origin(range.From, range.From + 1).Start == 0);
}
