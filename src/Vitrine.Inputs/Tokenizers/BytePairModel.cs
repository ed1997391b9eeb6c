using System.Globalization;
using System.Text;

namespace Vitrine.Inputs.Tokenizers;

/// <summary>Byte-pair encoding: characters are merged pair by pair, the earliest merge of the list first, the leftmost among equals (Sennrich et al. 2016).</summary>
/// <remarks>A queue of candidate merges over a linked list keeps it near linear in the length of the word.</remarks>
internal sealed class BytePairModel : ITokenModel
{
    private readonly Dictionary<string, int> vocabulary;
    private readonly Dictionary<int, string> pieces;
    private readonly Dictionary<(int, int), (int Rank, int Merged)> merges = [];
    private readonly int? unknown;
    private readonly bool byteFallback;
    private readonly bool fuseUnknown;
    private readonly bool ignoreMerges;

    public BytePairModel(Dictionary<string, int> vocabulary, IReadOnlyList<(string Left, string Right)> pairs, string? unknown, bool byteFallback, bool fuseUnknown, bool ignoreMerges, string source)
    {
        (this.vocabulary, this.byteFallback, this.fuseUnknown, this.ignoreMerges) = (vocabulary, byteFallback, fuseUnknown, ignoreMerges);
        pieces = vocabulary.ToDictionary(p => p.Value, p => p.Key);
        LargestId = pieces.Keys.Max();
        this.unknown = unknown is null ? null : vocabulary.TryGetValue(unknown, out var u) ? u : throw new VitrineException($"{source}: unk_token '{unknown}' is not in the vocabulary.");
        for (var rank = 0; rank < pairs.Count; rank++)
        {
            var (left, right) = pairs[rank];
            if (!vocabulary.TryGetValue(left, out var l) || !vocabulary.TryGetValue(right, out var r) || !vocabulary.TryGetValue(left + right, out var merged))
            {
                throw new VitrineException($"{source}: merge {rank}, '{left}' + '{right}', names a token that is not in the vocabulary.");
            }

            merges.TryAdd((l, r), (rank, merged));
        }
    }

    public int LargestId { get; }

    public string? Token(int id) => pieces.GetValueOrDefault(id);

    public int? Id(string token) => vocabulary.TryGetValue(token, out var id) ? id : null;

    public void Encode(string word, List<int> ids)
    {
        if (ignoreMerges && vocabulary.TryGetValue(word, out var whole))
        {
            ids.Add(whole);
            return;
        }

        ids.AddRange(Merged(Characters(word)));
    }

    private List<int> Characters(string word)
    {
        var symbols = new List<int>();
        var lastWasUnknown = false;
        foreach (var rune in word.EnumerateRunes())
        {
            var text = rune.ToString();
            if (vocabulary.TryGetValue(text, out var id))
            {
                symbols.Add(id);
                lastWasUnknown = false;
            }
            else if (byteFallback && Bytes(text) is { } bytes)
            {
                symbols.AddRange(bytes);
                lastWasUnknown = false;
            }
            else if (unknown is { } u)
            {
                if (!(fuseUnknown && lastWasUnknown))
                {
                    symbols.Add(u);
                }

                lastWasUnknown = true;
            }
        }

        return symbols;
    }

    private List<int>? Bytes(string text)
    {
        var ids = new List<int>();
        foreach (var value in Encoding.UTF8.GetBytes(text))
        {
            if (!vocabulary.TryGetValue(string.Create(CultureInfo.InvariantCulture, $"<0x{value:X2}>"), out var id))
            {
                return null;
            }

            ids.Add(id);
        }

        return ids;
    }

    private IEnumerable<int> Merged(List<int> symbols)
    {
        var count = symbols.Count;
        var next = Enumerable.Range(1, count).ToArray();
        var previous = Enumerable.Range(-1, count).ToArray();
        var alive = Enumerable.Repeat(true, count).ToArray();
        var queue = new PriorityQueue<(int At, int Left, int Right, int Merged), (int Rank, int At)>();
        for (var i = 0; i + 1 < count; i++)
        {
            Offer(i);
        }

        while (queue.TryDequeue(out var merge, out _))
        {
            var right = alive[merge.At] ? next[merge.At] : count;
            if (right >= count || symbols[merge.At] != merge.Left || symbols[right] != merge.Right)
            {
                continue; // One of the two has been merged away meanwhile.
            }

            symbols[merge.At] = merge.Merged;
            alive[right] = false;
            next[merge.At] = next[right];
            if (next[right] < count)
            {
                previous[next[right]] = merge.At;
                Offer(merge.At);
            }

            if (previous[merge.At] >= 0)
            {
                Offer(previous[merge.At]);
            }
        }

        return symbols.Where((_, i) => alive[i]);

        void Offer(int at)
        {
            var (left, right) = (symbols[at], symbols[next[at]]);
            if (merges.TryGetValue((left, right), out var merge))
            {
                queue.Enqueue((at, left, right, merge.Merged), (merge.Rank, at));
            }
        }
    }
}
