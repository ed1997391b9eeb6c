namespace Vitrine.Inputs.Tokenizers.Models;

/// <summary>The symbols of a word while pairs of them are merged, the best pair first and the leftmost among equals.</summary>
/// <remarks>A queue of candidates over a linked list: n log n in the length of the word. Byte-pair encoding after Sennrich et al. 2016.</remarks>
internal sealed class SymbolChain
{
    private readonly List<int> ids = [];
    private readonly List<int> starts = [];
    private readonly List<int> ends = [];

    public int Count => ids.Count;

    public void Add(int id, int from, int to)
    {
        ids.Add(id);
        starts.Add(from);
        ends.Add(to);
    }

    public void Merge(MergeTable merges)
    {
        var count = ids.Count;
        if (count < 2)
        {
            return;
        }

        var next = new int[count];
        var previous = new int[count];
        for (var i = 0; i < count; i++)
        {
            (next[i], previous[i]) = (i + 1, i - 1);
        }

        var queue = new PriorityQueue<int, ulong>(count);
        for (var i = 0; i + 1 < count; i++)
        {
            Offer(i);
        }

        while (queue.TryDequeue(out var merged, out var key))
        {
            var at = (int)(uint)key;
            if (ids[at] < 0 || next[at] >= count)
            {
                continue; // It has been merged away, or has nothing behind it any more.
            }

            var right = next[at];
            if (!merges.TryGet(ids[at], ids[right], out _, out var now) || now != merged)
            {
                continue; // One of the two has changed meanwhile.
            }

            ids[at] = merged;
            ends[at] = ends[right];
            ids[right] = -1;
            next[at] = next[right];
            if (next[right] < count)
            {
                previous[next[right]] = at;
                Offer(at);
            }

            if (previous[at] >= 0)
            {
                Offer(previous[at]);
            }
        }

        void Offer(int at)
        {
            if (merges.TryGet(ids[at], ids[next[at]], out var rank, out var merged))
            {
                queue.Enqueue(merged, ((ulong)(uint)rank << 32) | (uint)at);
            }
        }
    }

    public void AddTo(List<ModelToken> tokens)
    {
        for (var i = 0; i < ids.Count; i++)
        {
            if (ids[i] >= 0)
            {
                tokens.Add(new ModelToken(ids[i], starts[i], ends[i]));
            }
        }
    }
}
