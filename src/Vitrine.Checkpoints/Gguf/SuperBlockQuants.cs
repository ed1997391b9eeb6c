using System.Runtime.Intrinsics;

namespace Vitrine.Checkpoints.Gguf;

/// <summary>ggml's formats of 256 elements a block ("K" quants), whose scales are quantised themselves.</summary>
/// <remarks>Layout and order of operations after ggml, <c>dequantize_row_q4_K</c>, <c>_q5_K</c>, <c>_q6_K</c>; equal to the last bit.</remarks>
internal static class SuperBlockQuants
{
    private const int Elements = 256;

    /// <remarks>
    /// Block: scale of scales, scale of minima (halves), 12 bytes of 6-bit scales and minima, 128 bytes of codes. Each 32 bytes of codes serve two parts of 32:
    /// low halves, then high halves.
    /// </remarks>
    public static void Q4(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        for (; values.Length > 0; blocks = blocks[144..], values = values[Elements..])
        {
            var scales = blocks.Slice(4, 12);
            var codes = blocks.Slice(16, 128);
            for (var part = 0; part < 8; part += 2)
            {
                var (first, second) = (Part(blocks, scales, part), Part(blocks, scales, part + 1));
                for (var half = 0; half < 32; half += 16)
                {
                    var (low, high) = BlockQuants.Nibbles(codes[((part * 16) + half)..]);
                    BlockQuants.Store(low.AsSByte(), first.Scale, first.Minimum, values[((part * 32) + half)..]);
                    BlockQuants.Store(high.AsSByte(), second.Scale, second.Minimum, values[((part * 32) + 32 + half)..]);
                }
            }
        }
    }

    /// <remarks>As <see cref="Q4"/>, with 32 bytes of fifth bits before the codes: bit p of byte l belongs to element l of part p.</remarks>
    public static void Q5(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        for (; values.Length > 0; blocks = blocks[176..], values = values[Elements..])
        {
            var scales = blocks.Slice(4, 12);
            var fifth = blocks.Slice(16, 32);
            var codes = blocks.Slice(48, 128);
            for (var part = 0; part < 8; part += 2)
            {
                var (first, second) = (Part(blocks, scales, part), Part(blocks, scales, part + 1));
                for (var half = 0; half < 32; half += 16)
                {
                    var (low, high) = BlockQuants.Nibbles(codes[((part * 16) + half)..]);
                    var bits = Vector128.Create(fifth.Slice(half, 16));
                    BlockQuants.Store((low | Fifth(bits, part)).AsSByte(), first.Scale, first.Minimum, values[((part * 32) + half)..]);
                    BlockQuants.Store((high | Fifth(bits, part + 1)).AsSByte(), second.Scale, second.Minimum, values[((part * 32) + 32 + half)..]);
                }
            }
        }
    }

    /// <remarks>
    /// Block: 128 bytes of low halves, 64 bytes of upper pairs of bits, 16 signed scales, scale of scales (half). Two halves of 128 elements, each of four rows
    /// of 32: rows 0 and 1 take the low, rows 2 and 3 the high halves of bytes 0 to 31 and 32 to 63; row r takes bits 2r and 2r + 1 of the upper bytes.
    /// </remarks>
    public static void Q6(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        for (; values.Length > 0; blocks = blocks[210..], values = values[Elements..])
        {
            var scale = BlockQuants.Half(blocks[208..]);
            for (var half = 0; half < 2; half++)
            {
                var codes = blocks.Slice(half * 64, 64);
                var upper = blocks.Slice(128 + (half * 32), 32);
                var scales = blocks.Slice(192 + (half * 8), 8);
                for (var at = 0; at < 32; at += 16)
                {
                    var bits = Vector128.Create(upper.Slice(at, 16));
                    var (row0, row2) = BlockQuants.Nibbles(codes[at..]);
                    var (row1, row3) = BlockQuants.Nibbles(codes[(32 + at)..]);
                    Row(row0, bits, 0, scale, scales, at, values[(half * 128)..]);
                    Row(row1, bits, 1, scale, scales, at, values[(half * 128)..]);
                    Row(row2, bits, 2, scale, scales, at, values[(half * 128)..]);
                    Row(row3, bits, 3, scale, scales, at, values[(half * 128)..]);
                }
            }
        }
    }

    private static void Row(Vector128<byte> low, Vector128<byte> bits, int row, float scale, ReadOnlySpan<byte> scales, int at, Span<float> values)
    {
        var upper = Vector128.ShiftLeft(Vector128.ShiftRightLogical(bits, 2 * row) & Vector128.Create((byte)3), 4);
        BlockQuants.Store((low | upper).AsSByte() - Vector128.Create((sbyte)32), scale * (sbyte)scales[(2 * row) + (at / 16)], values[((32 * row) + at)..]);
    }

    private static (float Scale, float Minimum) Part(ReadOnlySpan<byte> block, ReadOnlySpan<byte> scales, int part)
    {
        var (scale, minimum) = SixBits(scales, part);
        return (BlockQuants.Half(block) * scale, -(BlockQuants.Half(block[2..]) * minimum));
    }

    /// <remarks>
    /// Parts 0 to 3 have their 6 bits whole; parts 4 to 7 have 4 bits in the last four bytes and 2 in the upper bits of the first eight (ggml,
    /// <c>get_scale_min_k4</c>).
    /// </remarks>
    private static (int Scale, int Minimum) SixBits(ReadOnlySpan<byte> s, int part) => part < 4
        ? (s[part] & 63, s[part + 4] & 63)
        : ((s[part + 4] & 15) | (s[part - 4] >> 6 << 4), (s[part + 4] >> 4) | (s[part] >> 6 << 4));

    private static Vector128<byte> Fifth(Vector128<byte> bits, int part)
    {
        var bit = Vector128.Create((byte)(1 << part));
        return Vector128.Equals(bits & bit, bit) & Vector128.Create((byte)0x10);
    }
}
