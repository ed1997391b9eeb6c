using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Caches;

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
        using var epsilon = tensor(norm.Spec.Epsilon, at.dtype, at.device);
        var centred = Centred(at);
        scale = (centred * centred).mean([-1], keepdim: true).Plus(epsilon).sqrt();
    }

    /// <summary>The part of the normed tensor that a part of the tensor makes up, bias left out.</summary>
    /// <param name="part">Broadcasts with the tensor.</param>
    /// <param name="gain">Whether the norm's gain is on it.</param>
    public Tensor Apply(Tensor part, bool gain)
    {
        var scaled = Centred(part) / scale;
        return gain ? scaled * norm.Gain : scaled;
    }

    private Tensor Centred(Tensor x) => norm.Spec.Kind == NormKind.LayerNorm ? x - x.mean([-1], keepdim: true) : x;
}
