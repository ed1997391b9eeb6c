using TorchSharp;
using Vitrine.Transformers.Edits;
using Vitrine.Transformers.Points;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Engine;

/// <summary>One pass through a stack: which tokens of which rows are read, what came before them, and what is kept.</summary>
/// <remarks>Positions of padding are -1. Keys are the earlier passes' tokens followed by this pass's own.</remarks>
internal sealed class Pass : IDisposable
{
    /// <summary>Stands for minus infinity in scores: a row with nothing to attend to gets a uniform pattern, not NaN.</summary>
    public const float Masked = -3.4028235e38f;

    /// <summary>The same, kept alive for the native side.</summary>
    public static Scalar MaskedScalar { get; } = Masked;

    private readonly long[][] queries;
    private readonly long[][] keys;
    private readonly long[] promptLengths;
    private readonly bool causal;
    private readonly bool hasPadding;
    private readonly Dictionary<Address, Tensor> kept;
    private readonly Dictionary<int, Tensor?> masks = [];

    /// <param name="step">0 the prefill, k the pass that reads generated token k-1.</param>
    /// <param name="queries">[row][token]: position in the row's own text, -1 for padding.</param>
    /// <param name="earlier">The same for the keys of the cache.</param>
    /// <param name="promptLengths">Own tokens of each row's prompt.</param>
    /// <param name="causal">Whether a token sees only what stands before it.</param>
    /// <param name="plan">The plan of the run.</param>
    /// <param name="kept">Receives what is captured.</param>
    public Pass(int step, long[][] queries, long[][] earlier, long[] promptLengths, bool causal, BoundPlan plan, Dictionary<Address, Tensor> kept)
    {
        (Step, this.queries, this.promptLengths, this.causal, Plan, this.kept) = (step, queries, promptLengths, causal, plan, kept);
        keys = [.. queries.Select((row, r) => earlier.Length == 0 ? row : [.. earlier[r], .. row])];
        hasPadding = keys.Any(row => row.Contains(-1));
    }

    public int Step { get; }

    public BoundPlan Plan { get; }

    public int Rows => queries.Length;

    /// <summary>Tokens that are read (Tq).</summary>
    public int Length => queries[0].Length;

    public long[][] Keys => keys;

    /// <summary>[row][token]: position ids where they are not simply the row's own positions (padding counted in, as some callers of other libraries do).</summary>
    public long[][]? GivenPositionIds { get; init; }

    /// <summary>Rotary tables for the block that runs; made by the stack.</summary>
    public (Tensor Cos, Tensor Sin)? Rotation { get; set; }

    /// <summary>Whether every token sees exactly the tokens before it, so that the fused kernel needs no mask.</summary>
    /// <param name="window">Of the block's attention.</param>
    public bool IsPlainCausal(int? window) => causal && Length == keys[0].Length && !(window < Length) && !hasPadding;

    /// <summary>The largest position id.</summary>
    public long LastPositionId => (GivenPositionIds ?? queries).Max(row => row.Max());

    /// <summary>Position ids for rotary or learned positions (B,T); padding counts as 0.</summary>
    public Tensor PositionIds() => tensor(Flat(GivenPositionIds ?? queries, p => Math.Max(p, 0)), [Rows, Length]);

    /// <summary>(B,T) int64: positions in the rows' own texts; padding counts as 0.</summary>
    public Tensor OwnPlaces() => tensor(Flat(queries, p => Math.Max(p, 0)), [Rows, Length]);

    /// <summary>(B,T,1,..): 1 on a row's own tokens, 0 on padding.</summary>
    public Tensor OwnPositions(long dims) => tensor(Flat(queries, p => p >= 0), [Rows, Length, .. Enumerable.Repeat(1L, (int)dims - 2)]);

    /// <summary>(B,T): which tokens of the pass are named.</summary>
    public Tensor QueryMask(Positions positions) => PositionMask(positions, queries);

    /// <summary>(B,1,1,Tk): which keys are named.</summary>
    public Tensor KeyMask(Positions positions) => PositionMask(positions, keys).reshape(Rows, 1, 1, keys[0].Length);

    /// <summary>Added to the scores (B,1,Tq,Tk); null when every key is seen by every query.</summary>
    /// <param name="dtype">Of the scores.</param>
    /// <param name="window">A token at position i sees j only where i - window &lt; j.</param>
    public Tensor? Mask(ScalarType dtype, int? window = null)
    {
        var width = window is { } w && w < keys[0].Length ? w : 0;
        if (!masks.TryGetValue(width, out var mask))
        {
            masks[width] = mask = hasPadding || (causal && Length > 1) || width > 0 ? Masks(dtype, width) : null;
        }

        return mask;
    }

    /// <remarks>Causality counts columns, so that a padded query sees something; the window counts the row's own positions, so that padding inside a row does not narrow it.</remarks>
    private Tensor Masks(ScalarType dtype, int window)
    {
        var (length, count, rows) = (Length, keys[0].Length, hasPadding ? Rows : 1);
        var values = new float[rows * length * count];
        var at = 0;
        for (var row = 0; row < rows; row++)
        {
            for (var i = 0; i < length; i++)
            {
                for (var j = 0; j < count; j++)
                {
                    var unseen = keys[row][j] < 0 || (causal && j > count - length + i) || (window > 0 && keys[row][j] <= queries[row][i] - window);
                    values[at++] = unseen ? Masked : 0;
                }
            }
        }

        using var scope = NewDisposeScope();
        return tensor(values, [rows, 1, length, count]).to(dtype).DetachFromDisposeScope();
    }

    /// <summary>Keeps a tensor beyond the pass.</summary>
    public void Keep(Address address, Tensor x) => kept[address] = x.DetachFromDisposeScope();

    public void Dispose()
    {
        foreach (var mask in masks.Values)
        {
            mask?.Dispose();
        }
    }

    private Tensor PositionMask(Positions positions, long[][] of)
    {
        var mask = new bool[Rows * of[0].Length];
        for (var row = 0; row < Rows; row++)
        {
            var newest = Array.FindLastIndex(of[row], p => p >= 0);
            for (var i = 0; i < of[row].Length; i++)
            {
                var (place, own) = (of[row][i], row);
                mask[(row * of[row].Length) + i] = positions.Holds(place, promptLengths[row], newest == i, kind => Plan.Kinds.Holds(kind, own, place));
            }
        }

        return tensor(mask, [Rows, of[0].Length]);
    }

    private static T[] Flat<T>(long[][] rows, Func<long, T> value) => [.. rows.SelectMany(r => r).Select(value)];
}
