namespace Vitrine.Inputs.Tokenizers;

/// <summary>
/// A text on its way through the tokenizer and, where offsets are asked for, the range of the user's text that each of its characters came from.
/// </summary>
internal sealed class AlignedText
{
    private readonly int[]? starts;
    private readonly int[]? ends;

    internal AlignedText(string text, int[]? starts, int[]? ends) => (Text, this.starts, this.ends) = (text, starts, ends);

    public string Text { get; }

    public bool Tracks => starts is not null;

    /// <param name="text">A text as the user wrote it.</param>
    /// <param name="track">Whether the origins of its characters are to be known later.</param>
    public static AlignedText Of(string text, bool track)
        => track ? new AlignedText(text, [.. Enumerable.Range(0, text.Length)], [.. Enumerable.Range(1, text.Length)]) : new AlignedText(text, null, null);

    public AlignedText Slice(int from, int to)
        => from == 0 && to == Text.Length ? this : new AlignedText(Text[from..to], starts?[from..to], ends?[from..to]);

    /// <summary>The range of the user's text behind characters of this one; (0, 0) where origins are not tracked.</summary>
    public (int Start, int End) Origin(int from, int to)
    {
        if (starts is null || Text.Length == 0)
        {
            return (0, 0);
        }

        return from >= Text.Length ? (ends![^1], ends[^1])
            : to <= from ? (starts[from], starts[from])
            : (starts[from], Math.Max(starts[from], ends![to - 1]));
    }
}

/// <summary>Writes a text that keeps, replaces, inserts and drops characters of another.</summary>
internal sealed class AlignedTextBuilder(AlignedText source)
{
    private readonly System.Text.StringBuilder text = new(source.Text.Length + 16);
    private readonly List<int>? starts = source.Tracks ? new(source.Text.Length + 16) : null;
    private readonly List<int>? ends = source.Tracks ? new(source.Text.Length + 16) : null;

    public int Length => text.Length;

    public void Keep(int from, int to)
    {
        text.Append(source.Text, from, to - from);
        if (starts is not null)
        {
            for (var i = from; i < to; i++)
            {
                var (start, end) = source.Origin(i, i + 1);
                starts.Add(start);
                ends!.Add(end);
            }
        }
    }

    /// <summary>Writes characters that stand for a range of the source; an empty range inserts them before its start.</summary>
    public void Put(ReadOnlySpan<char> content, int from, int to)
    {
        text.Append(content);
        if (starts is not null)
        {
            var (start, end) = source.Origin(from, to);
            for (var i = 0; i < content.Length; i++)
            {
                starts.Add(start);
                ends!.Add(end);
            }
        }
    }

    public AlignedText Build() => new(text.ToString(), starts?.ToArray(), ends?.ToArray());
}
