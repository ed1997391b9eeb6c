namespace Vitrine.Inputs.Pictures;

/// <summary>Weights as whole numbers of 2^-Bits, for pictures of 8-bit pixels.</summary>
internal sealed record FixedPointTaps(int[] First, int[][] Weights, int Bits)
{
    /// <summary>Pillow: 22 bits, which leaves 8 for the pixel and 2 for overshoot in an int32.</summary>
    public static FixedPointTaps Pillow(Taps taps) => Quantised(taps, 22);

    /// <summary>torch: as many bits as let the largest weight fit an int16.</summary>
    /// <remarks>Source: pytorch, aten UpSampleKernel.cpp, the int16 weights of the uint8 kernels.</remarks>
    public static FixedPointTaps Torch(Taps taps)
    {
        var largest = Math.Max(0, taps.Weights.Max(w => w.DefaultIfEmpty(0).Max()));
        var bits = 0;
        while (bits < 22 && (int)(0.5 + (largest * (1 << (bits + 1)))) < 1 << 15)
        {
            bits++;
        }

        return Quantised(taps, bits);
    }

    private static FixedPointTaps Quantised(Taps taps, int bits)
        => new(taps.First, [.. taps.Weights.Select(ws => ws.Select(w => (int)Math.Round(w * (1 << bits), MidpointRounding.AwayFromZero)).ToArray())], bits);
}
