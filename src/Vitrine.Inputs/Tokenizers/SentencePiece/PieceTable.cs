using Vitrine.Inputs.Tokenizers.Models;

namespace Vitrine.Inputs.Tokenizers.SentencePiece;

/// <summary>The pieces of a model with what both of its algorithms ask of them.</summary>
internal sealed class PieceTable
{
    private readonly IReadOnlyList<SentencePiece> pieces;
    private readonly bool byteFallback;
    private readonly int unknown;

    public PieceTable(IReadOnlyList<SentencePiece> pieces, bool byteFallback, string source)
    {
        (this.pieces, this.byteFallback) = (pieces, byteFallback);
        Vocabulary = new Vocabulary(pieces.Select((p, i) => (p.Text, i)), source, count: pieces.Count);
        LongestPiece = pieces.Max(p => p.Text.Length);
        unknown = -1;
        for (var id = pieces.Count - 1; id >= 0; id--)
        {
            unknown = pieces[id].Type == PieceType.Unknown ? id : unknown;
            if (pieces[id].Type == PieceType.UserDefined)
            {
                UserDefined.Add(pieces[id].Text, id);
            }
        }

        if (unknown < 0 && !byteFallback)
        {
            throw new VitrineException($"{source}: has neither an unknown piece nor byte pieces for text that no piece spells.");
        }
    }

    public Vocabulary Vocabulary { get; }

    /// <summary>Texts that are never split.</summary>
    public CharacterTrie UserDefined { get; } = new();

    /// <summary>Characters of the longest piece.</summary>
    public int LongestPiece { get; }

    public int Unknown => unknown;

    public int Count => pieces.Count;

    public SentencePiece this[int id] => pieces[id];

    /// <summary>Whether a piece can come out of a text: no control sign, no byte.</summary>
    public bool IsText(int id) => pieces[id].Type is PieceType.Normal or PieceType.UserDefined or PieceType.Unused;

    /// <summary>Adds what no piece spells: its bytes, or the unknown piece, once for characters that touch.</summary>
    public void AddUnknown(ReadOnlySpan<char> word, int from, int to, List<ModelToken> tokens)
    {
        if (byteFallback)
        {
            var bytes = new int[(to - from) * 3];
            var count = Vocabulary.ByteIds(word[from..to], bytes);
            for (var i = 0; i < count; i++)
            {
                tokens.Add(new ModelToken(bytes[i], from, to));
            }

            if (count > 0)
            {
                return;
            }
        }

        if (unknown < 0)
        {
            throw new VitrineException($"the text has '{word[from..to]}', which no piece of this vocabulary spells, and the vocabulary has no unknown piece.");
        }

        if (tokens.Count > 0 && tokens[^1].Id == unknown && tokens[^1].To == from)
        {
            tokens[^1] = tokens[^1] with { To = to };
        }
        else
        {
            tokens.Add(new ModelToken(unknown, from, to));
        }
    }
}
