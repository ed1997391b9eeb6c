using static TorchSharp.torch;

namespace Vitrine.Transformers.Engine;

/// <summary>A norm held at the scale that it had for one tensor, so that it is linear in parts of that tensor.</summary>
internal sealed class FrozenNorm
{
    private readonly Norm norm;
    private readonly Tensor scale;
    private readonly Tensor? condition;

    /// <param name="norm">LayerNorm: sqrt(var + eps); RMS: sqrt(mean square + eps).</param>
    /// <param name="at">(...,d): what it normed.</param>
    /// <param name="condition">(1,c), which makes the gain of a conditioned norm; null for a norm that takes none.</param>
    public FrozenNorm(Norm norm, Tensor at, Tensor? condition = null)
    {
        (this.norm, this.condition) = (norm, condition);
        var centred = norm.Centred(at.Widened());
        using var epsilon = tensor(norm.Spec.Epsilon, centred.dtype, at.device);
        scale = (centred * centred).mean([-1], keepdim: true).Plus(epsilon).sqrt();
    }

    /// <summary>The part of the normed tensor that a part of the tensor makes up, bias left out; in float32 where the tensors have 16 bits.</summary>
    /// <param name="part">Broadcasts with the tensor.</param>
    /// <param name="gain">Whether the norm's gain is on it.</param>
    public Tensor Apply(Tensor part, bool gain)
    {
        var scaled = norm.Centred(part.Widened()) / scale;
        return gain ? scaled * norm.GainUnder(condition) : scaled;
    }

    /// <summary>The transpose: for u at the normed tensor the v with u . normed(part) = v . part, the gain included, for any part.</summary>
    /// <param name="direction">Broadcasts with the tensor.</param>
    public Tensor Pulled(Tensor direction) => norm.Centred(direction.Widened() * norm.GainUnder(condition)) / scale;
}
