using Vitrine.Checkpoints.Gguf;

namespace Vitrine.Tests.Checkpoints;

/// <summary>ggml's formats one number at a time, written down from the loops of ggml-quants.c (<c>dequantize_row_*</c>); and blocks of random bits.</summary>
internal static class BlockFormula
{
    private static readonly float[] Uneven = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

    public static readonly GgufType[] Quantised =
    [
        GgufType.Q4_0, GgufType.Q4_1, GgufType.Q5_0, GgufType.Q5_1, GgufType.Q8_0, GgufType.Q2_K, GgufType.Q3_K, GgufType.Q4_K, GgufType.Q5_K, GgufType.Q6_K,
        GgufType.IQ4_NL, GgufType.IQ4_XS,
    ];

    /// <summary>Whole blocks of random codes with scales of a size that weights have.</summary>
    public static byte[] Random(GgufType type, int elements, int seed)
    {
        var (perBlock, size) = type.Block();
        var bytes = new byte[elements / perBlock * size];
        var random = new Random(seed);
        random.NextBytes(bytes);
        for (var at = 0; at < bytes.Length; at += size)
        {
            foreach (var place in HalvesOf(type))
            {
                var scale = (random.NextSingle() - 0.5f) / 16;
                BitConverter.TryWriteBytes(bytes.AsSpan(at + place),
                    type == GgufType.BF16 ? (ushort)(BitConverter.SingleToUInt32Bits(scale) >> 16) : BitConverter.HalfToUInt16Bits((Half)scale));
            }
        }

        return bytes;
    }

    public static float[] Of(GgufType type, ReadOnlySpan<byte> bytes)
    {
        var (elements, size) = type.Block();
        var all = new float[bytes.Length / size * elements];
        for (var block = 0; block < bytes.Length / size; block++)
        {
            var b = bytes.Slice(block * size, size);
            for (var i = 0; i < elements; i++)
            {
                all[(block * elements) + i] = One(type, b, i);
            }
        }

        return all;
    }

    private static int[] HalvesOf(GgufType type) => type switch
    {
        GgufType.F16 or GgufType.BF16 or GgufType.Q4_0 or GgufType.Q5_0 or GgufType.Q8_0 or GgufType.IQ4_NL or GgufType.IQ4_XS => [0],
        GgufType.Q4_1 or GgufType.Q5_1 or GgufType.Q4_K or GgufType.Q5_K => [0, 2],
        GgufType.Q2_K => [80, 82],
        GgufType.Q3_K => [108],
        GgufType.Q6_K => [208],
        _ => [],
    };

    private static float One(GgufType type, ReadOnlySpan<byte> b, int i)
    {
        switch (type)
        {
            case GgufType.F16:
                return Half(b, 0);
            case GgufType.BF16:
                return BitConverter.UInt32BitsToSingle((uint)BitConverter.ToUInt16(b) << 16);
            case GgufType.Q4_0:
                return (Nibble(b[2..], i) - 8) * Half(b, 0);
            case GgufType.Q4_1:
                return Plus(Nibble(b[4..], i) * Half(b, 0), Half(b, 2));
            case GgufType.Q5_0:
                return ((Nibble(b[6..], i) | (Bit(b[2..], i) << 4)) - 16) * Half(b, 0);
            case GgufType.Q5_1:
                return Plus((Nibble(b[8..], i) | (Bit(b[4..], i) << 4)) * Half(b, 0), Half(b, 2));
            case GgufType.Q8_0:
                return (sbyte)b[2 + i] * Half(b, 0);
            case GgufType.IQ4_NL:
                return Half(b, 0) * Uneven[Nibble(b[2..], i)];
            case GgufType.Q2_K:
                {
                    var (n, j, l) = (i / 128, i % 128 / 32, i % 32);
                    var sc = b[(n * 8) + (j * 2) + (l / 16)];
                    var q = (b[16 + (n * 32) + l] >> (2 * j)) & 3;
                    return Plus(Half(b, 80) * (sc & 15) * q, -(Half(b, 82) * (sc >> 4)));
                }

            case GgufType.Q3_K:
                {
                    var (n, j, l) = (i / 128, i % 128 / 32, i % 32);
                    var at = (n * 8) + (j * 2) + (l / 16);
                    var scale = SixOfThree(b.Slice(96, 12))[at] - 32;
                    var q = ((b[32 + (n * 32) + l] >> (2 * j)) & 3) - ((b[l] & (1 << ((n * 4) + j))) != 0 ? 0 : 4);
                    return Half(b, 108) * scale * q;
                }

            case GgufType.Q4_K:
                {
                    var (scale, minimum) = SixOfFour(b.Slice(4, 12), i / 32);
                    var q = (b[16 + (i / 64 * 32) + (i % 32)] >> (i % 64 / 32 * 4)) & 15;
                    return Plus(Half(b, 0) * scale * q, -(Half(b, 2) * minimum));
                }

            case GgufType.Q5_K:
                {
                    var (scale, minimum) = SixOfFour(b.Slice(4, 12), i / 32);
                    var q = ((b[48 + (i / 64 * 32) + (i % 32)] >> (i % 64 / 32 * 4)) & 15) + ((b[16 + (i % 32)] & (1 << (i / 32))) != 0 ? 16 : 0);
                    return Plus(Half(b, 0) * scale * q, -(Half(b, 2) * minimum));
                }

            case GgufType.Q6_K:
                {
                    var (n, row, l) = (i / 128, i % 128 / 32, i % 32);
                    var low = b[(n * 64) + (row % 2 * 32) + l];
                    var q = (((row < 2 ? low : low >> 4) & 15) | (((b[128 + (n * 32) + l] >> (2 * row)) & 3) << 4)) - 32;
                    return Half(b, 208) * (sbyte)b[192 + (n * 8) + (row * 2) + (l / 16)] * q;
                }

            case GgufType.IQ4_XS:
                {
                    var part = i / 32;
                    var scale = ((b[4 + (part / 2)] >> (4 * (part % 2))) & 15) | (((BitConverter.ToUInt16(b[2..]) >> (2 * part)) & 3) << 4);
                    return Half(b, 0) * (scale - 32) * Uneven[Nibble(b[(8 + (part * 16))..], i % 32)];
                }

            default:
                throw new ArgumentOutOfRangeException(nameof(type));
        }
    }

    /// <summary>A sum that is rounded for itself.</summary>
    private static float Plus(float product, float minimum) => (float)((double)product + minimum);

    private static float Half(ReadOnlySpan<byte> b, int at) => (float)BitConverter.ToHalf(b[at..]);

    private static int Nibble(ReadOnlySpan<byte> codes, int i) => i < 16 ? codes[i] & 15 : codes[i - 16] >> 4;

    private static int Bit(ReadOnlySpan<byte> bits, int i) => (bits[i / 8] >> (i % 8)) & 1;

    private static (int Scale, int Minimum) SixOfFour(ReadOnlySpan<byte> q, int j) => j < 4
        ? (q[j] & 63, q[j + 4] & 63)
        : ((q[j + 4] & 15) | ((q[j - 4] >> 6) << 4), (q[j + 4] >> 4) | ((q[j] >> 6) << 4));

    /// <remarks>As ggml shuffles the twelve bytes of Q3_K, four at a time.</remarks>
    private static byte[] SixOfThree(ReadOnlySpan<byte> bytes)
    {
        const uint Two = 0x03030303, Four = 0x0f0f0f0f;
        var (a, b, upper) = (BitConverter.ToUInt32(bytes), BitConverter.ToUInt32(bytes[4..]), BitConverter.ToUInt32(bytes[8..]));
        uint[] words =
        [
            (a & Four) | ((upper & Two) << 4), (b & Four) | (((upper >> 2) & Two) << 4),
            ((a >> 4) & Four) | (((upper >> 4) & Two) << 4), ((b >> 4) & Four) | (((upper >> 6) & Two) << 4),
        ];
        return [.. words.SelectMany(BitConverter.GetBytes)];
    }
}
