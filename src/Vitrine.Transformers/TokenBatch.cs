namespace Vitrine.Transformers;

/// <summary>Prompts of different lengths side by side. Each row is answered as if it were alone.</summary>
public sealed class TokenBatch
{
    private TokenBatch(long[][] ids, long[][] positions)
    {
        (Ids, Positions) = (ids, positions);
        Lengths = [.. positions.Select(row => row.LongCount(p => p >= 0))];
    }

    /// <summary>[row][token], padded to one length.</summary>
    public IReadOnlyList<IReadOnlyList<long>> Ids { get; }

    /// <summary>[row][token]: position in the row's own text, -1 for padding.</summary>
    public IReadOnlyList<IReadOnlyList<long>> Positions { get; }

    /// <summary>Own tokens of each row.</summary>
    public IReadOnlyList<long> Lengths { get; }

    /// <summary>One prompt.</summary>
    public static TokenBatch Of(params long[] ids) => Of([ids]);

    /// <summary>Prompts, padded on the right (or on the left).</summary>
    /// <exception cref="VitrineException">There is none, or one is empty.</exception>
    public static TokenBatch Of(IReadOnlyList<IReadOnlyList<long>> prompts, bool padLeft = false)
    {
        ArgumentNullException.ThrowIfNull(prompts);
        if (prompts.Count == 0 || prompts.Any(p => p.Count == 0))
        {
            throw new VitrineException("token batch: a prompt is empty, or there is none.");
        }

        var length = prompts.Max(p => p.Count);
        return Masked(
            [.. prompts.Select(p => Pad(p, length, padLeft, 0))],
            [.. prompts.Select(p => Pad([.. p.Select(_ => 1L)], length, padLeft, 0))]);
    }

    /// <summary>Padded ids with their mask, as tokenizers of other libraries give them.</summary>
    /// <param name="ids">[row][token].</param>
    /// <param name="mask">[row][token]: 1 on a row's own tokens, 0 on padding.</param>
    /// <exception cref="VitrineException">The shapes differ, or a row is all padding.</exception>
    public static TokenBatch Masked(IReadOnlyList<IReadOnlyList<long>> ids, IReadOnlyList<IReadOnlyList<long>> mask)
    {
        ArgumentNullException.ThrowIfNull(ids);
        ArgumentNullException.ThrowIfNull(mask);
        if (ids.Count == 0 || ids.Count != mask.Count || ids.Zip(mask).Any(r => r.First.Count != r.Second.Count || r.First.Count != ids[0].Count))
        {
            throw new VitrineException("token batch: ids and mask must be rows of one length.");
        }

        if (mask.Any(row => row.All(m => m == 0)))
        {
            throw new VitrineException("token batch: a row is all padding.");
        }

        return new TokenBatch([.. ids.Select(r => r.ToArray())], [.. mask.Select(OwnPositions)]);
    }

    private static long[] OwnPositions(IReadOnlyList<long> mask)
    {
        var next = 0L;
        return [.. mask.Select(m => m == 0 ? -1 : next++)];
    }

    private static long[] Pad(IReadOnlyList<long> row, int length, bool left, long with)
    {
        var padding = Enumerable.Repeat(with, length - row.Count);
        return left ? [.. padding, .. row] : [.. row, .. padding];
    }
}
