using TorchSharp;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Engine;

/// <summary>Tables of a rotation by position.</summary>
/// <remarks>Reference implementations compute wavelengths and angles in float32 (transformers, modeling_rope_utils.py), so do we.</remarks>
internal sealed class Rotary(RotarySpec spec, Device device)
{
    private static readonly Scalar One = 1;
    private readonly Tensor frequencies = tensor(
        Enumerable.Range(0, spec.Width / 2).Select(i => Frequency(spec, i)).ToArray(), device: device).DetachFromDisposeScope();

    /// <summary>Cosines, and sines that are negative on the first half, of a pass's positions: (B,T,1,width) each.</summary>
    public (Tensor Cos, Tensor Sin) Tables(Pass pass, ScalarType dtype)
    {
        var angles = ((spec.CountsOwnTokens ? pass.OwnPlaces() : pass.PositionIds()).to(float32).unsqueeze(-1) * frequencies).unsqueeze(2);             // (B, T, 1, width/2)
        var (cos, sin) = (angles.cos(), angles.sin());
        return (cat([cos, cos], -1).to(dtype), cat([sin.neg(), sin], -1).to(dtype));
    }

    /// <summary>(a, b) -> (a cos - b sin, b cos + a sin) on the halves of the part of each head that turns.</summary>
    /// <param name="x">(B,T,H,hd).</param>
    /// <param name="tables">Of the pass.</param>
    public static Tensor Turned(Tensor x, (Tensor Cos, Tensor Sin) tables)
    {
        var (turning, width) = (tables.Cos.shape[^1], x.shape[^1]);
        return turning == width
            ? TurnedWhole(x, tables)
            : cat([TurnedWhole(x.narrow(-1, 0, turning), tables), x.narrow(-1, turning, width - turning)], -1);
    }

    private static Tensor TurnedWhole(Tensor x, (Tensor Cos, Tensor Sin) tables)
        => (x * tables.Cos).addcmul_(OnAnyDevice.HalvesSwapped(x), tables.Sin, One);

    private static float Frequency(RotarySpec spec, int i)
    {
        var plain = 1 / MathF.Pow((float)spec.Theta, 2 * i / (float)spec.Width);
        if (spec.Scaling is not { } scaling)
        {
            return plain;
        }

        var (factor, low, high, original) = (
            (float)scaling.Factor, (float)scaling.LowFrequencyFactor, (float)scaling.HighFrequencyFactor, (float)scaling.OriginalPositions);
        var wavelength = 2 * MathF.PI / plain;
        if (wavelength > original / low)
        {
            return plain / factor;
        }

        var kept = (original / wavelength - low) / (high - low);
        return wavelength < original / high ? plain : ((1 - kept) * plain / factor) + (kept * plain);
    }
}
