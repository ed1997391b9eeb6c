using System.Runtime.InteropServices;

namespace Vitrine.Checkpoints.Gguf;

/// <summary>Every IEEE half as a float32, by its 16 bits: one read where a conversion would take ten operations.</summary>
/// <remarks>
/// .NET has no intrinsic for the processor's own conversion; scales stand before every 32 or 256 weights. 256 kB, of which a model's scales touch a few.
/// </remarks>
internal static unsafe class HalfTable
{
    /// <summary>65,536 numbers that live as long as the process.</summary>
    public static readonly float* Values = Made();

    private static float* Made()
    {
        var values = (float*)NativeMemory.AlignedAlloc((1 << 16) * sizeof(float), 64);
        for (var bits = 0; bits < 1 << 16; bits++)
        {
            values[bits] = (float)BitConverter.UInt16BitsToHalf((ushort)bits);
        }

        return values;
    }
}
