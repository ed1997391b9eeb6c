using Vitrine.Inputs.Tokenizers.Models;

namespace Vitrine.Inputs.Tokenizers.SentencePiece;

/// <summary>
/// SentencePiece's byte-pair encoding: of all neighbours that make a piece, those with the best score are joined first, the leftmost among equals.
/// </summary>
/// <remarks>
/// sentencepiece, bpe_model.cc; llama.cpp's SPM tokenizer is the same. Pieces that are marked unused help on the way and are taken apart at the end.
/// </remarks>
internal sealed class ScoredMergeModel(PieceTable pieces) : ITokenModel
{
    private readonly WordCache cache = new();

    public string Kind => "SentencePiece byte-pair encoding";

    public Vocabulary Vocabulary => pieces.Vocabulary;

    public void Encode(ReadOnlySpan<char> word, List<ModelToken> tokens)
    {
        if (cache.TryGet(word, out var known))
        {
            tokens.AddRange(known!);
            return;
        }

        var found = new List<ModelToken>();
        var chain = new Chain(pieces, word.Length);
        chain.Fill(word);
        chain.Merge(word);
        chain.AddTo(word, found);
        cache.Put(word, found, 0);
        tokens.AddRange(found);
    }

    private sealed class Chain(PieceTable pieces, int capacity)
    {
        private readonly List<int> starts = new(capacity);
        private readonly List<int> lengths = new(capacity);
        private readonly List<bool> frozen = new(capacity);
        private readonly Dictionary<string, int> takenApart = new(StringComparer.Ordinal);
        private readonly PriorityQueue<(int Left, int Right, int Length), ulong> queue = new(capacity);
        private int[] next = [];
        private int[] previous = [];

        public void Fill(ReadOnlySpan<char> word)
        {
            for (var at = 0; at < word.Length;)
            {
                var whole = pieces.UserDefined.TryLongest(word, at, out var length, out _);
                length = whole ? length : char.IsHighSurrogate(word[at]) && at + 1 < word.Length ? 2 : 1;
                starts.Add(at);
                lengths.Add(length);
                frozen.Add(whole);
                at += length;
            }
        }

        public void Merge(ReadOnlySpan<char> word)
        {
            var count = starts.Count;
            (next, previous) = (new int[count], new int[count]);
            for (var i = 0; i < count; i++)
            {
                (next[i], previous[i]) = (i + 1, i - 1);
            }

            for (var i = 0; i + 1 < count; i++)
            {
                Offer(word, i);
            }

            while (queue.TryDequeue(out var pair, out _))
            {
                var (left, right, length) = pair;
                if (lengths[left] == 0 || lengths[right] == 0 || lengths[left] + lengths[right] != length)
                {
                    continue; // One of the two has been joined otherwise meanwhile.
                }

                Remember(word.Slice(starts[left], length), lengths[left]);
                lengths[left] = length;
                lengths[right] = 0;
                next[left] = next[right];
                if (next[right] < count)
                {
                    previous[next[right]] = left;
                    Offer(word, left);
                }

                if (previous[left] >= 0)
                {
                    Offer(word, previous[left]);
                }
            }
        }

        public void AddTo(ReadOnlySpan<char> word, List<ModelToken> tokens)
        {
            for (var i = 0; i < starts.Count; i++)
            {
                if (lengths[i] > 0)
                {
                    Add(word, starts[i], starts[i] + lengths[i], tokens);
                }
            }
        }

        private void Offer(ReadOnlySpan<char> word, int left)
        {
            var right = next[left];
            var length = lengths[left] + lengths[right];
            if (frozen[left] || frozen[right] || length > pieces.LongestPiece || !pieces.Vocabulary.TryId(word.Slice(starts[left], length), out var id)
                || !pieces.IsText(id))
            {
                return;
            }

            queue.Enqueue((left, right, length), ((ulong)Descending(pieces[id].Score) << 32) | (uint)left);
        }

        /// <summary>Numbers that grow as scores fall.</summary>
        private static uint Descending(float score)
        {
            var bits = BitConverter.SingleToUInt32Bits(0f - score);
            return (bits & 0x80000000) != 0 ? ~bits : bits | 0x80000000;
        }

        private void Remember(ReadOnlySpan<char> piece, int left)
        {
            if (pieces.Vocabulary.TryId(piece, out var id) && pieces[id].Type == PieceType.Unused)
            {
                takenApart[piece.ToString()] = left;
            }
        }

        private void Add(ReadOnlySpan<char> word, int from, int to, List<ModelToken> tokens)
        {
            if (!pieces.Vocabulary.TryId(word[from..to], out var id) || pieces[id].Type == PieceType.Unknown)
            {
                pieces.AddUnknown(word, from, to, tokens);
            }
            else if (pieces[id].Type == PieceType.Unused && takenApart.TryGetValue(pieces[id].Text, out var left))
            {
                Add(word, from, from + left, tokens);
                Add(word, from + left, to, tokens);
            }
            else
            {
                tokens.Add(new ModelToken(id, from, to));
            }
        }
    }
}
