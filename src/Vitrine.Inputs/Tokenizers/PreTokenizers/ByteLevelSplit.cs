using Vitrine.Inputs.Tokenizers.Patterns;

namespace Vitrine.Inputs.Tokenizers.PreTokenizers;

/// <summary>GPT-2's split, with the pieces spelled in letters of <see cref="ByteAlphabet"/>.</summary>
internal sealed class ByteLevelSplit(bool addPrefixSpace, bool useRegex) : IPreTokenizer
{
    /// <summary>GPT-2's words: contractions, letters, numbers and other signs with the space before them, white space.</summary>
    public const string Gpt2Pattern = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    private readonly PatternSplit? words = useRegex ? new PatternSplit(OnigurumaPattern.Of(Gpt2Pattern, "ByteLevel"), SplitBehavior.Isolated) : null;

    public Pieces Split(Pieces pieces)
    {
        if (addPrefixSpace)
        {
            var text = pieces.Text.Text;
            pieces = pieces.Rewritten((range, builder) =>
            {
                if (text[range.From] != ' ')
                {
                    builder.Put(" ", range.From, range.From + 1);
                }

                builder.Keep(range.From, range.To);
            });
        }

        pieces = words?.Split(pieces) ?? pieces;
        var cut = pieces.Text;
        return pieces.Rewritten((range, builder) => ByteAlphabet.Write(cut, range.From, range.To, builder));
    }
}
