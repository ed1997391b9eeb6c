namespace Vitrine.Inputs.Tokenizers.PostProcessors;

/// <summary>One place of a template: a text, or special tokens.</summary>
/// <param name="Text">0 for the first text, 1 for the second, null for special tokens.</param>
/// <param name="Ids">The special tokens.</param>
/// <param name="TypeId">Segment of what stands here.</param>
internal sealed record TemplatePart(int? Text, IReadOnlyList<int> Ids, int TypeId);

/// <summary>Lays out one text or two among special tokens.</summary>
/// <param name="Single">For one text.</param>
/// <param name="Pair">For two.</param>
/// <param name="SegmentsWithoutTokens">Whether the template's segments hold also where no special tokens are wanted.</param>
internal sealed record TemplateProcessor(
    IReadOnlyList<TemplatePart> Single, IReadOnlyList<TemplatePart> Pair, bool SegmentsWithoutTokens = true) : IPostProcessor
{
    public int Added(bool pair) => (pair ? Pair : Single).Where(p => p.Text is null).Sum(p => p.Ids.Count);

    public IReadOnlyList<TokenRun> Process(IReadOnlyList<TokenRun> texts, bool addSpecialTokens)
    {
        if (!addSpecialTokens && !SegmentsWithoutTokens)
        {
            return texts;
        }

        var result = new TokenRun();
        foreach (var part in texts.Count > 1 ? Pair : Single)
        {
            if (part.Text is { } text)
            {
                result.Append(texts[text], part.TypeId);
            }
            else if (addSpecialTokens)
            {
                foreach (var id in part.Ids)
                {
                    result.Add(id, part.TypeId, (0, 0), added: true);
                }
            }
        }

        return [result];
    }

    /// <summary>BERT's: [CLS] a [SEP] b [SEP] with segments 0 and 1.</summary>
    public static TemplateProcessor Bert(int front, int back) => Classic(front, back, second: 1, twice: false);

    /// <summary>RoBERTa's: &lt;s&gt; a &lt;/s&gt; &lt;/s&gt; b &lt;/s&gt;, all in segment 0.</summary>
    public static TemplateProcessor Roberta(int front, int back) => Classic(front, back, second: 0, twice: true) with { SegmentsWithoutTokens = false };

    /// <summary>Ids in front and behind of one text.</summary>
    public static TemplateProcessor Around(IReadOnlyList<int> front, IReadOnlyList<int> back)
    {
        TemplatePart[] single = [new(null, front, 0), new(0, [], 0), new(null, back, 0)];
        return new TemplateProcessor(single, [.. single, new(null, front, 1), new(1, [], 1), new(null, back, 1)]);
    }

    private static TemplateProcessor Classic(int front, int back, int second, bool twice)
    {
        TemplatePart[] single = [new(null, [front], 0), new(0, [], 0), new(null, [back], 0)];
        TemplatePart[] tail = [new(1, [], second), new(null, [back], second)];
        return new TemplateProcessor(single, twice ? [.. single, new(null, [back], 0), .. tail] : [.. single, .. tail]);
    }
}
