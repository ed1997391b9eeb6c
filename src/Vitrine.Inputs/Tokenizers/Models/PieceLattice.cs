using System.Text;

namespace Vitrine.Inputs.Tokenizers.Models;

/// <summary>
/// All ways to spell a word in pieces, and the best of them by the sum of scores (Viterbi, left to right; the first found holds among equals).
/// </summary>
internal sealed class PieceLattice
{
    private readonly int[] ids;
    private readonly int[] starts;
    private readonly double[] best;
    private readonly bool single;

    /// <param name="length">Characters of the word.</param>
    /// <param name="single">
    /// Whether sums are kept in float32 at each place and compared before they are rounded, as SentencePiece does; near ties hang on it.
    /// </param>
    public PieceLattice(int length, bool single)
    {
        (ids, starts, best, this.single) = (new int[length + 1], new int[length + 1], new double[length + 1], single);
        Array.Fill(starts, -1);
    }

    /// <param name="word">The word of the given length.</param>
    /// <param name="trie">Pieces and their ids.</param>
    /// <param name="score">Score of a piece, told by its id and where it stands; null where it may not be used.</param>
    /// <param name="unknownScore">Score of a character that is no piece.</param>
    /// <param name="unknown">Asked for the id of such a character.</param>
    public void Fill(ReadOnlySpan<char> word, CharacterTrie trie, Func<int, double?> score, double unknownScore, Func<Rune, int> unknown)
    {
        var at = 0;
        foreach (var rune in word.EnumerateRunes())
        {
            var end = at + rune.Utf16SequenceLength;
            var hasSingle = false;
            for (var (i, node) = (at, 0); i < word.Length && trie.TryStep(ref node, word[i], out var id); i++)
            {
                if (id >= 0 && score(id) is { } found)
                {
                    Offer(at, i + 1, id, found);
                    hasSingle |= i + 1 == end;
                }
            }

            if (!hasSingle)
            {
                Offer(at, end, unknown(rune), unknownScore);
            }

            at = end;
        }
    }

    /// <summary>The pieces of the best way, in order.</summary>
    public List<ModelToken> Best()
    {
        var pieces = new List<ModelToken>();
        for (var end = starts.Length - 1; end > 0; end = starts[end])
        {
            pieces.Add(new ModelToken(ids[end], starts[end], end));
        }

        pieces.Reverse();
        return pieces;
    }

    private void Offer(int from, int to, int id, double score)
    {
        var sum = score + best[from];
        if (starts[to] < 0 || sum > best[to])
        {
            (starts[to], ids[to], best[to]) = (from, id, single ? (float)sum : sum);
        }
    }
}
