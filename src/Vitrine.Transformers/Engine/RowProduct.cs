using System.Runtime.Intrinsics;
using Vitrine.Checkpoints;
using Vitrine.Checkpoints.Gguf;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Engine;

/// <summary>y = x W^T for a single row x, or few where W is kept narrow, as a decode step asks for it: nothing but reading W once.</summary>
/// <remarks>
/// The BLAS kernels behind <c>linear</c> reach two thirds of the memory's rate on some processors (docs/performance.md). Rows of W stored [out, in] lie one
/// behind the other, so that all outputs one after the other read one consecutive stream, which the processor fetches ahead by itself; no turned copy of the
/// weights is needed. Weights in 16 bits and quantised blocks are widened in registers (<see cref="BlockProducts"/>), so that only their own bytes are read;
/// products are added up in the same order as in float32, so the sums have the same bits. Few rows share each row of W, widened once in cache.
/// </remarks>
internal sealed unsafe class RowProduct : IRowProduct
{
    /// <summary>Below this many weights a native call is as fast.</summary>
    private const long WorthIt = 1 << 15;

    /// <summary>Rows up to which a narrow matrix is not worth widening whole.</summary>
    private const int MostNarrowRows = 16;

    private readonly Tensor weight;
    private readonly BlockRows rows;
    private readonly nint address;
    private readonly int outputs;
    private readonly int inputs;

    private RowProduct(Tensor weight, BlockRows rows)
        => (this.weight, this.rows, address, outputs, inputs) = (weight, rows, (nint)TensorMemory.Start(weight), (int)weight.shape[0], (int)rows.Columns);

    private bool IsNarrow => rows.Type != GgufType.F32;

    /// <summary>A product by these weights (out, in), or these rows of blocks; null where they do not lie as it needs them, or are too few.</summary>
    public static RowProduct? Of(Tensor weight, BlockRows? rows = null)
        => weight.device_type == TorchSharp.DeviceType.CPU && Suits(weight, rows) ? new RowProduct(weight, rows ?? RowsOf(weight)) : null;

    /// <summary>Whether weights lie as it needs them, on the CPU, or would where there are only their shapes.</summary>
    public static bool Suits(StoredTensor weight, BlockRows? rows = null)
        => rows is not null || (Vector256.IsHardwareAccelerated && weight.Shape is [var outputs, var inputs] && inputs % BlockProducts.Step == 0
            && outputs * inputs >= WorthIt && weight.Dtype is (ScalarType.Float32 or ScalarType.BFloat16 or ScalarType.Float16) && weight.LiesReady);

    /// <inheritdoc/>
    public int Together => Math.Max(1, rows.PairedHeadWidth);

    /// <summary>Whether x is one row, or a few for narrow weights, with nothing to differentiate.</summary>
    public bool Fits(Tensor x)
        => x.numel() <= (long)inputs * (IsNarrow ? MostNarrowRows : 1) && x.dtype == ScalarType.Float32 && x.is_contiguous() && !is_grad_enabled();

    /// <inheritdoc/>
    public Tensor Apply(Tensor x)
    {
        var result = empty([.. x.shape[..^1], outputs], ScalarType.Float32);
        var (vectors, results, count) = ((nint)TensorMemory.Start(x), (nint)TensorMemory.Start(result), (int)(x.numel() / inputs));
        OutputShares.Each(outputs, inputs, together: 1, (from, to) => Rows((float*)vectors, (float*)results, count, from, to));
        GC.KeepAlive(weight);
        GC.KeepAlive(x);
        return result;
    }

    /// <inheritdoc/>
    public void Rows(float* x, float* y, int from, int to) => BlockProducts.Multiply(rows, (byte*)address, x, y, from, to, BlockProducts.Best);

    private void Rows(float* x, float* y, int count, int from, int to)
    {
        if (count == 1)
        {
            Rows(x, y, from, to);
        }
        else if (count > 1)
        {
            BlockProducts.MultiplySome(rows, (byte*)address, x, y, count, outputs, from, to, BlockProducts.Best);
        }
    }

    /// <summary>The format of a tensor's numbers, as products know them; null for others.</summary>
    public static GgufType? TypeOf(ScalarType dtype) => dtype switch
    {
        ScalarType.BFloat16 => GgufType.BF16,
        ScalarType.Float16 => GgufType.F16,
        ScalarType.Float32 => GgufType.F32,
        _ => null,
    };

    private static BlockRows RowsOf(Tensor weight) => new(TypeOf(weight.dtype)!.Value, weight.shape[1]);
}
