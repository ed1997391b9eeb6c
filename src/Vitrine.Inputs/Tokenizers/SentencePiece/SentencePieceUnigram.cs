using System.Text;
using Vitrine.Inputs.Tokenizers.Models;

namespace Vitrine.Inputs.Tokenizers.SentencePiece;

/// <summary>SentencePiece's unigram model (Kudo 2018).</summary>
/// <remarks>
/// sentencepiece, unigram_model.cc, EncodeOptimized: float32 sums; a user-defined piece scores its length in bytes times the best score, less 0.1; what no
/// piece spells scores 10 below the worst.
/// </remarks>
internal sealed class SentencePieceUnigram : ITokenModel
{
    private const float UnknownPenalty = 10;

    private readonly PieceTable pieces;
    private readonly CharacterTrie trie = new();
    private readonly double[] scores;
    private readonly float unknownScore;
    private readonly WordCache cache = new();

    public SentencePieceUnigram(PieceTable pieces)
    {
        this.pieces = pieces;
        var normal = Enumerable.Range(0, pieces.Count).Where(i => pieces[i].Type == PieceType.Normal).Select(i => pieces[i].Score).DefaultIfEmpty(0).ToArray();
        unknownScore = normal.Min() - UnknownPenalty;
        scores = new double[pieces.Count];
        for (var id = 0; id < pieces.Count; id++)
        {
            if (pieces[id].Type is PieceType.Normal or PieceType.UserDefined)
            {
                trie.Add(pieces[id].Text, id);
                scores[id] = pieces[id].Type == PieceType.Normal ? pieces[id].Score : Encoding.UTF8.GetByteCount(pieces[id].Text) * normal.Max() - 0.1;
            }
        }
    }

    public string Kind => "SentencePiece Unigram";

    public Vocabulary Vocabulary => pieces.Vocabulary;

    public void Encode(ReadOnlySpan<char> word, List<ModelToken> tokens)
    {
        if (cache.TryGet(word, out var known))
        {
            tokens.AddRange(known!);
            return;
        }

        var lattice = new PieceLattice(word.Length, single: true);
        lattice.Fill(word, trie, id => scores[id], unknownScore, _ => -1);
        var found = new List<ModelToken>();
        foreach (var piece in lattice.Best())
        {
            if (piece.Id >= 0)
            {
                found.Add(piece);
            }
            else
            {
                pieces.AddUnknown(word, piece.From, piece.To, found);
            }
        }

        cache.Put(word, found, 0);
        tokens.AddRange(found);
    }
}
