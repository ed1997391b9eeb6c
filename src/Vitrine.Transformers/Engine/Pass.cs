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

    private readonly long[][] queries;
    private readonly long[][] keys;
    private readonly long[] promptLengths;
    private readonly bool causal;
    private readonly Dictionary<Address, Tensor> kept;
    private Tensor? mask;
    private bool maskIsKnown;

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
    }

    public int Step { get; }

    public BoundPlan Plan { get; }

    public int Rows => queries.Length;

    /// <summary>Tokens that are read (Tq).</summary>
    public int Length => queries[0].Length;

    public long[][] Keys => keys;

    /// <summary>Rotary table of the pass; made by the stack, shared by its blocks.</summary>
    public (Tensor Cos, Tensor Sin)? Rotation { get; set; }

    /// <summary>Whether every token sees exactly the tokens before it, so that the fused kernel needs no mask.</summary>
    public bool IsPlainCausal => causal && Length == keys[0].Length && !HasPadding;

    private bool HasPadding => keys.Any(row => row.Contains(-1));

    /// <summary>Position ids for rotary or learned positions (B,T); padding counts as 0.</summary>
    public Tensor PositionIds() => tensor(Flat(queries, p => Math.Max(p, 0)), [Rows, Length]);

    /// <summary>(B,T,1,..): 1 on a row's own tokens, 0 on padding.</summary>
    public Tensor OwnPositions(long dims) => tensor(Flat(queries, p => p >= 0), [Rows, Length, .. Enumerable.Repeat(1L, (int)dims - 2)]);

    /// <summary>(B,T): which tokens of the pass are named.</summary>
    public Tensor QueryMask(Positions positions) => PositionMask(positions, queries);

    /// <summary>(B,1,1,Tk): which keys are named.</summary>
    public Tensor KeyMask(Positions positions) => PositionMask(positions, keys).reshape(Rows, 1, 1, keys[0].Length);

    /// <summary>Added to the scores (B,1,Tq,Tk); null when every key is seen by every query.</summary>
    public Tensor? Mask(ScalarType dtype)
    {
        if (maskIsKnown)
        {
            return mask;
        }

        maskIsKnown = true;
        var (length, count) = (Length, keys[0].Length);
        if (!HasPadding && !(causal && length > 1))
        {
            return null;
        }

        var values = new float[(HasPadding ? Rows : 1) * length * count];
        var at = 0;
        foreach (var row in HasPadding ? keys : keys[..1])
        {
            for (var i = 0; i < length; i++)
            {
                for (var j = 0; j < count; j++)
                {
                    values[at++] = row[j] < 0 || (causal && j > count - length + i) ? Masked : 0;
                }
            }
        }

        using var scope = NewDisposeScope();
        return mask = tensor(values, [HasPadding ? Rows : 1, 1, length, count]).to(dtype).DetachFromDisposeScope();
    }

    /// <summary>Keeps a tensor beyond the pass.</summary>
    public void Keep(Address address, Tensor x) => kept[address] = x.DetachFromDisposeScope();

    public void Dispose() => mask?.Dispose();

    private Tensor PositionMask(Positions positions, long[][] of)
    {
        var mask = new bool[Rows * of[0].Length];
        for (var row = 0; row < Rows; row++)
        {
            var newest = Array.FindLastIndex(of[row], p => p >= 0);
            for (var i = 0; i < of[row].Length; i++)
            {
                mask[(row * of[row].Length) + i] = positions.Holds(of[row][i], promptLengths[row], newest == i);
            }
        }

        return tensor(mask, [Rows, of[0].Length]);
    }

    private static T[] Flat<T>(long[][] rows, Func<long, T> value) => [.. rows.SelectMany(r => r).Select(value)];
}
