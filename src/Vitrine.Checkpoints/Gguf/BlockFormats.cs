using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using static Vitrine.Checkpoints.Gguf.BlockParts;

namespace Vitrine.Checkpoints.Gguf;

/// <summary>Pieces that several of ggml's block formats share.</summary>
/// <remarks>
/// Layouts and order of operations after ggml, <c>dequantize_row_q4_0</c> and its sisters: a value is code * scale, or code * scale + minimum with both
/// roundings (no fused operation), so that results are equal to the last bit. In blocks of 32 the low halves of 16 bytes are elements 0 to 15, the
/// high halves 16
/// to 31.
/// </remarks>
internal static unsafe class BlockParts
{
    /// <summary>0 to 15: what a 4-bit code counts.</summary>
    public static Vector512<float> Counting => Vector512.Create(0f, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);

    /// <summary>The same around 8.</summary>
    public static Vector512<float> Around8 => Vector512.Create(-8f, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7);

    /// <summary>The uneven steps of IQ4_NL and IQ4_XS (ggml, <c>kvalues_iq4nl</c>).</summary>
    public static Vector512<float> Uneven => Vector512.Create(-127f, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113);

    /// <summary>The same as bytes.</summary>
    public static Vector128<sbyte> UnevenCodes => Vector128.Create(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Half(byte* at, float* halves) => halves[*(ushort*)at];

    /// <summary>16 bytes: low halves, high halves.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector128<byte> Low, Vector128<byte> High) Nibbles(byte* at)
    {
        var bytes = Vector128.Load(at);
        return (bytes & Vector128.Create((byte)15), High(bytes) & Vector128.Create((byte)15));
    }

    /// <summary>High halves of bytes; their upper bits hold what stood beside them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> High(Vector128<byte> bytes) => (bytes.AsUInt16() >> 4).AsByte();

    /// <summary>Two bits of each byte, from a bit on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Pair(Vector128<byte> bytes, int from) => (bytes.AsUInt16() >> from).AsByte() & Vector128.Create((byte)3);

    /// <summary>A value where a bit of each byte is set, else 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Where(Vector128<byte> bytes, int bit, byte value)
    {
        var chosen = Vector128.Create((byte)(1 << bit));
        return Vector128.Equals(bytes & chosen, chosen) & Vector128.Create(value);
    }

    /// <summary>16 bits as 16 bytes of 16 or 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> FifthBits(byte* at)
    {
        const ulong Everywhere = 0x0101010101010101;
        var bits = Vector128.Create((byte)1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128);
        return Vector128.Equals(Vector128.Create(at[0] * Everywhere, at[1] * Everywhere).AsByte() & bits, bits) & Vector128.Create((byte)16);
    }

    /// <summary>Scale and minimum of a part of Q4_K and Q5_K.</summary>
    /// <remarks>
    /// Parts 0 to 3 have their 6 bits whole; parts 4 to 7 have 4 bits in the last four bytes and 2 in the upper bits of the first eight (ggml,
    /// <c>get_scale_min_k4</c>).
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Scales SixBits(byte* block, int part, float* halves)
    {
        var s = block + 4;
        var (scale, minimum) = part < 4
            ? (s[part] & 63, s[part + 4] & 63)
            : ((s[part + 4] & 15) | (s[part - 4] >> 6 << 4), (s[part + 4] >> 4) | (s[part] >> 6 << 4));
        return Scales.Same(Half(block, halves) * scale, -(Half(block + 2, halves) * minimum));
    }
}

/// <summary>Scale (half), 16 bytes of codes around 8.</summary>
internal readonly unsafe struct Q4Around8 : INibbles
{
    public static int Bytes => 18;

    public static int Parts => 1;

    public static bool HasMinimum => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Table(byte* block, int part, float* halves) => Around8 * Vector512.Create(halves[*(ushort*)block]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector128<sbyte> First, Vector128<sbyte> Second) Codes(byte* block, int part)
    {
        var (low, high) = Nibbles(block + 2);
        return (low.AsSByte() - Vector128.Create((sbyte)8), high.AsSByte() - Vector128.Create((sbyte)8));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector128<byte> First, Vector128<byte> Second) Indices(byte* block, int part)
    {
        var bytes = Vector128.Load(block + 2);
        return (bytes, High(bytes));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Scales ScalesOf(byte* block, int part, float* halves) => Scales.Same(Half(block, halves));
}

/// <summary>Scale and minimum (halves), 16 bytes of codes.</summary>
internal readonly unsafe struct Q4WithMinimum : INibbles
{
    public static int Bytes => 20;

    public static int Parts => 1;

    public static bool HasMinimum => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Table(byte* block, int part, float* halves)
    {
        var scale = Vector512.Create(halves[*(ushort*)block]); // in two lines, so that each is read and spread in one instruction
        var minimum = Vector512.Create(halves[*(ushort*)(block + 2)]);
        return (Counting * scale) + minimum;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector128<sbyte> First, Vector128<sbyte> Second) Codes(byte* block, int part)
    {
        var (low, high) = Nibbles(block + 4);
        return (low.AsSByte(), high.AsSByte());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector128<byte> First, Vector128<byte> Second) Indices(byte* block, int part)
    {
        var bytes = Vector128.Load(block + 4);
        return (bytes, High(bytes));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Scales ScalesOf(byte* block, int part, float* halves) => Scales.Same(Half(block, halves), Half(block + 2, halves));
}

/// <summary>Scale (half), 4 bytes of fifth bits, 16 bytes of codes around 16.</summary>
internal readonly unsafe struct Q5Around16 : ICodes
{
    public static int Bytes => 22;

    public static int Parts => 1;

    public static bool HasMinimum => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector128<sbyte> First, Vector128<sbyte> Second) Codes(byte* block, int part)
    {
        var (low, high) = Nibbles(block + 6);
        var sixteen = Vector128.Create((sbyte)16);
        return ((low | FifthBits(block + 2)).AsSByte() - sixteen, (high | FifthBits(block + 4)).AsSByte() - sixteen);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Scales ScalesOf(byte* block, int part, float* halves) => Scales.Same(Half(block, halves));
}

/// <summary>Scale and minimum (halves), 4 bytes of fifth bits, 16 bytes of codes.</summary>
internal readonly unsafe struct Q5WithMinimum : ICodes
{
    public static int Bytes => 24;

    public static int Parts => 1;

    public static bool HasMinimum => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector128<sbyte> First, Vector128<sbyte> Second) Codes(byte* block, int part)
    {
        var (low, high) = Nibbles(block + 8);
        return ((low | FifthBits(block + 4)).AsSByte(), (high | FifthBits(block + 6)).AsSByte());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Scales ScalesOf(byte* block, int part, float* halves) => Scales.Same(Half(block, halves), Half(block + 2, halves));
}

/// <summary>Scale (half), 32 signed bytes.</summary>
internal readonly unsafe struct Q8 : ICodes
{
    public static int Bytes => 34;

    public static int Parts => 1;

    public static bool HasMinimum => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector128<sbyte> First, Vector128<sbyte> Second) Codes(byte* block, int part)
        => (Vector128.Load((sbyte*)block + 2), Vector128.Load((sbyte*)block + 18));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Scales ScalesOf(byte* block, int part, float* halves) => Scales.Same(Half(block, halves));
}

/// <summary>16 bytes of 4-bit scales and minima, 64 bytes of 2-bit codes, scale of scales and of minima (halves).</summary>
internal readonly unsafe struct Q2Super : ICodes
{
    public static int Bytes => 84;

    public static int Parts => 8;

    public static bool HasMinimum => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector128<sbyte> First, Vector128<sbyte> Second) Codes(byte* block, int part)
    {
        var codes = block + 16 + (part / 4 * 32);
        return (Pair(Vector128.Load(codes), 2 * (part % 4)).AsSByte(), Pair(Vector128.Load(codes + 16), 2 * (part % 4)).AsSByte());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Scales ScalesOf(byte* block, int part, float* halves)
    {
        var (scale, minimum) = (Half(block + 80, halves), Half(block + 82, halves));
        var (first, second) = (block[2 * part], block[(2 * part) + 1]);
        return new(scale * (first & 15), -(minimum * (first >> 4)), scale * (second & 15), -(minimum * (second >> 4)));
    }
}

/// <summary>32 bytes of third bits, 64 bytes of 2-bit codes, 12 bytes of 6-bit scales around 32, scale of scales (half).</summary>
/// <remarks>A code is its two bits, less 4 where its third bit is not set. Scale i: 4 bits in byte i or i - 8, 2 bits in byte 8 + i mod 4.</remarks>
internal readonly unsafe struct Q3Super : ICodes
{
    public static int Bytes => 110;

    public static int Parts => 8;

    public static bool HasMinimum => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector128<sbyte> First, Vector128<sbyte> Second) Codes(byte* block, int part)
    {
        var codes = block + 32 + (part / 4 * 32);
        return (Signed(codes, block, part), Signed(codes + 16, block + 16, part));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Scales ScalesOf(byte* block, int part, float* halves)
    {
        var scale = Half(block + 108, halves);
        return new(scale * Scale(block + 96, 2 * part), 0, scale * Scale(block + 96, (2 * part) + 1), 0);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<sbyte> Signed(byte* codes, byte* third, int part)
        => (Pair(Vector128.Load(codes), 2 * (part % 4)) | Where(Vector128.Load(third), part, 4)).AsSByte() - Vector128.Create((sbyte)4);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Scale(byte* s, int i) => ((i < 8 ? s[i] & 15 : s[i - 8] >> 4) | (((s[8 + (i % 4)] >> (2 * (i / 4))) & 3) << 4)) - 32;
}

/// <summary>
/// Scale of scales and of minima (halves), 12 bytes of 6-bit scales and minima, 128 bytes of codes. Each 32 bytes of codes serve two parts: low halves, then
/// high halves.
/// </summary>
internal readonly unsafe struct Q4Super : INibbles
{
    public static int Bytes => 144;

    public static int Parts => 8;

    public static bool HasMinimum => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Table(byte* block, int part, float* halves)
    {
        var scales = SixBits(block, part, halves);
        return (Counting * Vector512.Create(scales.First)) + Vector512.Create(scales.FirstMinimum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector128<sbyte> First, Vector128<sbyte> Second) Codes(byte* block, int part)
    {
        var (first, second) = Indices(block, part);
        var low = Vector128.Create((byte)15);
        return ((first & low).AsSByte(), (second & low).AsSByte());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector128<byte> First, Vector128<byte> Second) Indices(byte* block, int part)
    {
        var codes = block + 16 + (part / 2 * 32);
        var (first, second) = (Vector128.Load(codes).AsUInt16(), Vector128.Load(codes + 16).AsUInt16());
        var shift = part % 2 * 4;
        return ((first >> shift).AsByte(), (second >> shift).AsByte());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Scales ScalesOf(byte* block, int part, float* halves) => SixBits(block, part, halves);
}

/// <summary>As <see cref="Q4Super"/>, with 32 bytes of fifth bits before the codes: bit p of byte l belongs to element l of part p.</summary>
internal readonly unsafe struct Q5Super : ICodes
{
    public static int Bytes => 176;

    public static int Parts => 8;

    public static bool HasMinimum => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector128<sbyte> First, Vector128<sbyte> Second) Codes(byte* block, int part)
    {
        var codes = block + 48 + (part / 2 * 32);
        var (shift, low) = (part % 2 * 4, Vector128.Create((byte)15));
        var (first, second) = (Vector128.Load(codes).AsUInt16(), Vector128.Load(codes + 16).AsUInt16());
        return ((((first >> shift).AsByte() & low) | Where(Vector128.Load(block + 16), part, 16)).AsSByte(),
            (((second >> shift).AsByte() & low) | Where(Vector128.Load(block + 32), part, 16)).AsSByte());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Scales ScalesOf(byte* block, int part, float* halves) => SixBits(block, part, halves);
}

/// <summary>128 bytes of low halves, 64 bytes of upper pairs of bits, 16 signed scales of 16 weights each, scale of scales (half).</summary>
internal readonly unsafe struct Q6Super : ICodes
{
    public static int Bytes => 210;

    public static int Parts => 8;

    public static bool HasMinimum => false;

    /// <remarks>
    /// Of a half of 128 weights, rows 0 and 2 share 32 bytes of low halves, rows 1 and 3 the next 32; all four share 32 bytes of upper pairs.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector128<sbyte> First, Vector128<sbyte> Second) Codes(byte* block, int part)
    {
        var (half, row) = (part / 4, part % 4);
        var low = block + (half * 64) + (row % 2 * 32);
        var upper = block + 128 + (half * 32);
        return (Row(low, upper, row), Row(low + 16, upper + 16, row));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Scales ScalesOf(byte* block, int part, float* halves)
    {
        var scale = Half(block + 208, halves);
        var scales = (sbyte*)block + 192 + (2 * part);
        return new(scale * scales[0], 0, scale * scales[1], 0);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<sbyte> Row(byte* low, byte* upper, int row)
    {
        var four = (Vector128.Load(low).AsUInt16() >> (row / 2 * 4)).AsByte() & Vector128.Create((byte)15);
        var two = (Pair(Vector128.Load(upper), 2 * row).AsUInt16() << 4).AsByte();
        return (four | two).AsSByte() - Vector128.Create((sbyte)32);
    }
}

/// <summary>Scale (half), 16 bytes of codes of uneven steps.</summary>
internal readonly unsafe struct IQ4Lone : INibbles
{
    public static int Bytes => 18;

    public static int Parts => 1;

    public static bool HasMinimum => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Table(byte* block, int part, float* halves) => Uneven * Vector512.Create(halves[*(ushort*)block]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector128<sbyte> First, Vector128<sbyte> Second) Codes(byte* block, int part)
    {
        var (low, high) = Nibbles(block + 2);
        return (Vector128.Shuffle(UnevenCodes, low.AsSByte()), Vector128.Shuffle(UnevenCodes, high.AsSByte()));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector128<byte> First, Vector128<byte> Second) Indices(byte* block, int part) => Q4Around8.Indices(block, part);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Scales ScalesOf(byte* block, int part, float* halves) => Scales.Same(Half(block, halves));
}

/// <summary>Scale of scales (half), 16 upper pairs and 8 low halves of 6-bit scales around 32, 128 bytes of codes of uneven steps.</summary>
internal readonly unsafe struct IQ4Super : INibbles
{
    public static int Bytes => 136;

    public static int Parts => 8;

    public static bool HasMinimum => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Table(byte* block, int part, float* halves) => Uneven * Vector512.Create(ScalesOf(block, part, halves).First);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector128<sbyte> First, Vector128<sbyte> Second) Codes(byte* block, int part)
    {
        var (low, high) = Nibbles(block + 8 + (16 * part));
        return (Vector128.Shuffle(UnevenCodes, low.AsSByte()), Vector128.Shuffle(UnevenCodes, high.AsSByte()));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector128<byte> First, Vector128<byte> Second) Indices(byte* block, int part)
    {
        var bytes = Vector128.Load(block + 8 + (16 * part));
        return (bytes, High(bytes));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Scales ScalesOf(byte* block, int part, float* halves)
    {
        var low = (block[4 + (part / 2)] >> (part % 2 * 4)) & 15;
        var upper = (*(ushort*)(block + 2) >> (2 * part)) & 3;
        return Scales.Same(Half(block, halves) * ((low | (upper << 4)) - 32));
    }
}
