namespace Vitrine.Inputs.Tokenizers;

/// <summary>A text and the ranges that a pre-tokenizer has cut it into; what lies between ranges is dropped.</summary>
/// <param name="Text">All of it.</param>
/// <param name="Ranges">In order, none empty.</param>
/// <param name="BeginsText">Whether this text is the beginning of what the user wrote, not a part behind an added token.</param>
internal sealed record Pieces(AlignedText Text, IReadOnlyList<(int From, int To)> Ranges, bool BeginsText)
{
    public static Pieces Whole(AlignedText text, bool beginsText) => new(text, text.Text.Length == 0 ? [] : [(0, text.Text.Length)], beginsText);

    public ReadOnlySpan<char> this[int index] => Text.Text.AsSpan(Ranges[index].From, Ranges[index].To - Ranges[index].From);

    /// <summary>The same pieces with each one rewritten.</summary>
    /// <param name="rewrite">Called with each range and the builder that its new characters go to.</param>
    public Pieces Rewritten(Action<(int From, int To), AlignedTextBuilder> rewrite)
    {
        var builder = new AlignedTextBuilder(Text);
        var ranges = new List<(int, int)>(Ranges.Count);
        foreach (var range in Ranges)
        {
            var start = builder.Length;
            rewrite(range, builder);
            if (builder.Length > start)
            {
                ranges.Add((start, builder.Length));
            }
        }

        return new Pieces(builder.Build(), ranges, BeginsText);
    }
}
