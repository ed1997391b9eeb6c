namespace Vitrine.Inputs.Tokenizers.PostProcessors;

/// <summary>Puts special tokens around one text or two, and gives segments.</summary>
internal interface IPostProcessor
{
    /// <summary>How many tokens it adds.</summary>
    int Added(bool pair);

    /// <param name="texts">One or two; may be changed.</param>
    /// <param name="addSpecialTokens">Whether special tokens are put in.</param>
    IReadOnlyList<TokenRun> Process(IReadOnlyList<TokenRun> texts, bool addSpecialTokens);
}

/// <summary>Adds nothing.</summary>
internal sealed record PlainProcessor : IPostProcessor
{
    public int Added(bool pair) => 0;

    public IReadOnlyList<TokenRun> Process(IReadOnlyList<TokenRun> texts, bool addSpecialTokens) => texts;
}

/// <summary>One after the other.</summary>
internal sealed record ProcessorSequence(IReadOnlyList<IPostProcessor> Steps) : IPostProcessor
{
    public int Added(bool pair) => Steps.Sum(s => s.Added(pair));

    public IReadOnlyList<TokenRun> Process(IReadOnlyList<TokenRun> texts, bool addSpecialTokens)
        => Steps.Aggregate(texts, (t, step) => step.Process(t, addSpecialTokens));
}

/// <summary>Takes the spaces at its ends out of each byte-level token's offsets.</summary>
/// <param name="Vocabulary">Spells tokens in letters of <see cref="ByteAlphabet"/>.</param>
/// <param name="AddPrefixSpace">Whether the first space of a token that begins the text was put there by the tokenizer.</param>
internal sealed record OffsetTrimming(Models.Vocabulary Vocabulary, bool AddPrefixSpace) : IPostProcessor
{
    public int Added(bool pair) => 0;

    public IReadOnlyList<TokenRun> Process(IReadOnlyList<TokenRun> texts, bool addSpecialTokens)
    {
        foreach (var run in texts)
        {
            for (var i = 0; i < run.Count; i++)
            {
                var token = Vocabulary.Word(run.Ids[i]) ?? "";
                var (start, end) = run.Offsets[i];
                var leading = token.TakeWhile(IsSpace).Count();
                var trailing = token.Reverse().TakeWhile(IsSpace).Count();
                leading -= leading > 0 && AddPrefixSpace && (i == 0 || start == 0) ? 1 : 0;
                start = Math.Min(start + leading, end);
                run.Offsets[i] = (start, trailing > 0 && end >= trailing ? Math.Max(end - trailing, start) : end);
            }
        }

        return texts;
    }

    private static bool IsSpace(char letter) => letter == ByteAlphabet.Letter((byte)' ') || char.IsWhiteSpace(letter);
}
