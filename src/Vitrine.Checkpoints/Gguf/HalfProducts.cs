using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Vitrine.Checkpoints.Gguf;

/// <summary>Rows of IEEE halves times a vector: <see cref="IeeeHalves"/> for numbers that are finite, as weights are.</summary>
/// <remarks>
/// Infinity and NaN cost as many operations as all else in widening; here a row is only told whether it has one, of 32 weights at a time: one added to an
/// exponent of all ones turns the sign over. Such a row is then multiplied again, slowly. The sums have the bits of <see cref="BlockProducts"/>.
/// </remarks>
internal static unsafe class HalfProducts
{
    private const short OneExponent = 0x0400;
    private const MethodImplOptions Hot = MethodImplOptions.AggressiveOptimization;

    /// <summary>As <see cref="BlockProducts.Multiply"/>.</summary>
    public static void Multiply(BlockRows rows, byte* weights, float* x, float* y, int from, int to, Registers with)
    {
        var (blocks, bytes) = ((int)(rows.Columns / BlockProducts.Step), rows.RowBytes);
        for (var row = from; row < to; row++)
        {
            var at = weights + (row * bytes);
            var sum = y + rows.PlaceOf(row);
            if (with == Registers.Narrow || !(with == Registers.Wide ? OneWide(at, blocks, x, sum) : OneMiddle(at, blocks, x, sum)))
            {
                BlockProducts.One<IeeeHalves>(at, blocks, x, sum, with);
            }
        }
    }

    /// <returns>Whether every weight is finite; else the sum is none.</returns>
    [MethodImpl(Hot)]
    private static bool OneWide(byte* w, int blocks, float* x, float* sum)
    {
        var (a, b, odd) = (Vector512<float>.Zero, Vector512<float>.Zero, Vector512<short>.Zero);
        var (kept, raised, exponent) = (Vector512.Create(IeeeHalves.Kept), Vector512.Create(IeeeHalves.Raised), Vector512.Create(OneExponent));
        for (var end = w + (blocks * IeeeHalves.Bytes); w < end; w += IeeeHalves.Bytes, x += BlockProducts.Step)
        {
            var both = Vector512.Load((short*)w);
            odd |= (both + exponent) ^ both;
            var first = (Avx512F.ConvertToVector512Int32(Vector256.Load((short*)w)) << 13) & kept;
            var second = (Avx512F.ConvertToVector512Int32(Vector256.Load((short*)w + 16)) << 13) & kept;
            a = Vector512.FusedMultiplyAdd(first.AsSingle() * raised, Vector512.Load(x), a);
            b = Vector512.FusedMultiplyAdd(second.AsSingle() * raised, Vector512.Load(x + 16), b);
        }

        *sum = BlockProducts.Sum(a, b);
        return odd.ExtractMostSignificantBits() == 0;
    }

    /// <inheritdoc cref="OneWide"/>
    [MethodImpl(Hot)]
    private static bool OneMiddle(byte* w, int blocks, float* x, float* sum)
    {
        var (a, b, c, d) = (Vector256<float>.Zero, Vector256<float>.Zero, Vector256<float>.Zero, Vector256<float>.Zero);
        var (odd, exponent) = (Vector256<short>.Zero, Vector256.Create(OneExponent));
        for (var end = w + (blocks * IeeeHalves.Bytes); w < end; w += IeeeHalves.Bytes, x += BlockProducts.Step)
        {
            Vector256<short> low = Vector256.Load((short*)w), high = Vector256.Load((short*)w + 16);
            odd |= ((low + exponent) ^ low) | ((high + exponent) ^ high);
            a = Vector256.FusedMultiplyAdd(Eight((short*)w), Vector256.Load(x), a);
            b = Vector256.FusedMultiplyAdd(Eight((short*)w + 8), Vector256.Load(x + 8), b);
            c = Vector256.FusedMultiplyAdd(Eight((short*)w + 16), Vector256.Load(x + 16), c);
            d = Vector256.FusedMultiplyAdd(Eight((short*)w + 24), Vector256.Load(x + 24), d);
        }

        *sum = BlockProducts.Sum(a, b, c, d);
        return odd.ExtractMostSignificantBits() == 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Eight(short* at)
        => ((Avx2.ConvertToVector256Int32(Vector128.Load(at)) << 13) & Vector256.Create(IeeeHalves.Kept)).AsSingle() * Vector256.Create(IeeeHalves.Raised);
}
