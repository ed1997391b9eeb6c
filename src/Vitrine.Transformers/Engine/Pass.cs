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
    private Pass? ofPrefix;
    private int[]? pictures;
    private int[]? windows;

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
    /// [axis][row][token]: position ids where they are not simply the row's own positions: padding counted in, as some callers of other libraries do, or
    /// several axes, as rotations by time, row and column read them.
    /// </summary>
    internal IReadOnlyList<long[][]>? GivenPositionIds { get; init; }

    /// <summary>[row]: what a position id is ahead of the row's own position, where none are given; null for nothing.</summary>
    internal long[]? PositionShift { get; init; }

    /// <summary>Whose frames are read, of a tower whose pass has other rows than the batch; null where they are the batch's own.</summary>
    internal FrameOwners? Owners { get; init; }

    /// <summary>Tokens of each picture that a tower reads as one sequence, for <see cref="AttentionMask.OwnPicture"/>.</summary>
    internal IReadOnlyList<int>? PictureLengths { get; init; }

    /// <summary>Tokens of each window of such pictures, for <see cref="AttentionMask.OwnWindow"/>.</summary>
    internal IReadOnlyList<int>? WindowLengths { get; init; }

    /// <summary>What is added to the residual (B,T,d) behind a block; null for nothing, or nothing behind that one.</summary>
    internal Func<Pass, int, Tensor?>? AddedBehind { get; set; }

    /// <summary>Keys and values that blocks read behind those of another stack; null for none.</summary>
    internal PrefixCache? Prefix { get; init; }

    /// <summary>The block of which only keys and values are read; null where all of every block is.</summary>
    internal int? KeysAloneAt { get; set; }

    /// <summary>The block behind whose keys and values only the last column is computed; null for none.</summary>
    internal int? LastColumnAloneAt { get; set; }

    /// <summary>[row]: tokens from the start that see each other, for <see cref="AttentionMask.Prefix"/>.</summary>
    internal long[]? PrefixLengths { get; init; }

    /// <summary>
    /// [row][key]: block of each key of <see cref="Keys"/>, for <see cref="AttentionMask.Blockwise"/>: a token sees its own block and those before.
    /// </summary>
    internal long[][]? BlockNumbers { get; init; }

    /// <summary>(B,c), or (B,T,c): what conditioned norms read; null where there are none.</summary>
    internal Tensor? Condition { get; init; }

    /// <summary>The output of another stack that blocks attend to; null for none.</summary>
    internal AttendedOutput? Memory { get; init; }

    /// <summary>(1,T,d), or (B,T,d): positions that are added to what queries and keys read; null where there are none.</summary>
    internal Tensor? AddedPositions { get; init; }

    /// <summary>(row, query, key): what a query does not see, where a row holds several texts one behind the other; null for what the block's mask
    /// says.</summary>
    internal Func<int, int, int, bool>? Unseen { get; init; }

    /// <summary>The stack whose kinds of tokens these are, where it is not the one whose point is visited.</summary>
    internal string? KindsOf { get; init; }

    /// <summary>The tokens of <see cref="Prefix"/>, as the edits of what is read of them see them.</summary>
    internal Pass OfPrefix
        => ofPrefix ??= new Pass(Run, Step, Required(Prefix).PositionsOf(Rows), [], LengthsOf(Required(Prefix))) { KindsOf = Prefix!.Stack, Owners = Owners };

    /// <summary>Rotary tables for the block that runs; made by the stack.</summary>
    internal (Tensor Cos, Tensor Sin)? Rotation { get; set; }

    /// <summary>The largest position id.</summary>
    internal long LastPositionId => Positioned().Max(axis => axis.Max(row => row.Max()));

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
        ofPrefix?.Dispose();
        foreach (var mask in masks.Values)
        {
            mask?.Dispose();
        }
    }

    /// <summary>Whether every token sees exactly the tokens before it, so that the fused kernel needs no mask.</summary>
    internal bool IsPlainCausal(AttentionSpec attention)
        => Unseen is null && attention is { Mask: AttentionMask.Causal, Keys: KeySource.Own } && Length == keys[0].Length && !(attention.Window < Length)
            && !hasPadding;

    /// <summary>Lengths of the parts of a sequence that see themselves alone; null where the attention is of another kind, or there is one part.</summary>
    internal IReadOnlyList<int>? Parts(AttentionSpec attention) => attention.Mask switch
    {
        AttentionMask.OwnPicture => Several(PictureLengths),
        AttentionMask.OwnWindow => Several(WindowLengths),
        _ => null,
    };

    /// <summary>Position ids for rotary or learned positions (B,T); padding counts as 0. Of several axes, the first.</summary>
    internal Tensor PositionIds() => Made(Flat(Positioned()[0], p => Math.Max(p, 0)), Rows, Length);

    /// <summary>The position id of a pass over one token of one row, where it has one; null for other passes.</summary>
    internal long? OnlyPositionId => Rows == 1 && Length == 1 && GivenPositionIds is null ? Math.Max(Positioned()[0][0][0], 0) : null;

    /// <summary>
    /// The first key that a pass over one token of one row sees, where it sees all from there on, in attention to the stack's own keys; null for other passes.
    /// </summary>
    internal int? FirstSeen(AttentionSpec attention)
        => Rows == 1 && Length == 1 && Unseen is null && !hasPadding && attention is { Keys: KeySource.Own, Mask: AttentionMask.Causal or AttentionMask.Prefix }
            && keys[0][^1] == keys[0].Length - 1
            ? Math.Max(0, keys[0].Length - (attention.Window ?? keys[0].Length))
            : null;

    /// <summary>Position ids of every axis (axes,B,T); padding counts as 0.</summary>
    internal Tensor PositionAxes()
    {
        var axes = Positioned();
        return Made([.. axes.SelectMany(axis => Flat(axis, p => Math.Max(p, 0)))], axes.Count, Rows, Length);
    }

    /// <summary>(B,T) int64: positions in the rows' own texts; padding counts as 0.</summary>
    internal Tensor OwnPlaces() => Made(Flat(queries, p => Math.Max(p, 0)), Rows, Length);

    /// <summary>(B,T,1,..): true on a row's own tokens, false on padding.</summary>
    internal Tensor OwnPositions(long dims) => tensor(Flat(queries, p => p >= 0), [Rows, Length, .. Enumerable.Repeat(1L, (int)dims - 2)], device: Device);

    /// <summary>Positions that are added to what queries and keys read.</summary>
    /// <exception cref="VitrineException">There are none.</exception>
    internal Tensor Added() => AddedPositions ?? throw new VitrineException("attention: positions are added to queries and keys; this pass was given none.");

    /// <summary>(B,T): which tokens of the pass are named.</summary>
    /// <param name="positions">Their names.</param>
    /// <param name="stack">Whose kinds of tokens they may be.</param>
    internal Tensor QueryMask(Positions positions, string stack) => PositionMask(positions, queries, KindsOf ?? stack);

    /// <summary>
    /// Which tokens belong to the named rows of the batch and, where pictures are named, show one of them: (B,1), or (B,T) of frames in one row.
    /// </summary>
    /// <param name="rows">Null for all.</param>
    /// <param name="pictures">Of each row; null for all.</param>
    /// <exception cref="VitrineException">A row does not exist here, or the pass has no pictures.</exception>
    internal Tensor Chosen(IReadOnlyList<int>? rows, IReadOnlyList<int>? pictures)
    {
        if (rows?.FirstOrDefault(r => r >= (Owners is null ? Rows : Run.Rows.Count)) is > 0 and var outside)
        {
            throw new VitrineException($"row {outside} lies outside; there are {(Owners is null ? Rows : Run.Rows.Count)}, counted from 0.");
        }

        if (Owners is { } owners)
        {
            bool[] named = [.. owners.Rows.Zip(owners.Pictures).Select(f => rows?.Contains(f.First) != false && pictures?.Contains(f.Second) != false)];
            return tensor(named, OwnersPerToken ? [1, named.Length] : [named.Length, 1], device: Device);
        }

        return pictures is null
            ? tensor([.. Enumerable.Range(0, Rows).Select(rows!.Contains)], [Rows, 1], device: Device)
            : throw new VitrineException("names pictures of a row; what is computed there has none to tell apart.");
    }

    /// <summary>
    /// Numbers of each row of the batch (rows, 1, ...) where this pass has its rows: as they are, picked for each frame, or for each token of frames in one
    /// row.
    /// </summary>
    internal Tensor OfBatch(Tensor perRow, PointAxes axes)
    {
        if (Owners is not { } owners)
        {
            return perRow;
        }

        var picked = perRow[tensor([.. owners.Rows.Select(r => (long)r)], device: Device)];      // (frames, 1, ...)
        return OwnersPerToken ? picked.transpose(0, axes == PointAxes.Attention ? 2 : 1) : picked;
    }

    /// <summary>Whether some row has a token of the pass that a scope names.</summary>
    /// <param name="scope">Its rows, pictures and positions; all that it does not tell.</param>
    /// <param name="stack">Whose kinds of tokens they may be.</param>
    /// <param name="hasKey">What such a row must have besides; nothing when null.</param>
    internal bool Names(EditScope scope, string stack, Func<int, bool>? hasKey = null)
    {
        return Enumerable.Range(0, Rows).Any(row => HasQuery(row) && hasKey?.Invoke(row) != false);

        bool HasQuery(int row)
        {
            var named = scope.Positions is { } positions ? Named(positions, queries, row, KindsOf ?? stack) : Enumerable.Repeat(true, Length);
            return named.Index().Any(token => token.Item && IsOf(OwnersPerToken ? token.Index : row));
        }

        bool IsOf(int frame) => scope.Rows?.Contains(Owners?.Rows[frame] ?? frame) != false
            && (scope.Pictures is not { } pictures || (Owners is { } owners && pictures.Contains(owners.Pictures[frame])));
    }

    /// <summary>(B,1,1,Tk): which keys are named.</summary>
    internal Tensor KeyMask(NamedKeys named)
    {
        bool[] mask = [.. Enumerable.Range(0, Rows).SelectMany(row => NamedOf(row, named))];
        return tensor(mask, [Rows, 1, 1, named.Count], device: Device);
    }

    /// <summary>[key]: which keys of a row are named: those of a prefix, then those of the pass and of those before it.</summary>
    internal IEnumerable<bool> NamedOf(int row, NamedKeys named)
    {
        var ahead = Prefix is null
            ? []
            : OfPrefix.Named(named.OfPrefix ? named.Keys : new Positions { Kinds = named.Keys.Kinds }, OfPrefix.queries, row, Prefix.Stack);
        var own = named.OfPrefix ? Enumerable.Repeat(false, keys[0].Length) : Named(named.Keys, keys, row, KindsOf ?? named.Stack);
        return Prefix is not null && named.Count == Prefix.Length ? ahead : ahead.Concat(own);
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

    private bool OwnersPerToken => Owners is { } owners && owners.Rows.Count != Rows;

    private bool IsFull(AttentionSpec attention, int width) => attention.Keys == KeySource.Memory ? true
        : attention.Keys == KeySource.Prefix ? Required(Prefix).IsWhole
        : Unseen is null && !hasPadding && width == 0 && SeesAll(attention.Mask) && (attention.Keys == KeySource.Own || Required(Prefix).IsWhole);

    /// <summary>Whether every query sees every key of the stack's own.</summary>
    private bool SeesAll(AttentionMask mask) => mask switch
    {
        AttentionMask.Full => true,
        AttentionMask.OwnPicture => Several(PictureLengths) is null,
        AttentionMask.OwnWindow => Several(WindowLengths) is null,
        AttentionMask.Causal => Length == 1,
        AttentionMask.Prefix => Length == 1 || (PrefixLengths is { } lengths && keys.Index().All(row => row.Item[^1] < lengths[row.Index])),
        _ => false,
    };

    /// <remarks>
    /// Causality counts columns, so that a padded query sees something; the window counts the row's own positions, so that padding inside a row does not narrow
    /// it.
    /// </remarks>
    private UnseenKeys Masks(ScalarType dtype, AttentionSpec attention, int window)
    {
        var ahead = attention.Keys == KeySource.Own ? 0 : Required(Prefix).Length;
        var own = attention.Keys == KeySource.Prefix ? 0 : keys[0].Length;
        var differ = Unseen is not null || hasPadding || ahead > 0 || attention.Mask is AttentionMask.Prefix or AttentionMask.Blockwise;
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
                    hidden[at++] = keys[row][j] < 0 || (Unseen?.Invoke(row, i, j) ?? Hides(attention.Mask, row, i, j)) || (window > 0
                        && keys[row][j] <= queries[row][i] - window);
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
            AttentionMask.OwnPicture => (pictures ??= PartsOf(PictureLengths))[j] != pictures[query],
            AttentionMask.OwnWindow => (windows ??= PartsOf(WindowLengths))[j] != windows[query],
            _ => false,
        };
    }

    private static IReadOnlyList<int>? Several(IReadOnlyList<int>? lengths) => Required(lengths).Count > 1 ? lengths : null;

    private static int[] PartsOf(IReadOnlyList<int>? lengths)
        => [.. Required(lengths).Index().SelectMany(part => Enumerable.Repeat(part.Index, part.Item))];

    private static T Required<T>(T? given) where T : class
        => given ?? throw new VitrineException("attention: its mask, or its keys, come from a prefix or from blocks of tokens that this pass was not given.");

    private long[] LengthsOf(PrefixCache prefix) => prefix.Rows == Rows ? prefix.OwnLengths : [.. Enumerable.Repeat(prefix.OwnLengths[0], Rows)];

    private Tensor PositionMask(Positions positions, long[][] of, string stack)
    {
        bool[] mask = [.. Enumerable.Range(0, Rows).SelectMany(row => Named(positions, of, row, stack))];
        return tensor(mask, [Rows, of[0].Length], device: Device);
    }

    private IReadOnlyList<long[][]> Positioned()
        => GivenPositionIds ?? [PositionShift is { } shift ? [.. queries.Select((row, r) => row.Select(p => p < 0 ? p : p + shift[r]).ToArray())] : queries];

    /// <summary>Which tokens of a row are named.</summary>
    private IEnumerable<bool> Named(Positions positions, long[][] of, int row, string stack)
    {
        if (OwnersPerToken)
        {
            var counts = Owners!.WithinPictures().Counts;
            return of[row].Select((place, i) => positions.Holds(place, counts[i], place == counts[i] - 1, IsKind(place)));
        }

        var newest = Array.FindLastIndex(of[row], p => p >= 0);
        return of[row].Select((place, i) => positions.Holds(place, promptLengths[row], newest == i, IsKind(place)));

        Func<string, bool> IsKind(long place) => kind => Run.Rows.Kinds.Holds(stack, kind, row, place);
    }

    private Tensor Made(long[] values, params long[] shape) => tensor(values, shape, device: Device);

    private static T[] Flat<T>(long[][] rows, Func<long, T> value) => [.. rows.SelectMany(r => r).Select(value)];
}

/// <summary>The output of a stack that the blocks of another attend to.</summary>
/// <param name="Output">(B,Tm,d).</param>
/// <param name="Pass">Over its tokens, with the positions that are added to what keys read.</param>
internal sealed record AttendedOutput(Tensor Output, Pass Pass);

/// <summary>Keys that an edit names.</summary>
/// <param name="Keys">Their names.</param>
/// <param name="Stack">Whose kinds of tokens they may be, besides those of a prefix.</param>
/// <param name="OfPrefix">Whether positions count the prefix's tokens and not the pass's own.</param>
/// <param name="Count">Tk: those of a prefix, of the pass and those before it, or both.</param>
internal readonly record struct NamedKeys(Positions Keys, string Stack, bool OfPrefix, long Count);
