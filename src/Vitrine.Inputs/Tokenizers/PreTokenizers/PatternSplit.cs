using Vitrine.Inputs.Tokenizers.Patterns;

namespace Vitrine.Inputs.Tokenizers.PreTokenizers;

/// <summary>What becomes of the delimiters that a pattern finds; names and meaning are those of the tokenizers library.</summary>
internal enum SplitBehavior
{
    /// <summary>Delimiters are dropped.</summary>
    Removed,

    /// <summary>Each delimiter is a piece.</summary>
    Isolated,

    /// <summary>Delimiters that touch are one piece.</summary>
    Contiguous,

    /// <summary>A delimiter ends the piece before it.</summary>
    MergedWithPrevious,

    /// <summary>A delimiter begins the piece behind it.</summary>
    MergedWithNext,
}

/// <summary>Cuts at what a pattern finds.</summary>
/// <param name="Pattern">Finds the delimiters, in each piece by itself.</param>
/// <param name="Behavior">What becomes of them.</param>
/// <param name="Invert">Whether what the pattern finds are the words, and the rest the delimiters.</param>
internal sealed record PatternSplit(ITextPattern Pattern, SplitBehavior Behavior, bool Invert = false) : IPreTokenizer
{
    public Pieces Split(Pieces pieces)
    {
        var ranges = new List<(int From, int To)>(pieces.Ranges.Count);
        var matches = new List<(int From, int To)>();
        var parts = new List<(int From, int To, bool Delimiter)>();
        for (var i = 0; i < pieces.Ranges.Count; i++)
        {
            var (from, to) = pieces.Ranges[i];
            matches.Clear();
            parts.Clear();
            Pattern.Find(pieces[i], matches);
            var at = 0;
            foreach (var (start, end) in matches)
            {
                if (start > at)
                {
                    parts.Add((at, start, Invert));
                }

                parts.Add((start, end, !Invert));
                at = end;
            }

            if (at < to - from)
            {
                parts.Add((at, to - from, Invert));
            }

            foreach (var (start, end) in Arranged(parts))
            {
                if (end > start)
                {
                    ranges.Add((from + start, from + end));
                }
            }
        }

        return pieces with { Ranges = ranges };
    }

    private IEnumerable<(int From, int To)> Arranged(List<(int From, int To, bool Delimiter)> parts) => Behavior switch
    {
        SplitBehavior.Removed => parts.Where(p => !p.Delimiter).Select(p => (p.From, p.To)),
        SplitBehavior.Isolated => parts.Select(p => (p.From, p.To)),
        SplitBehavior.Contiguous => Merged(parts, (previous, next) => previous == next),
        SplitBehavior.MergedWithPrevious => Merged(parts, (previous, next) => next && !previous),
        _ => Merged(parts, (previous, next) => previous && !next),
    };

    /// <param name="parts">In order.</param>
    /// <param name="joins">Whether a part joins the one before it, told by which of the two are delimiters.</param>
    private static IEnumerable<(int From, int To)> Merged(List<(int From, int To, bool Delimiter)> parts, Func<bool, bool, bool> joins)
    {
        for (var i = 0; i < parts.Count;)
        {
            var from = parts[i].From;
            var last = i;
            while (last + 1 < parts.Count && joins(parts[last].Delimiter, parts[last + 1].Delimiter))
            {
                last++;
            }

            yield return (from, parts[last].To);
            i = last + 1;
        }
    }
}
