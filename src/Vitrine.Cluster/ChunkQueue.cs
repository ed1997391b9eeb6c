namespace Vitrine.Cluster;

/// <summary>The chunks of one run: open, handed out, finished. Each finishes once, however often it is run.</summary>
internal sealed class ChunkQueue(IEnumerable<int> open)
{
    private readonly SortedSet<int> waiting = [.. open];
    private readonly HashSet<int> unfinished = [.. open];
    private readonly Dictionary<int, byte[]> finished = [];

    /// <summary>Whether every chunk has finished.</summary>
    public bool IsDone => unfinished.Count == 0;

    /// <summary>Finished chunks that were not forgotten yet.</summary>
    public int[] Finished => [.. finished.Keys.Order()];

    /// <summary>Hands out the first chunk that waits; null where none does.</summary>
    public int? Take()
    {
        if (waiting.Count == 0)
        {
            return null;
        }

        var first = waiting.Min;
        waiting.Remove(first);
        return first;
    }

    /// <summary>Hands out that very chunk, where it waits.</summary>
    public bool Take(int chunk) => waiting.Remove(chunk);

    /// <summary>Takes back a chunk that was not finished.</summary>
    public void PutBack(int chunk)
    {
        if (unfinished.Contains(chunk))
        {
            waiting.Add(chunk);
        }
    }

    /// <summary>Whether a chunk has not finished.</summary>
    public bool Needs(int chunk) => unfinished.Contains(chunk);

    /// <summary>Keeps what came of a chunk; a second time counts for nothing.</summary>
    public void Finish(int chunk, byte[] result)
    {
        waiting.Remove(chunk);
        if (unfinished.Remove(chunk))
        {
            finished.Add(chunk, result);
        }
    }

    /// <summary>What came of a chunk; null where it has not finished, or was forgotten.</summary>
    public byte[]? ResultOf(int chunk) => finished.GetValueOrDefault(chunk);

    /// <summary>Drops what came of a chunk.</summary>
    public void Forget(int chunk) => finished.Remove(chunk);
}
