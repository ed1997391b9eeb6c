using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Engine;

/// <summary>One pass through a stack: which tokens of which rows are read, what came before them, and what is kept.</summary>
/// <remarks>Positions of padding are -1. Keys are a prefix's tokens, then the earlier passes', then this pass's own.</remarks>
public sealed class Pass : IDisposable
{
    private readonly long[][] queries;
    private readonly long[][] keys;
    private readonly long[] promptLengths;
    private readonly bool hasPadding;
    private readonly Dictionary<(AttentionMask, int, KeySource), UnseenKeys?> masks = [];

    /// <param name="run">The run that it belongs to.</param>
    /// <param name="step">0 the prefill, k the pass that reads generated token k-1; of an expert its flow step.</param>
    /// <param name="queries">[row][token]: position in the row's own text, -1 for padding.</param>
    /// <param name="earlier">The same for the keys of the cache; empty for none.</param>
    /// <param name="promptLengths">Own tokens of each row's prompt.</param>
    internal Pass(RunScope run, int step, long[][] queries, long[][] earlier, long[] promptLengths)
    {
        (Run, Step, this.queries, this.promptLengths) = (run, step, queries, promptLengths);
        keys = [.. queries.Select((row, r) => earlier.Length == 0 ? row : [.. earlier[r], .. row])];
        hasPadding = keys.Any(row => row.Contains(-1));
        run.Tally.Begin(step);
    }

    /// <summary>0 the prefill, k the k-th decode step; of an expert its flow step.</summary>
    public int Step { get; }

    /// <summary>Rows of the batch.</summary>
    public int Rows => queries.Length;

    /// <summary>Tokens that are read (Tq).</summary>
    public int Length => queries[0].Length;

    /// <summary>Where the model computes; tensors of an edit lie there.</summary>
    public Device Device => Run.Device;

    internal RunScope Run { get; }

    internal BoundPlan Plan => Run.Plan;

    /// <summary>[row][key]: positions of this pass's keys and of those before, a prefix's left out.</summary>
    internal long[][] Keys => keys;

    /// <summary>
    /// [row][token]: position ids where they are not simply the row's own positions (padding counted in, as some callers of other libraries do).
    /// </summary>
    internal long[][]? GivenPositionIds { get; init; }

    /// <summary>Keys and values that blocks read behind those of another stack; null for none.</summary>
    internal PrefixCache? Prefix { get; init; }

    /// <summary>[row]: tokens from the start that see each other, for <see cref="AttentionMask.Prefix"/>.</summary>
    internal long[]? PrefixLengths { get; init; }

    /// <summary>
    /// [row][key]: block of each key of <see cref="Keys"/>, for <see cref="AttentionMask.Blockwise"/>: a token sees its own block and those before.
    /// </summary>
    internal long[][]? BlockNumbers { get; init; }

    /// <summary>(B,c), or (B,T,c): what conditioned norms read; null where there are none.</summary>
    internal Tensor? Condition { get; init; }

    /// <summary>Rotary tables for the block that runs; made by the stack.</summary>
    internal (Tensor Cos, Tensor Sin)? Rotation { get; set; }

    /// <summary>The largest position id.</summary>
    internal long LastPositionId => (GivenPositionIds ?? queries).Max(row => row.Max());

    /// <summary>The largest position of a row's own text.</summary>
    internal long LastOwnPlace => queries.Max(row => row.Max());

    /// <summary>Column of each row's last token of its own.</summary>
    internal long[] LastColumns() => [.. queries.Select(row => (long)Array.FindLastIndex(row, p => p >= 0))];

    /// <summary>Reads and edits what a part of the model computed that is no block of a stack.</summary>
    /// <param name="stack">First part of the address.</param>
    /// <param name="point">A point that the model registered there.</param>
    /// <param name="x">Its tensor; stays as it is.</param>
    /// <param name="layer">Of a point in a block.</param>
    /// <returns>The argument where nothing is asked of the point, else what the plan makes of it.</returns>
    public Tensor At(string stack, Point point, Tensor x, int? layer = null)
    {
        ArgumentNullException.ThrowIfNull(point);
        return (layer is { } l ? Plan.In(stack, l) : Plan.Of(stack)).At(point, x, this);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var mask in masks.Values)
        {
            mask?.Dispose();
        }
    }

    /// <summary>Whether every token sees exactly the tokens before it, so that the fused kernel needs no mask.</summary>
    internal bool IsPlainCausal(AttentionSpec attention)
        => attention is { Mask: AttentionMask.Causal, Keys: KeySource.Own } && Length == keys[0].Length && !(attention.Window < Length) && !hasPadding;

    /// <summary>Position ids for rotary or learned positions (B,T); padding counts as 0.</summary>
    internal Tensor PositionIds() => Made(Flat(GivenPositionIds ?? queries, p => Math.Max(p, 0)), Rows, Length);

    /// <summary>(B,T) int64: positions in the rows' own texts; padding counts as 0.</summary>
    internal Tensor OwnPlaces() => Made(Flat(queries, p => Math.Max(p, 0)), Rows, Length);

    /// <summary>(B,T,1,..): true on a row's own tokens, false on padding.</summary>
    internal Tensor OwnPositions(long dims) => tensor(Flat(queries, p => p >= 0), [Rows, Length, .. Enumerable.Repeat(1L, (int)dims - 2)], device: Device);

    /// <summary>(B,T): which tokens of the pass are named.</summary>
    internal Tensor QueryMask(Positions positions) => PositionMask(positions, queries);

    /// <summary>Whether some row has a token of the pass that is named and, where keys are asked for, a key that is.</summary>
    /// <param name="rows">The rows that count; all when null.</param>
    /// <param name="positions">Tokens of the pass; any when null.</param>
    /// <param name="keysToo">Keys; any when null.</param>
    internal bool Names(IReadOnlyList<int>? rows, Positions? positions, Positions? keysToo = null)
        => Enumerable.Range(0, Rows).Any(row => rows?.Contains(row) != false
            && (positions is null || Named(positions, queries, row).Contains(true)) && (keysToo is null || Named(keysToo, keys, row).Contains(true)));

    /// <summary>(B,1,1,Tk): which keys are named; a prefix's are not.</summary>
    internal Tensor KeyMask(Positions positions)
    {
        var own = PositionMask(positions, keys);
        var all = Prefix is null ? own : cat([zeros([Rows, Prefix.Length], ScalarType.Bool, Device), own], 1);
        return all.reshape(Rows, 1, 1, all.shape[1]);
    }

    /// <summary>What queries do not see; null when every key is seen by every query.</summary>
    /// <param name="dtype">Of the scores, the same in the whole pass.</param>
    /// <param name="attention">Of the block.</param>
    internal UnseenKeys? Mask(ScalarType dtype, AttentionSpec attention)
    {
        var width = attention.Window is { } w && w < keys[0].Length ? w : 0;
        var key = (attention.Mask, width, attention.Keys);
        if (!masks.TryGetValue(key, out var mask))
        {
            masks[key] = mask = IsFull(attention, width) ? null : Masks(dtype, attention, width);
        }

        return mask;
    }

    private bool IsFull(AttentionSpec attention, int width) => attention.Keys == KeySource.Prefix
        ? Required(Prefix).IsWhole
        : !hasPadding && width == 0 && (attention.Mask == AttentionMask.Full || (attention.Mask == AttentionMask.Causal && Length == 1))
            && (attention.Keys == KeySource.Own || Required(Prefix).IsWhole);

    /// <remarks>
    /// Causality counts columns, so that a padded query sees something; the window counts the row's own positions, so that padding inside a row does not narrow
    /// it.
    /// </remarks>
    private UnseenKeys Masks(ScalarType dtype, AttentionSpec attention, int window)
    {
        var ahead = attention.Keys == KeySource.Own ? 0 : Required(Prefix).Length;
        var own = attention.Keys == KeySource.Prefix ? 0 : keys[0].Length;
        var differ = hasPadding || ahead > 0 || attention.Mask is AttentionMask.Prefix or AttentionMask.Blockwise;
        var (length, count, rows) = (Length, ahead + own, differ ? Rows : 1);
        var hidden = new bool[rows * length * count];
        var at = 0;
        for (var row = 0; row < rows; row++)
        {
            for (var i = 0; i < length; i++)
            {
                for (var j = 0; j < ahead; j++)
                {
                    hidden[at++] = !Prefix!.Sees(row, j);
                }

                for (var j = 0; j < own; j++)
                {
                    hidden[at++] = keys[row][j] < 0 || Hides(attention.Mask, row, i, j) || (window > 0 && keys[row][j] <= queries[row][i] - window);
                }
            }
        }

        using var scope = NewDisposeScope();
        return UnseenKeys.Of(tensor(hidden, [rows, 1, length, count], device: Device), dtype);
    }

    /// <param name="mask">Of the attention.</param>
    /// <param name="row">Of the batch.</param>
    /// <param name="i">Query of this pass.</param>
    /// <param name="j">Key, those of earlier passes counted in.</param>
    private bool Hides(AttentionMask mask, int row, int i, int j)
    {
        var query = keys[0].Length - Length + i;
        return mask switch
        {
            AttentionMask.Causal => j > query,
            AttentionMask.Prefix => j > query && !(keys[row][j] < Required(PrefixLengths)[row]),
            AttentionMask.Blockwise => Required(BlockNumbers)[row][j] > Required(BlockNumbers)[row][query],
            _ => false,
        };
    }

    private static T Required<T>(T? given) where T : class
        => given ?? throw new VitrineException("attention: its mask, or its keys, come from a prefix or from blocks of tokens that this pass was not given.");

    private Tensor PositionMask(Positions positions, long[][] of)
    {
        bool[] mask = [.. Enumerable.Range(0, Rows).SelectMany(row => Named(positions, of, row))];
        return tensor(mask, [Rows, of[0].Length], device: Device);
    }

    /// <summary>Which tokens of a row are named.</summary>
    private IEnumerable<bool> Named(Positions positions, long[][] of, int row)
    {
        var newest = Array.FindLastIndex(of[row], p => p >= 0);
        return of[row].Select((place, i) => positions.Holds(place, promptLengths[row], newest == i, kind => Run.Rows.Kinds.Holds(kind, row, place)));
    }

    private Tensor Made(long[] values, params long[] shape) => tensor(values, shape, device: Device);

    private static T[] Flat<T>(long[][] rows, Func<long, T> value) => [.. rows.SelectMany(r => r).Select(value)];
}
