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

    private readonly float[] frequencyOfEach = [.. Enumerable.Range(0, spec.Width / 2).Select(i => Frequency(spec, i))];

    private readonly Tensor? axisOfEach = spec.Axes is { } axes
        ? tensor(Enumerable.Range(0, spec.Width / 2).Select(i => (long)axes.AxisOf(i)).ToArray(), device: device).DetachFromDisposeScope()
        : null;

    /// <summary>Cosines, and sines that are negative on the first half, of a pass's positions: (B,T,1,width) each.</summary>
    public (Tensor Cos, Tensor Sin) Tables(Pass pass, ScalarType dtype)
    {
        if (dtype == ScalarType.Float32 && device.type == DeviceType.CPU && !spec.CountsOwnTokens && pass.OnlyPositionId is { } position)
        {
            return TablesOfOne(position);
        }

        var angles = (Positions(pass).to(float32) * frequencies).unsqueeze(2);                              // (B, T, 1, width/2)
        var (cos, sin) = (angles.cos(), angles.sin());
        return (cat([cos, cos], -1).to(dtype), cat([sin.neg(), sin], -1).to(dtype));
    }

    /// <summary>Coordinates that turn.</summary>
    public int Width => spec.Width;

    /// <summary>Cosines and sines of one position (width/2) each.</summary>
    public void Row(long position, Span<float> cos, Span<float> sin)
    {
        for (var i = 0; i < frequencyOfEach.Length; i++)
        {
            (sin[i], cos[i]) = MathF.SinCos(position * frequencyOfEach[i]);
        }
    }

    private (Tensor Cos, Tensor Sin) TablesOfOne(long position)
    {
        var half = frequencyOfEach.Length;
        float[] cos = new float[2 * half], sin = new float[2 * half];
        Row(position, cos, sin.AsSpan(half));
        for (var i = 0; i < half; i++)
        {
            (cos[half + i], sin[i]) = (cos[i], -sin[half + i]);
        }

        return (tensor(cos, [1, 1, 1, 2 * half]), tensor(sin, [1, 1, 1, 2 * half]));
    }

    /// <summary>The position that each frequency turns by: (B,T,1), or (B,T,width/2) where they read different axes.</summary>
    private Tensor Positions(Pass pass) => spec.CountsOwnTokens ? pass.OwnPlaces().unsqueeze(-1)
        : axisOfEach is null || pass.GivenPositionIds is not { Count: > 1 } ? pass.PositionIds().unsqueeze(-1)
        : pass.PositionAxes()[axisOfEach].permute(1, 2, 0);

    /// <summary>(a, b) -> (a cos - b sin, b cos + a sin) on the halves of the part of each head that turns.</summary>
    /// <param name="x">(B,T,H,hd).</param>
    /// <param name="tables">Of the pass.</param>
    public static Tensor Turned(Tensor x, (Tensor Cos, Tensor Sin) tables)
    {
        var (turning, width) = (tables.Cos.shape[^1], x.shape[^1]);
        if (RowMath.Takes(x) && tables.Cos.dtype == ScalarType.Float32)
        {
            return TurnedOne(x, tables, (int)turning, (int)width);
        }

        return turning == width
            ? TurnedWhole(x, tables)
            : cat([TurnedWhole(x.narrow(-1, 0, turning), tables), x.narrow(-1, turning, width - turning)], -1);
    }

    private static unsafe Tensor TurnedOne(Tensor x, (Tensor Cos, Tensor Sin) tables, int turning, int width)
    {
        var turned = x.clone();
        RowMath.Turn(RowMath.At(turned), (int)(x.numel() / width), width, RowMath.At(tables.Cos), RowMath.At(tables.Sin) + (turning / 2), turning);
        return turned;
    }

    private static Tensor TurnedWhole(Tensor x, (Tensor Cos, Tensor Sin) tables)
        => (x * tables.Cos).addcmul_(OnAnyDevice.HalvesSwapped(x), tables.Sin, One);

    private static float Frequency(RotarySpec spec, int i)
    {
        var (place, width) = spec.Axes is { Order: AxisOrder.Apart } axes ? (axes.PlaceOf(i), 2 * axes.Sections[axes.AxisOf(i)]) : (i, spec.Width);
        var plain = 1 / MathF.Pow((float)spec.Theta, 2 * place / (float)width);
        if (spec.LinearFactor is { } factorOfAll)
        {
            return plain / (float)factorOfAll;
        }

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
