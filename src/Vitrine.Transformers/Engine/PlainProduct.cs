using static TorchSharp.torch;

namespace Vitrine.Transformers.Engine;

/// <summary>
/// y = x W^T of one row for float32 weights that <see cref="RowProduct"/> does not take: small or oddly wide ones, and those stored [in, out].
/// </summary>
internal sealed unsafe class PlainProduct
{
    private readonly Tensor weight;
    private readonly nint address;
    private readonly long stride;
    private readonly bool isTransposed;
    private readonly int inputs;

    private PlainProduct(Tensor weight, bool isTransposed)
    {
        (this.weight, this.isTransposed, Outputs, inputs) = (weight, isTransposed, (int)weight.shape[0], (int)weight.shape[1]);
        stride = weight.stride(isTransposed ? 1 : 0);
        using var first = weight.narrow(0, 0, 1).narrow(1, 0, 1);
        address = (nint)RowMath.At(first);
    }

    public int Outputs { get; }

    /// <summary>Null for weights that lie otherwise, are no float32, or are elsewhere.</summary>
    public static PlainProduct? Of(Linear linear)
    {
        var weight = linear.Stored;
        if (linear.Blocks is not null || weight.dtype != ScalarType.Float32 || weight.device_type != TorchSharp.DeviceType.CPU || weight.dim() != 2
            || weight.numel() == 0)
        {
            return null;
        }

        return weight.stride(1) == 1 ? new PlainProduct(weight, false) : weight.stride(0) == 1 ? new PlainProduct(weight, true) : null;
    }

    /// <param name="x">One row (..., in), contiguous.</param>
    /// <returns>(..., out), owned by the caller.</returns>
    public Tensor Apply(Tensor x)
    {
        var result = empty([.. x.shape[..^1], Outputs], ScalarType.Float32);
        Rows(RowMath.At(x), RowMath.At(result), 0, Outputs);
        GC.KeepAlive(weight);
        GC.KeepAlive(x);
        return result;
    }

    /// <summary>Some outputs of one vector.</summary>
    /// <param name="x">(in).</param>
    /// <param name="y">(out).</param>
    /// <param name="from">First output.</param>
    /// <param name="to">Behind the last.</param>
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
