using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Vitrine.Checkpoints.Gguf;

/// <summary>ggml's formats of 32 elements a block.</summary>
/// <remarks>
/// Layout and order of operations after ggml, <c>dequantize_row_q4_0</c> and its sisters: a 16-byte row of codes holds elements 0 to 15 in its low and 16 to 31
/// in its high halves; a value is code * scale, or code * scale + minimum with both roundings (no fused operation), so that results are equal to the last bit.
/// </remarks>
internal static class BlockQuants
{
    private const int Elements = 32;

    public static void Q4Around8(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        for (; values.Length > 0; blocks = blocks[18..], values = values[Elements..])
        {
            var (low, high) = Nibbles(blocks[2..]);
            var scale = Half(blocks);
            Store(low.AsSByte() - Vector128.Create((sbyte)8), scale, values);
            Store(high.AsSByte() - Vector128.Create((sbyte)8), scale, values[16..]);
        }
    }

    public static void Q4WithMinimum(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        for (; values.Length > 0; blocks = blocks[20..], values = values[Elements..])
        {
            var (low, high) = Nibbles(blocks[4..]);
            var (scale, minimum) = (Half(blocks), Half(blocks[2..]));
            Store(low.AsSByte(), scale, minimum, values);
            Store(high.AsSByte(), scale, minimum, values[16..]);
        }
    }

    public static void Q5Around16(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        for (; values.Length > 0; blocks = blocks[22..], values = values[Elements..])
        {
            var (low, high) = FiveBits(blocks[2..]);
            var scale = Half(blocks);
            Store(low.AsSByte() - Vector128.Create((sbyte)16), scale, values);
            Store(high.AsSByte() - Vector128.Create((sbyte)16), scale, values[16..]);
        }
    }

    public static void Q5WithMinimum(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        for (; values.Length > 0; blocks = blocks[24..], values = values[Elements..])
        {
            var (low, high) = FiveBits(blocks[4..]);
            var (scale, minimum) = (Half(blocks), Half(blocks[2..]));
            Store(low.AsSByte(), scale, minimum, values);
            Store(high.AsSByte(), scale, minimum, values[16..]);
        }
    }

    public static void Q8(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        for (; values.Length > 0; blocks = blocks[34..], values = values[Elements..])
        {
            var scale = Half(blocks);
            Store(Vector128.Create(blocks.Slice(2, 16)).AsSByte(), scale, values);
            Store(Vector128.Create(blocks.Slice(18, 16)).AsSByte(), scale, values[16..]);
        }
    }

    /// <summary>An IEEE half at the beginning.</summary>
    public static float Half(ReadOnlySpan<byte> bytes) => (float)BinaryPrimitives.ReadHalfLittleEndian(bytes);

    /// <summary>The low and the high halves of 16 bytes.</summary>
    public static (Vector128<byte> Low, Vector128<byte> High) Nibbles(ReadOnlySpan<byte> codes)
    {
        var bytes = Vector128.Create(codes[..16]);
        return (bytes & Vector128.Create((byte)0x0f), Vector128.ShiftRightLogical(bytes, 4));
    }

    /// <summary>16 values: code * scale.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector128<sbyte> codes, float scale, Span<float> values)
    {
        ref var target = ref MemoryMarshal.GetReference(values[..16]);
        var (a, b, c, d) = Floats(codes);
        var s = Vector128.Create(scale);
        (a * s).StoreUnsafe(ref target);
        (b * s).StoreUnsafe(ref target, 4);
        (c * s).StoreUnsafe(ref target, 8);
        (d * s).StoreUnsafe(ref target, 12);
    }

    /// <summary>16 values: code * scale + minimum.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector128<sbyte> codes, float scale, float minimum, Span<float> values)
    {
        ref var target = ref MemoryMarshal.GetReference(values[..16]);
        var (a, b, c, d) = Floats(codes);
        var (s, m) = (Vector128.Create(scale), Vector128.Create(minimum));
        ((a * s) + m).StoreUnsafe(ref target);
        ((b * s) + m).StoreUnsafe(ref target, 4);
        ((c * s) + m).StoreUnsafe(ref target, 8);
        ((d * s) + m).StoreUnsafe(ref target, 12);
    }

    private static (Vector128<float>, Vector128<float>, Vector128<float>, Vector128<float>) Floats(Vector128<sbyte> codes)
    {
        var (low, high) = Vector128.Widen(codes);
        var ((a, b), (c, d)) = (Vector128.Widen(low), Vector128.Widen(high));
        return (Vector128.ConvertToSingle(a), Vector128.ConvertToSingle(b), Vector128.ConvertToSingle(c), Vector128.ConvertToSingle(d));
    }

    /// <remarks>Four bytes of fifth bits, bit i for element i, stand before the codes.</remarks>
    private static (Vector128<byte> Low, Vector128<byte> High) FiveBits(ReadOnlySpan<byte> bytes)
    {
        var (low, high) = Nibbles(bytes[4..]);
        return (low | FifthBits(bytes[0], bytes[1]), high | FifthBits(bytes[2], bytes[3]));
    }

    /// <summary>16 bits as 16 bytes of 16 or 0.</summary>
    private static Vector128<byte> FifthBits(byte first, byte second)
    {
        const ulong Everywhere = 0x0101010101010101;
        var bits = Vector128.Create((byte)1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128);
        var spread = Vector128.Create(first * Everywhere, second * Everywhere).AsByte();
        return Vector128.Equals(spread & bits, bits) & Vector128.Create((byte)0x10);
    }
}
