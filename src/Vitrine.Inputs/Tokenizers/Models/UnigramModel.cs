namespace Vitrine.Inputs.Tokenizers.Models;

/// <summary>Unigram language model: of all ways to spell a word in pieces, the one with the largest sum of log probabilities (Kudo 2018).</summary>
/// <remarks>
/// Viterbi over the places between characters. A character that is no piece itself costs 10 more than the rarest piece (SentencePiece, kUnkPenalty).
/// </remarks>
internal sealed class UnigramModel : ITokenModel
{
    private const double UnknownPenalty = 10;

    private readonly double[] scores;
    private readonly CharacterTrie trie = new();
    private readonly int? unknown;
    private readonly bool byteFallback;
    private readonly double unknownScore;
    private readonly WordCache cache = new();

    /// <param name="pieces">Pieces and log probabilities; the place in the list is the id.</param>
    /// <param name="unknown">Id for what is no piece.</param>
    /// <param name="byteFallback">Whether such characters are spelled in byte tokens where all of those exist.</param>
    /// <param name="source">For messages.</param>
    public UnigramModel(IReadOnlyList<(string Piece, double Score)> pieces, int? unknown, bool byteFallback, string source)
    {
        if (unknown is { } id && (id < 0 || id >= pieces.Count))
        {
            throw new VitrineException($"{source}: unk_id {id} is no piece; there are {pieces.Count}.");
        }

        (this.unknown, this.byteFallback) = (unknown, byteFallback);
        Vocabulary = new Vocabulary(pieces.Select((p, i) => (p.Piece, i)), source, repeats: true);
        scores = [.. pieces.Select(p => p.Score)];
        if (scores.Any(s => !double.IsFinite(s)))
        {
            throw new VitrineException(
                $"{source}: the piece '{pieces[Array.FindIndex(scores, s => !double.IsFinite(s))].Piece}' has a score that is no number.");
        }

        unknownScore = scores.Min() - UnknownPenalty;
        for (var i = 0; i < pieces.Count; i++)
        {
            if (pieces[i].Piece.Length > 0)
            {
                trie.Add(pieces[i].Piece, i);
            }
        }
    }

    public string Kind => "Unigram";

    public Vocabulary Vocabulary { get; }

    public void Encode(ReadOnlySpan<char> word, List<ModelToken> tokens)
    {
        if (cache.TryGet(word, out var known))
        {
            tokens.AddRange(known!);
            return;
        }

        var before = tokens.Count;
        foreach (var (from, to) in Pieces(word))
        {
            Add(word, from, to, tokens);
        }

        cache.Put(word, tokens, before);
    }

    /// <summary>The best pieces; unknown characters that touch are one.</summary>
    private List<(int From, int To)> Pieces(ReadOnlySpan<char> word)
    {
        var lattice = new PieceLattice(word.Length, single: false);
        lattice.Fill(word, trie, id => scores[id], unknownScore,
            rune
                => unknown ?? throw new VitrineException(
                    $"the text has '{rune}', which is no piece of this vocabulary, and the vocabulary has no unknown token."));
        var pieces = new List<(int From, int To)>();
        var lastIsUnknown = false;
        foreach (var piece in lattice.Best())
        {
            var isUnknown = piece.Id == unknown;
            if (isUnknown && lastIsUnknown)
            {
                pieces[^1] = (pieces[^1].From, piece.To);
            }
            else
            {
                pieces.Add((piece.From, piece.To));
            }

            lastIsUnknown = isUnknown;
        }

        return pieces;
    }

    private void Add(ReadOnlySpan<char> word, int from, int to, List<ModelToken> tokens)
    {
        if (Vocabulary.TryId(word[from..to], out var id))
        {
            tokens.Add(new ModelToken(id, from, to));
            return;
        }

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

        tokens.Add(new ModelToken(unknown!.Value, from, to));
    }
}
