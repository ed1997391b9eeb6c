using TorchSharp;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Engine;

/// <summary>Which keys each query does not see.</summary>
/// <param name="Hidden">(B,1,Tq,Tk), or (1,1,Tq,Tk) where all rows are alike: true on a key that is not seen.</param>
/// <param name="Added">The same as a number on the scores, for the fused kernel: 0, or the least finite number of the dtype.</param>
/// <remarks>
/// The least finite number and not minus infinity: a query that sees nothing, as padding does, then has an even pattern instead of NaN. Written out, scores are
/// replaced by it instead of added to it, since in float16 the sum could leave the finite numbers.
/// </remarks>
internal sealed record UnseenKeys(Tensor Hidden, Tensor Added) : IDisposable
{
    private static readonly Scalar Cut = double.NegativeInfinity;
    private static readonly Scalar Zero = 0;

    /// <param name="hidden">(B,1,Tq,Tk); owned from here on.</param>
    /// <param name="dtype">Of the scores.</param>
    public static UnseenKeys Of(Tensor hidden, ScalarType dtype)
    {
        Scalar least = dtype.Least();
        var added = zeros(hidden.shape, dtype, hidden.device).masked_fill(hidden, least);
        GC.KeepAlive(least);
        return new UnseenKeys(hidden.DetachFromDisposeScope(), added.DetachFromDisposeScope());
    }

    /// <summary>The last query's (B or 1,1,1,Tk), views of this.</summary>
    public UnseenKeys OfLastQuery() => new(Hidden.narrow(2, Hidden.shape[2] - 1, 1), Added.narrow(2, Added.shape[2] - 1, 1));

    /// <summary>The pattern of some scores: their softmax over the keys that are seen.</summary>
    /// <param name="scores">(B,H,Tq,Tk).</param>
    /// <param name="mask">Null where every key is seen.</param>
    /// <param name="mayBeCut">
    /// Whether an edit may have cut keys off, by scores of minus infinity (<see cref="Edits.KnockOut"/>). A query whose every key is cut off has a pattern of
    /// zeros.
    /// </param>
    public static Tensor Pattern(Tensor scores, UnseenKeys? mask, bool mayBeCut)
    {
        if (!mayBeCut)
        {
            return (mask is null ? scores : Without(scores, mask.Hidden)).softmax(-1);
        }

        var cut = scores.eq(Cut);                                                                          // (B, H, Tq, Tk)
        var unseen = mask is null ? cut : cut.bitwise_or(mask.Hidden);
        var emptied = unseen.all(-1, true);                                                                // (B, H, Tq, 1)
        emptied = mask is null ? emptied : emptied.bitwise_and(mask.Hidden.all(-1, true).bitwise_not());   // padding saw nothing before
        return Without(scores, unseen).softmax(-1).masked_fill(emptied, Zero);
    }

    public void Dispose()
    {
        Hidden.Dispose();
        Added.Dispose();
    }

    private static Tensor Without(Tensor scores, Tensor unseen)
    {
        Scalar least = scores.dtype.Least();
        var left = scores.masked_fill(unseen, least);
        GC.KeepAlive(least);
        return left;
    }
}
