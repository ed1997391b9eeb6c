using Vitrine.Inputs.Tokenizers;
using Vitrine.Policies.Actions;

namespace Vitrine.Policies.Pi0Fast;

/// <summary>How pi0-FAST says a chunk: <c>Action: </c>, tokens at the end of its vocabulary that stand for FAST's, and <c>|</c>.</summary>
/// <param name="words">Of the language stack.</param>
/// <param name="fast">Of chunks.</param>
/// <param name="vocabulary">V of the language stack.</param>
/// <param name="skipped">Ids at its end that stand for none of FAST's.</param>
/// <remarks>FAST's token i is V - 1 - skipped - i. Source: lerobot, modeling_pi0_fast.py.</remarks>
internal sealed class FastSpeech(Tokenizer words, FastTokenizer fast, int vocabulary, int skipped)
{
    private const string Opening = "Action: ", Ending = "|";
    private readonly int[] opening = words.Encode(Opening, addSpecialTokens: false);

    /// <summary>The token that ends a chunk.</summary>
    public int EndId { get; } = words.Id(Ending) ?? throw new VitrineException($"tokenizer: has no token '{Ending}', which ends a chunk of actions.");

    /// <summary>The token that stands between prompt and chunk.</summary>
    public int BeginId { get; } = words.Id("<bos>") ?? throw new VitrineException("tokenizer: has no token '<bos>', which stands between prompt and actions.");

    /// <summary>FAST's own tokens among those that were said.</summary>
    /// <remarks>
    /// What stands behind the end, the opening words wherever they stand, and special tokens are no part of the chunk. (Tokens of the vocabulary that mean
    /// places in pictures may be special too; they are those that stand for FAST's.)
    /// </remarks>
    public IReadOnlyList<int> FastIds(IReadOnlyList<int> said)
    {
        var left = said.TakeWhile(id => id != EndId).ToList();
        for (var i = 0; i + opening.Length <= left.Count;)
        {
            if (left.Skip(i).Take(opening.Length).SequenceEqual(opening))
            {
                left.RemoveRange(i, opening.Length);
            }
            else
            {
                i++;
            }
        }

        return [.. left.Where(id => !IsMark(id)).Select(FastId)];
    }

    /// <summary>The ids by which FAST's tokens are said, without what stands around them.</summary>
    public IReadOnlyList<int> Ids(IReadOnlyList<int> fastIds) => [.. fastIds.Select(i => vocabulary - 1 - skipped - i)];

    /// <summary>A chunk as it is said, its opening and its end included.</summary>
    public IReadOnlyList<int> Sentence(IReadOnlyList<int> fastIds) => [.. opening, .. Ids(fastIds), EndId];

    /// <summary>The chunk that was said; what is wrong with it is told.</summary>
    /// <param name="said">By the language stack.</param>
    /// <param name="horizon">Control steps of a chunk.</param>
    /// <param name="dimensions">Of an action.</param>
    /// <param name="mustOpen">Whether it must begin with the opening words.</param>
    /// <exception cref="VitrineException">No chunk can be read of it.</exception>
    public (FastDecoding Chunk, string? Problem) Decode(IReadOnlyList<int> said, int horizon, int dimensions, bool mustOpen)
    {
        var told = words.Decode(said, skipSpecialTokens: false);
        if (mustOpen && !said.Where(id => !IsMark(id)).Take(2).SequenceEqual(opening.Take(2)))
        {
            throw new VitrineException(
                $"act: the policy said '{told}', which does not begin with '{Opening}' (validate_action_token_prefix): no chunk can be read of it.");
        }

        var ids = FastIds(said);
        if (ids.Any(i => i < 0) || !ids.Any(i => i < fast.VocabularySize))
        {
            var found = ids.Count == 0 ? "has no token" : "holds words that are no tokens";
            throw new VitrineException($"act: the policy said '{told}', which {found} of actions: no chunk can be read of it.");
        }

        int[] own = [.. ids.Where(i => i < fast.VocabularySize)];
        var chunk = fast.Decode(own, horizon, dimensions);
        var others = own.Length == ids.Count ? null : $"{ids.Count - own.Length} of {ids.Count} tokens are none of FAST's and are left out";
        var unended = said.Contains(EndId) ? null : $"no '{Ending}' ends it within {said.Count} tokens";
        string[] problems = [.. new[] { others, chunk.Problem, chunk.Problem is null ? null : unended }.OfType<string>()];
        return (chunk, problems.Length == 0 ? null : string.Join("; ", problems));
    }

    private int FastId(int id) => vocabulary - 1 - skipped - id;

    private bool IsMark(int id) => words.IsSpecial(id) && (FastId(id) < 0 || FastId(id) >= fast.VocabularySize);
}
