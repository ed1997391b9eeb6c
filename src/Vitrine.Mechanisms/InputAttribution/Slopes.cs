using TorchSharp;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.InputAttribution;

/// <summary>Tensors with the value of one thing and the derivative of another.</summary>
internal static class Slopes
{
    private static readonly Scalar One = 1, MinusOne = -1, Nothing = 0, Half = .5;

    /// <summary>The value of <paramref name="value"/> with the derivative of <paramref name="derivative"/>.</summary>
    public static Tensor WithDerivativeOf(this Tensor value, Tensor derivative) => value.detach() + (derivative - derivative.detach());

    /// <summary>a / b, and <paramref name="otherwise"/> where |b| is at most <paramref name="least"/>.</summary>
    public static Tensor Over(this Tensor a, Tensor b, Tensor otherwise, double least = 0)
    {
        Scalar limit = least;
        var meets = b.abs().le(limit);
        GC.KeepAlive(limit);
        return where(meets, otherwise, a / b.masked_fill(meets, One));
    }

    /// <summary>z / (z + s(z) epsilon), with s(0) = 1.</summary>
    public static Tensor Damped(Tensor z, double epsilon, Tensor? of = null)
    {
        Scalar step = epsilon;
        var sign = where(z.ge(Nothing), ones_like(z), full_like(z, MinusOne));
        var divisor = z + (sign * step);
        GC.KeepAlive(step);
        return (of ?? z).Over(divisor, zeros_like(z));
    }

    /// <summary>The mean of a row and its reference, for each of both, without a graph; references are the second half of the rows.</summary>
    public static Tensor Middle(this Tensor x)
    {
        var halves = x.detach().chunk(2, 0);
        var middle = (halves[0] + halves[1]) * Half;
        return cat([middle, middle], 0);
    }

    /// <summary>The slope between each row and its reference, for each of both: (y - y0) / (x - x0), the derivative where they meet.</summary>
    /// <param name="x">(2N,...), references behind.</param>
    /// <param name="y">f(x), element by element, with its graph.</param>
    public static Tensor Secant(Tensor x, Tensor y)
    {
        var (dx, dy) = (Difference(x), Difference(y));
        var derivative = autograd.grad([y], [x], [ones_like(y)], retain_graph: true)[0].narrow(0, 0, dx.shape[0]);
        var slope = dy.Over(dx, derivative, 1e-6);
        return cat([slope, slope], 0).detach();
    }

    private static Tensor Difference(Tensor x)
    {
        var halves = x.detach().chunk(2, 0);
        return halves[0] - halves[1];
    }
}
