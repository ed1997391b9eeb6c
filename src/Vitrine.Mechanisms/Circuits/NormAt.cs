using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Circuits;

/// <summary>A norm at the input that it had, as derivatives pass through it.</summary>
/// <remarks>
/// y = g n + b with n = (x - m) / s. With u = g v the derivative of v y by x is (u' - n (n u) / d) / s, and u' is u without its mean where the norm centres;
/// along a direction D that is the same as (u D' - (n u)(n D) / d) / s with D' = D without its mean.
/// </remarks>
internal sealed class NormAt
{
    /// <param name="norm">The norm.</param>
    /// <param name="x">(B,T,d): what it read.</param>
    /// <param name="condition">Of the pass; null for none.</param>
    public NormAt(Norm norm, Tensor x, Tensor? condition)
    {
        Shift = norm.Bias?.Widened();
        Gain = norm.Modulation is null || condition is null ? norm.Gain.Widened() : Modulated(norm.Modulation, condition);
        using var scope = NewDisposeScope();
        var epsilon = tensor(norm.Spec.Epsilon, x.dtype.OfSums(), x.device);
        var centred = norm.Centred(x.Widened());
        var length = centred.norm(-1, keepdim: true);
        var width = tensor(1.0 / x.shape[^1], centred.dtype, device: x.device);
        Inverse = (length * length * width).Plus(epsilon).rsqrt().MoveToOuterDisposeScope();
        Normed = (centred * Inverse).MoveToOuterDisposeScope();
    }

    /// <summary>(B,T,d): n.</summary>
    public Tensor Normed { get; }

    /// <summary>(B,T,1): 1 / s.</summary>
    public Tensor Inverse { get; }

    /// <summary>(d), or (B,T or 1,d) under a condition: g.</summary>
    public Tensor Gain { get; }

    /// <summary>(d): b; null for none, and under a condition, where it is not looked at.</summary>
    public Tensor? Shift { get; }

    private static Tensor Modulated(Linear modulation, Tensor condition)
    {
        var all = modulation.Apply(condition);
        using var one = tensor(1f, device: condition.device);
        return (all.dim() == 2 ? all.unsqueeze(1) : all).chunk(3, -1)[0].Widened().Plus(one);
    }
}
