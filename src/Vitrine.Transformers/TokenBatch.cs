using Vitrine.Inputs.Pictures;
using Vitrine.Inputs.Tokenizers;

namespace Vitrine.Transformers;

/// <summary>Prompts of different lengths side by side. Each row is answered as if it were alone.</summary>
public sealed class TokenBatch
{
    private TokenBatch(int[][] ids, long[][] positions, long[][]? positionIds, long[][]? segments, bool isPaddedHere)
    {
        (Ids, Positions, PositionIds, Segments, IsPaddedHere) = (ids, positions, positionIds, segments, isPaddedHere);
        Lengths = [.. positions.Select(row => row.LongCount(p => p >= 0))];
    }

    /// <summary>[row][token], padded to one length.</summary>
    public IReadOnlyList<IReadOnlyList<int>> Ids { get; }

    /// <summary>[row][token]: position in the row's own text, -1 for padding.</summary>
    public IReadOnlyList<IReadOnlyList<long>> Positions { get; }

    /// <summary>[row][token]: position ids as a caller gave them; null where they are <see cref="Positions"/>.</summary>
    public IReadOnlyList<IReadOnlyList<long>>? PositionIds { get; }

    /// <summary>[row][token]: segment (token type) of encoders that tell two texts apart; null where all are 0.</summary>
    public IReadOnlyList<IReadOnlyList<long>>? Segments { get; }

    /// <summary>Kinds of tokens that edits may name; none unless they are given (see <see cref="With(TokenKinds)"/>).</summary>
    public TokenKinds Kinds { get; private set; } = TokenKinds.None;

    /// <summary>
    /// [row][picture], prepared as the model's recipe says, in the order in which their placeholders stand in the ids; null where there is none. See
    /// <see cref="TextModel.Encode(IReadOnlyList{PicturePrompt}, bool)"/>.
    /// </summary>
    public IReadOnlyList<IReadOnlyList<Preparation>>? Pictures { get; private set; }

    /// <summary>Own tokens of each row.</summary>
    public IReadOnlyList<long> Lengths { get; }

    /// <summary>Whether the padding is this class's own, so that its ids mean nothing.</summary>
    internal bool IsPaddedHere { get; }

    /// <summary>One prompt.</summary>
    public static TokenBatch Of(params int[] ids) => Of([ids]);

    /// <summary>Prompts, padded on the right (or on the left).</summary>
    /// <exception cref="VitrineException">There is none, or one is empty.</exception>
    public static TokenBatch Of(IReadOnlyList<IReadOnlyList<int>> prompts, bool padLeft = false)
    {
        ArgumentNullException.ThrowIfNull(prompts);
        if (prompts.Count == 0 || prompts.Any(p => p.Count == 0))
        {
            throw new VitrineException("token batch: a prompt is empty, or there is none.");
        }

        var length = prompts.Max(p => p.Count);
        return new TokenBatch(
            [.. prompts.Select(p => Pad(p, length, padLeft))],
            [.. prompts.Select(p => OwnPositions(Pad([.. p.Select(_ => 1L)], length, padLeft)))],
            positionIds: null,
            segments: null,
            isPaddedHere: true);
    }

    /// <summary>Texts as a tokenizer gives them. What it filled them up with is left out: rows are padded and masked here.</summary>
    /// <param name="texts">Texts or pairs of texts.</param>
    /// <param name="padLeft">Whether shorter rows are padded in front.</param>
    /// <exception cref="VitrineException">There is none, or one is empty.</exception>
    public static TokenBatch Of(IReadOnlyList<EncodedText> texts, bool padLeft = false)
    {
        ArgumentNullException.ThrowIfNull(texts);
        var batch = Of([.. texts.Select(t => Own(t, t.Ids))], padLeft);
        long[][] segments = [.. texts.Select(t => Own(t, t.TypeIds).Select(s => (long)s).ToArray())];
        return segments.All(s => Array.TrueForAll(s, id => id == 0))
            ? batch
            : new TokenBatch(
                Copy(batch.Ids)!, Copy(batch.Positions)!, positionIds: null, [.. segments.Select(s => Pad(s, batch.Ids[0].Count, padLeft))],
                isPaddedHere: true);

        static int[] Own(EncodedText text, IReadOnlyList<int> values)
            => [.. values.Where((_, i) => text.AttentionMask[i] != 0)];
    }

    /// <summary>Padded ids with their mask, as tokenizers of other libraries give them.</summary>
    /// <param name="ids">[row][token].</param>
    /// <param name="mask">[row][token]: 1 on a row's own tokens, 0 on padding.</param>
    /// <param name="positionIds">[row][token], where padding is to count as positions too; null for each row's own positions.</param>
    /// <param name="segments">[row][token]: 0 for the first text, 1 for the second; null for all 0.</param>
    /// <exception cref="VitrineException">The shapes differ, or a row is all padding.</exception>
    public static TokenBatch Masked(
        IReadOnlyList<IReadOnlyList<int>> ids, IReadOnlyList<IReadOnlyList<long>> mask, IReadOnlyList<IReadOnlyList<long>>? positionIds = null,
        IReadOnlyList<IReadOnlyList<long>>? segments = null)
    {
        ArgumentNullException.ThrowIfNull(ids);
        ArgumentNullException.ThrowIfNull(mask);
        if (ids.Count == 0 || ids[0].Count == 0
            || IsRagged(ids) || IsRagged(mask) || IsRagged(positionIds) || IsRagged(segments))
        {
            throw new VitrineException("token batch: ids, mask, position ids and segments must be rows of one length.");
        }

        if (positionIds?.Any(row => row.Any(p => p < 0)) == true)
        {
            throw new VitrineException("token batch: a position id is negative; they count from 0.");
        }

        if (mask.Any(row => row.All(m => m == 0)))
        {
            throw new VitrineException("token batch: a row is all padding.");
        }

        return new TokenBatch(Copy(ids)!, [.. mask.Select(OwnPositions)], Copy(positionIds), Copy(segments), isPaddedHere: false);

        bool IsRagged<T>(IReadOnlyList<IReadOnlyList<T>>? rows) => rows is not null && (rows.Count != ids.Count || rows.Any(row => row.Count != ids[0].Count));
    }

    /// <summary>The same prompts with kinds of tokens that edits may name.</summary>
    /// <exception cref="VitrineException">The kinds are those of another number of rows.</exception>
    public TokenBatch With(TokenKinds kinds)
    {
        ArgumentNullException.ThrowIfNull(kinds);
        if (kinds.Rows is { } rows && rows != Ids.Count)
        {
            throw new VitrineException($"token kinds: have lists for {rows} rows; the batch has {Ids.Count}.");
        }

        var other = (TokenBatch)MemberwiseClone();
        other.Kinds = kinds;
        return other;
    }

    /// <summary>The same prompts with the pictures that their placeholders stand for.</summary>
    /// <param name="pictures">[row][picture], prepared as the model's recipe says.</param>
    /// <exception cref="VitrineException">They are those of another number of rows, or one has no pixels.</exception>
    public TokenBatch With(IReadOnlyList<IReadOnlyList<Preparation>> pictures)
    {
        ArgumentNullException.ThrowIfNull(pictures);
        if (pictures.Count != Ids.Count || pictures.Any(row => row.Any(p => p.Pixels.Count == 0)))
        {
            throw new VitrineException(
                $"token batch: pictures of {pictures.Count} rows for {Ids.Count} prompts; expected a list for each, of pictures with pixels.");
        }

        var other = (TokenBatch)MemberwiseClone();
        other.Pictures = pictures.Any(row => row.Count > 0) ? pictures : null;
        return other;
    }

    /// <summary>Chosen rows, each as often as it is named.</summary>
    /// <param name="rows">From 0; at least one.</param>
    /// <exception cref="VitrineException">There is no such row, or none is named.</exception>
    public TokenBatch Take(IReadOnlyList<int> rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        if (rows.Count == 0 || rows.Any(r => r < 0 || r >= Ids.Count))
        {
            throw new VitrineException($"token batch: of rows {string.Join(", ", rows)}; expected at least one of {Ids.Count}, counted from 0.");
        }

        return new TokenBatch(Chosen(Ids)!, Chosen(Positions)!, Chosen(PositionIds), Chosen(Segments), IsPaddedHere)
        {
            Kinds = Kinds.Take(rows),
            Pictures = Pictures is { } pictures ? [.. rows.Select(r => pictures[r])] : null,
        };

        T[][]? Chosen<T>(IReadOnlyList<IReadOnlyList<T>>? all) => all is null ? null : [.. rows.Select(r => all[r].ToArray())];
    }

    private static T[][]? Copy<T>(IReadOnlyList<IReadOnlyList<T>>? rows) => rows is null ? null : [.. rows.Select(r => r.ToArray())];

    private static long[] OwnPositions(IReadOnlyList<long> mask)
    {
        var next = 0L;
        return [.. mask.Select(m => m == 0 ? -1 : next++)];
    }

    /// <remarks>Padding is 0.</remarks>
    private static T[] Pad<T>(IReadOnlyList<T> row, int length, bool left)
        where T : struct
    {
        var padding = Enumerable.Repeat(default(T), length - row.Count);
        return left ? [.. padding, .. row] : [.. row, .. padding];
    }
}
