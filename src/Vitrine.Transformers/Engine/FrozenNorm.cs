using static TorchSharp.torch;

namespace Vitrine.Transformers.Engine;

/// <summary>A norm held at the scale that it had for one tensor, so that it is linear in parts of that tensor.</summary>
internal sealed class FrozenNorm
{
    private readonly Norm norm;
    private readonly Tensor scale;

    /// <param name="norm">LayerNorm: sqrt(var + eps); RMS: sqrt(mean square + eps).</param>
    /// <param name="at">(...,d): what it normed.</param>
    public FrozenNorm(Norm norm, Tensor at)
    {
        this.norm = norm;
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
        return gain ? scaled * norm.Gain.Widened() : scaled;
    }
}
