using TorchSharp;
using Vitrine.Mechanisms.Pictures;
using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.InputAttribution;

/// <summary>Tensors with the value of one thing and the derivative of another.</summary>
internal static class Slopes
{
    private static readonly Scalar One = 1, MinusOne = -1, Nothing = 0, Half = .5, Close = 1e-5, CloseInDouble = 1e-11;

    /// <summary>The value of <paramref name="value"/> with the derivative of <paramref name="derivative"/>.</summary>
    public static Tensor WithDerivativeOf(this Tensor value, Tensor derivative) => value.detach().Plus(derivative.Minus(derivative.detach()));

    /// <summary>a / b, and <paramref name="otherwise"/> where b is 0.</summary>
    public static Tensor Over(this Tensor a, Tensor b, Tensor otherwise)
    {
        var isZero = b.eq(Nothing);
        return where(isZero, otherwise, a / b.masked_fill(isZero, One));
    }

    /// <summary>z / (z + s(z) epsilon), with s(0) = 1.</summary>
    public static Tensor Damped(Tensor z, double epsilon, Tensor? of = null)
    {
        Scalar step = epsilon;
        var sign = where(z.ge(Nothing), ones_like(z), full_like(z, MinusOne));
        var divisor = z.Plus(sign * step);
        GC.KeepAlive(step);
        return (of ?? z).Over(divisor, zeros_like(z));
    }

    /// <summary>The mean of a row and its reference, for each of both, without a graph; references are the second half of the rows.</summary>
    public static Tensor Middle(this Tensor x)
    {
        var halves = x.detach().chunk(2, 0);
        var middle = halves[0].Plus(halves[1]) * Half;
        return cat([middle, middle], 0);
    }

    /// <summary>The slope between each row and its reference, for each of both: (y - y0) / (x - x0), the derivative where they meet.</summary>
    /// <param name="x">(2N,...), references behind.</param>
    /// <param name="y">f(x), element by element, with its graph.</param>
    public static Tensor Secant(Tensor x, Tensor y) => Secant(x.detach(), y.detach(), autograd.grad([y], [x], [ones_like(y)], retain_graph: true)[0]);

    /// <summary>The same where the derivative is known.</summary>
    /// <remarks>Where two numbers agree in all but the last digits, their difference is rounding.</remarks>
    public static Tensor Secant(Tensor x, Tensor y, Tensor derivative)
    {
        var (xs, ys) = (x.chunk(2, 0), y.chunk(2, 0));
        var difference = xs[0].Minus(xs[1]);
        var meets = difference.abs().le(xs[0].abs().Plus(xs[1].abs()) * (x.dtype == float64 ? CloseInDouble : Close));
        var slope = where(meets, derivative.chunk(2, 0)[0], ys[0].Minus(ys[1]) / difference.masked_fill(meets, One));
        return cat([slope, slope], 0).detach();
    }
}
