using Vitrine.Checkpoints;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Engine;

/// <summary>
/// y = x W^T of one row for float32 weights that <see cref="RowProduct"/> does not take: small or oddly wide ones, and those stored [in, out].
/// </summary>
internal sealed unsafe class PlainProduct : IRowProduct
{
    private readonly Tensor weight;
    private readonly nint address;
    private readonly long stride;
    private readonly bool isTransposed;
    private readonly int outputs;
    private readonly int inputs;

    private PlainProduct(Tensor weight, bool isTransposed)
    {
        (this.weight, this.isTransposed, outputs, inputs) = (weight, isTransposed, (int)weight.shape[0], (int)weight.shape[1]);
        stride = weight.stride(isTransposed ? 1 : 0);
        using var scope = NewDisposeScope();
        address = (nint)TensorMemory.Start(weight.narrow(0, 0, 1).narrow(1, 0, 1));
    }

    /// <remarks>Columns go through whole registers; only behind the last whole one is each by itself, with other bits.</remarks>
    public int Together => isTransposed ? RowMath.Lanes : 1;

    /// <summary>A product by these weights (out, in); null where they lie otherwise, are no float32, or are elsewhere.</summary>
    public static PlainProduct? Of(Tensor weight)
    {
        if (weight.dtype != ScalarType.Float32 || weight.device_type != TorchSharp.DeviceType.CPU || weight.dim() != 2 || weight.numel() == 0)
        {
            return null;
        }

        return weight.stride(1) == 1 ? new PlainProduct(weight, false) : weight.stride(0) == 1 ? new PlainProduct(weight, true) : null;
    }

    /// <inheritdoc/>
    public bool Fits(Tensor x) => x.numel() == inputs && x.dtype == ScalarType.Float32 && x.is_contiguous() && !is_grad_enabled();

    /// <inheritdoc/>
    public Tensor Apply(Tensor x)
    {
        var result = empty([.. x.shape[..^1], outputs], ScalarType.Float32);
        var (vector, sums) = ((nint)RowMath.At(x), (nint)RowMath.At(result));
        OutputShares.Each(outputs, inputs, Together, (from, to) => Rows((float*)vector, (float*)sums, from, to));
        GC.KeepAlive(weight);
        GC.KeepAlive(x);
        return result;
    }

    /// <inheritdoc/>
    public void Rows(float* x, float* y, int from, int to)
    {
        var w = (float*)address;
        if (isTransposed)
        {
            RowMath.Columns(w, stride, inputs, x, y, from, to);
            return;
        }

        for (var row = from; row < to; row++)
        {
            y[row] = RowMath.Dot(w + (row * stride), x, inputs);
        }
    }
}
