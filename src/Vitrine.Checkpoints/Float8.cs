using System.Buffers.Binary;

namespace Vitrine.Checkpoints;

/// <summary>The 8-bit floats: their 256 values, and the nearest code to a value.</summary>
/// <remarks>
/// E5M2 is the upper byte of an IEEE half; E4M3 has bias 7, no infinities, all ones is NaN (Micikevicius et al. 2022); E8M0 is a power of two with bias 127,
/// 255 is NaN (OCP MX v1.0).
/// </remarks>
internal static class Float8
{
    private static readonly float[] E5M2 = Table(b => (float)BinaryPrimitives.ReadHalfLittleEndian([0, b]));
    private static readonly float[] E4M3 = Table(E4M3Value);
    private static readonly float[] E8M0 = Table(b => b == 255 ? float.NaN : MathF.ScaleB(1, b - 127));

    public static float[] Values(Dtype dtype) => dtype switch { Dtype.F8E5M2 => E5M2, Dtype.F8E4M3 => E4M3, _ => E8M0 };

    /// <summary>The nearest code, ties to the even one; false beyond the largest value, and for what the format lacks.</summary>
    public static bool TryEncode(Dtype dtype, float value, out byte code)
    {
        var table = Values(dtype);
        var signed = dtype != Dtype.F8E8M0;
        code = 0;
        if (float.IsNaN(value))
        {
            code = dtype == Dtype.F8E5M2 ? (byte)0x7e : signed ? (byte)0x7f : (byte)0xff;
            return true;
        }

        // Positive codes ascend with their values; this is the last finite one (E5M2 ends with infinity and NaNs).
        var last = dtype switch { Dtype.F8E5M2 => 0x7b, Dtype.F8E4M3 => 0x7e, _ => 0xfe };
        var magnitude = MathF.Abs(value);
        var sign = signed && float.IsNegative(value) ? 0x80 : 0;
        if (dtype == Dtype.F8E5M2 && float.IsInfinity(value))
        {
            code = (byte)(sign | 0x7c);
            return true;
        }

        if (magnitude > table[last] || (!signed && (value <= 0 || magnitude < table[0])))
        {
            return false;
        }

        var upper = Array.BinarySearch(table, 0, last + 1, magnitude);
        if (upper < 0)
        {
            upper = ~upper;
            double below = (double)magnitude - table[upper - 1], above = (double)table[upper] - magnitude;
            upper -= below < above || (below == above && upper % 2 == 1) ? 1 : 0;
        }

        code = (byte)(sign | upper);
        return true;
    }

    private static float E4M3Value(byte b)
    {
        var (sign, exponent, mantissa) = (b >> 7 == 0 ? 1f : -1f, (b >> 3) & 15, b & 7);
        return (b & 0x7f) == 0x7f ? float.NaN
            : exponent == 0 ? sign * MathF.ScaleB(mantissa / 8f, -6)
            : sign * MathF.ScaleB(1 + (mantissa / 8f), exponent - 7);
    }

    private static float[] Table(Func<byte, float> value) => [.. Enumerable.Range(0, 256).Select(b => value((byte)b))];
}
