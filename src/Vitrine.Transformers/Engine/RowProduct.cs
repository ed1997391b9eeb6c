using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Engine;

/// <summary>y = x W^T for a single row x, or few where W is narrow, as a decode step asks for it: nothing but reading W once.</summary>
/// <remarks>
/// The BLAS kernels behind <c>linear</c> reach two thirds of the memory's rate on some processors (docs/performance.md). Rows of W stored [out, in] lie one
/// behind the other, so that all outputs one after the other read one consecutive stream, which the processor fetches ahead by itself: several rows side by
/// side, or fetching ahead by hand, are slower. No turned copy of the weights is needed. Weights in bfloat16 are widened in registers, so that only half the
/// bytes are read; products are added up in the same order as in float32, so the sums have the same bits. Widening a matrix for a product writes and reads it
/// once more in float32, which several rows read in turns from cache do not have to pay.
/// </remarks>
internal sealed class RowProduct
{
    /// <summary>Below this many weights a native call is as fast.</summary>
    private const long WorthIt = 1 << 15;

    /// <summary>Weights for which a second thread pays.</summary>
    private const long WorthThreads = 1 << 18;

    private const int Step = 32;

    /// <summary>Rows up to which a matrix in bfloat16 is not worth widening.</summary>
    private const int MostNarrowRows = 16;

    private readonly Tensor weight;
    private readonly int outputs;
    private readonly int inputs;

    private RowProduct(Tensor weight) => (this.weight, outputs, inputs) = (weight, (int)weight.shape[0], (int)weight.shape[1]);

    private bool IsNarrow => weight.dtype == ScalarType.BFloat16;

    /// <summary>A product by these weights (out, in); null where they do not lie as it needs them, or are too few.</summary>
    public static RowProduct? Of(Tensor weight) => weight.device_type == TorchSharp.DeviceType.CPU && Suits(weight) ? new RowProduct(weight) : null;

    /// <summary>Whether weights lie as it needs them, on the CPU or on the meta device, where there are only their shapes.</summary>
    public static bool Suits(Tensor weight)
        => Vector256.IsHardwareAccelerated && weight.dim() == 2 && weight.shape[1] % Step == 0 && weight.numel() >= WorthIt
            && weight.dtype is (ScalarType.Float32 or ScalarType.BFloat16)
            && weight.device_type is (TorchSharp.DeviceType.CPU or TorchSharp.DeviceType.META) && weight.is_contiguous();

    /// <summary>Whether x is one such row, or a few for narrow weights, with nothing to differentiate.</summary>
    public bool Fits(Tensor x)
        => x.numel() <= (long)inputs * (IsNarrow ? MostNarrowRows : 1) && x.dtype == ScalarType.Float32 && x.is_contiguous() && !is_grad_enabled();

    /// <param name="x">(..., in) with rows that fit.</param>
    /// <returns>(..., out), owned by the caller.</returns>
    public Tensor Apply(Tensor x)
    {
        var result = empty([.. x.shape[..^1], outputs], ScalarType.Float32);
        using var first = weight.narrow(0, 0, 1); // a span holds 2 GiB at most; the pointer goes on behind it
        var rowsOfX = (int)(x.numel() / inputs);
        var (w, v, y) = (Address(first), Address(x), Address(result));
        var threads = (long)outputs * inputs >= WorthThreads ? get_num_threads() : 1;
        Action<int, int> rows = IsNarrow ? (from, to) => NarrowRows(w, v, y, rowsOfX, from, to) : (from, to) => Rows(w, v, y, from, to);
        if (threads == 1)
        {
            rows(0, outputs);
            return result;
        }

        var share = (outputs + threads - 1) / threads;
        Parallel.For(0, threads, new ParallelOptions { MaxDegreeOfParallelism = threads }, t => rows(t * share, Math.Min(outputs, (t + 1) * share)));
        return result;
    }

    private unsafe void Rows(nint weights, nint vector, nint result, int from, int to)
    {
        float* w = (float*)weights, x = (float*)vector, y = (float*)result;
        for (var row = from; row < to; row++)
        {
            var at = w + ((long)row * inputs);
            var (a, b, c, d) = (Vector256<float>.Zero, Vector256<float>.Zero, Vector256<float>.Zero, Vector256<float>.Zero);
            for (var i = 0; i < inputs; i += Step)
            {
                a = Vector256.FusedMultiplyAdd(Vector256.Load(at + i), Vector256.Load(x + i), a);
                b = Vector256.FusedMultiplyAdd(Vector256.Load(at + i + 8), Vector256.Load(x + i + 8), b);
                c = Vector256.FusedMultiplyAdd(Vector256.Load(at + i + 16), Vector256.Load(x + i + 16), c);
                d = Vector256.FusedMultiplyAdd(Vector256.Load(at + i + 24), Vector256.Load(x + i + 24), d);
            }

            y[row] = Vector256.Sum(a + b + (c + d));
        }
    }

    private unsafe void NarrowRows(nint weights, nint vectors, nint results, int count, int from, int to)
    {
        float* x = (float*)vectors, y = (float*)results;
        for (var row = from; row < to; row++)
        {
            var at = (ushort*)weights + ((long)row * inputs);
            for (var r = 0; r < count; r++)
            {
                y[((long)r * outputs) + row] = NarrowProduct(at, x + ((long)r * inputs));
            }
        }
    }

    private unsafe float NarrowProduct(ushort* w, float* x)
    {
        var (a, b, c, d) = (Vector256<float>.Zero, Vector256<float>.Zero, Vector256<float>.Zero, Vector256<float>.Zero);
        for (var i = 0; i < inputs; i += Step)
        {
            var (low, high) = (Vector256.Load(w + i), Vector256.Load(w + i + 16));
            a = Vector256.FusedMultiplyAdd(Wide(Vector256.WidenLower(low)), Vector256.Load(x + i), a);
            b = Vector256.FusedMultiplyAdd(Wide(Vector256.WidenUpper(low)), Vector256.Load(x + i + 8), b);
            c = Vector256.FusedMultiplyAdd(Wide(Vector256.WidenLower(high)), Vector256.Load(x + i + 16), c);
            d = Vector256.FusedMultiplyAdd(Wide(Vector256.WidenUpper(high)), Vector256.Load(x + i + 24), d);
        }

        return Vector256.Sum(a + b + (c + d));
    }

    /// <summary>A bfloat16 is the upper half of a float32.</summary>
    private static Vector256<float> Wide(Vector256<uint> narrow) => (narrow << 16).AsSingle();

    private static unsafe nint Address(Tensor tensor) => (nint)Unsafe.AsPointer(ref MemoryMarshal.GetReference(tensor.bytes));
}
