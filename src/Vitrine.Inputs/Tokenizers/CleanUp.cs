namespace Vitrine.Inputs.Tokenizers;

/// <summary>Takes out spaces before punctuation and contractions, as transformers does with decoded text (clean_up_tokenization_spaces).</summary>
/// <remarks>transformers, tokenization_utils_base.py, clean_up_tokenization.</remarks>
internal static class CleanUp
{
    private static readonly (string Spaced, string Closed)[] Gaps =
        [(" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re")];

    public static string Of(string text) => Gaps.Aggregate(text, (t, gap) => t.Replace(gap.Spaced, gap.Closed, StringComparison.Ordinal));

    /// <summary>How much of the beginning of a text is cleaned the same whatever follows it: up to a space that no gap reaches across.</summary>
    /// <remarks>Gaps begin with a space, and the only one that holds a second has an apostrophe before it.</remarks>
    public static int Certain(string text)
    {
        var at = text.LastIndexOf(' ');
        while (at > 0 && text[at - 1] is ' ' or '\'')
        {
            at = text.LastIndexOf(' ', at - 1);
        }

        return Math.Max(at, 0);
    }
}
