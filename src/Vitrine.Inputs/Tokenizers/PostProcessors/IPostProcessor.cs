namespace Vitrine.Inputs.Tokenizers.PostProcessors;

/// <summary>Puts special tokens around one text or two, and gives segments.</summary>
internal interface IPostProcessor
{
    /// <summary>How many tokens it adds.</summary>
    int Added(bool pair);

    /// <param name="texts">One or two; may be changed.</param>
    /// <param name="original">What the user wrote, text by text.</param>
    /// <param name="addSpecialTokens">Whether special tokens are put in.</param>
    IReadOnlyList<TokenRun> Process(IReadOnlyList<TokenRun> texts, IReadOnlyList<string> original, bool addSpecialTokens);
}

/// <summary>Adds nothing.</summary>
internal sealed record PlainProcessor : IPostProcessor
{
    public int Added(bool pair) => 0;

    public IReadOnlyList<TokenRun> Process(IReadOnlyList<TokenRun> texts, IReadOnlyList<string> original, bool addSpecialTokens) => texts;
}

/// <summary>One after the other.</summary>
internal sealed record ProcessorSequence(IReadOnlyList<IPostProcessor> Steps) : IPostProcessor
{
    public int Added(bool pair) => Steps.Sum(s => s.Added(pair));

    public IReadOnlyList<TokenRun> Process(IReadOnlyList<TokenRun> texts, IReadOnlyList<string> original, bool addSpecialTokens)
        => Steps.Aggregate(texts, (t, step) => step.Process(t, original, addSpecialTokens));
}

/// <summary>Takes the white space at its ends out of each token's offsets.</summary>
/// <param name="AddPrefixSpace">Whether the first token's first space was put there by the tokenizer.</param>
internal sealed record OffsetTrimming(bool AddPrefixSpace) : IPostProcessor
{
    public int Added(bool pair) => 0;

    public IReadOnlyList<TokenRun> Process(IReadOnlyList<TokenRun> texts, IReadOnlyList<string> original, bool addSpecialTokens)
    {
        foreach (var (run, text) in texts.Zip(original))
        {
            for (var i = 0; i < run.Count; i++)
            {
                var (start, end) = run.Offsets[i];
                while (start < end && char.IsWhiteSpace(text[start]) && !(AddPrefixSpace && start == 0))
                {
                    start++;
                }

                while (end > start && char.IsWhiteSpace(text[end - 1]))
                {
                    end--;
                }

                run.Offsets[i] = (start, end);
            }
        }

        return texts;
    }
}
