using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Vitrine.Checkpoints.Gguf;

/// <summary>A number format as products read it: 32 weights at a time, in registers.</summary>
/// <remarks>
/// Three widths give the same numbers: 512 bits (AVX-512), 256 (AVX2), and 128, which is NEON or, without vectors, plain code. <c>halves</c> is
/// <see cref="HalfTable.Values"/>, handed in so that no static is looked up in a loop.
/// </remarks>
internal unsafe interface IBlocks
{
    /// <summary>Bytes of a block.</summary>
    static abstract int Bytes { get; }

    /// <summary>Groups of 32 weights in a block.</summary>
    static abstract int Parts { get; }

    /// <summary>Weights of a part: 0 to 15, 16 to 31.</summary>
    static abstract (Vector512<float> First, Vector512<float> Second) Wide(byte* block, int part, float* halves);

    /// <summary>Weights of a part, eight at a time.</summary>
    static abstract (Vector256<float> A, Vector256<float> B, Vector256<float> C, Vector256<float> D) Middle(byte* block, int part, float* halves);

    /// <summary>Weights of a part, written.</summary>
    static abstract void Store(byte* block, int part, float* halves, float* target);
}

/// <summary>A format whose weights are code * scale + minimum, both of 16 weights each.</summary>
internal unsafe interface ICodes
{
    static abstract int Bytes { get; }

    static abstract int Parts { get; }

    /// <summary>Whether there is a minimum to add.</summary>
    static abstract bool HasMinimum { get; }

    /// <summary>Codes of 16 weights each.</summary>
    static abstract (Vector128<sbyte> First, Vector128<sbyte> Second) Codes(byte* block, int part);

    /// <summary>Scale and minimum of the first and the second 16.</summary>
    static abstract Scales ScalesOf(byte* block, int part, float* halves);
}

/// <summary>A format of 4-bit codes: its 16 possible weights fit into one 512-bit register.</summary>
internal unsafe interface INibbles : ICodes
{
    /// <summary>Bytes whose low halves are the codes of 16 weights each; their high halves may hold anything.</summary>
    static abstract (Vector128<byte> First, Vector128<byte> Second) Indices(byte* block, int part);

    /// <summary>What the 16 codes mean before scale and minimum.</summary>
    static abstract Vector512<float> Meanings { get; }
}

/// <param name="First">Scale of the first 16 weights.</param>
/// <param name="FirstMinimum">Added to them.</param>
/// <param name="Second">Scale of the second 16.</param>
/// <param name="SecondMinimum">Added to them.</param>
internal readonly record struct Scales(float First, float FirstMinimum, float Second, float SecondMinimum)
{
    public static Scales Same(float scale, float minimum = 0) => new(scale, minimum, scale, minimum);
}

/// <summary>Codes to weights: widened, converted, times the scale, plus the minimum, each rounded as ggml rounds it.</summary>
internal readonly unsafe struct Coded<T> : IBlocks
    where T : struct, ICodes
{
    public static int Bytes => T.Bytes;

    public static int Parts => T.Parts;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector512<float> First, Vector512<float> Second) Wide(byte* block, int part, float* halves)
    {
        var (first, second) = T.Codes(block, part);
        var s = T.ScalesOf(block, part, halves);
        return (Scaled(Vector512.ConvertToSingle(Avx512F.ConvertToVector512Int32(first)), s.First, s.FirstMinimum),
            Scaled(Vector512.ConvertToSingle(Avx512F.ConvertToVector512Int32(second)), s.Second, s.SecondMinimum));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector256<float> A, Vector256<float> B, Vector256<float> C, Vector256<float> D) Middle(byte* block, int part, float* halves)
    {
        var (first, second) = T.Codes(block, part);
        var s = T.ScalesOf(block, part, halves);
        return (Scaled(Vector256.ConvertToSingle(Avx2.ConvertToVector256Int32(first)), s.First, s.FirstMinimum),
            Scaled(Vector256.ConvertToSingle(Avx2.ConvertToVector256Int32(Sse2.ShiftRightLogical128BitLane(first, 8))), s.First, s.FirstMinimum),
            Scaled(Vector256.ConvertToSingle(Avx2.ConvertToVector256Int32(second)), s.Second, s.SecondMinimum),
            Scaled(Vector256.ConvertToSingle(Avx2.ConvertToVector256Int32(Sse2.ShiftRightLogical128BitLane(second, 8))), s.Second, s.SecondMinimum));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(byte* block, int part, float* halves, float* target)
    {
        var (first, second) = T.Codes(block, part);
        var s = T.ScalesOf(block, part, halves);
        Store(first, s.First, s.FirstMinimum, target);
        Store(second, s.Second, s.SecondMinimum, target + 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Scaled(Vector512<float> codes, float scale, float minimum)
        => T.HasMinimum ? (codes * Vector512.Create(scale)) + Vector512.Create(minimum) : codes * Vector512.Create(scale);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Scaled(Vector256<float> codes, float scale, float minimum)
        => T.HasMinimum ? (codes * Vector256.Create(scale)) + Vector256.Create(minimum) : codes * Vector256.Create(scale);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(Vector128<sbyte> codes, float scale, float minimum, float* target)
    {
        var (low, high) = Vector128.Widen(codes);
        var ((a, b), (c, d)) = (Vector128.Widen(low), Vector128.Widen(high));
        Scaled(Vector128.ConvertToSingle(a), scale, minimum).Store(target);
        Scaled(Vector128.ConvertToSingle(b), scale, minimum).Store(target + 4);
        Scaled(Vector128.ConvertToSingle(c), scale, minimum).Store(target + 8);
        Scaled(Vector128.ConvertToSingle(d), scale, minimum).Store(target + 12);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Scaled(Vector128<float> codes, float scale, float minimum)
        => T.HasMinimum ? (codes * Vector128.Create(scale)) + Vector128.Create(minimum) : codes * Vector128.Create(scale);
}

/// <summary>4-bit codes: with AVX-512 the 16 weights that a scale allows are made once, and codes pick among them.</summary>
internal readonly unsafe struct Picked<T> : IBlocks
    where T : struct, INibbles
{
    public static int Bytes => T.Bytes;

    public static int Parts => T.Parts;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector512<float> First, Vector512<float> Second) Wide(byte* block, int part, float* halves)
    {
        var s = T.ScalesOf(block, part, halves);
        var table = T.HasMinimum ? (T.Meanings * Vector512.Create(s.First)) + Vector512.Create(s.FirstMinimum) : T.Meanings * Vector512.Create(s.First);
        var (first, second) = T.Indices(block, part);
        return (Avx512F.PermuteVar16x32(table, Avx512F.ConvertToVector512Int32(first)),
            Avx512F.PermuteVar16x32(table, Avx512F.ConvertToVector512Int32(second)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector256<float> A, Vector256<float> B, Vector256<float> C, Vector256<float> D) Middle(byte* block, int part, float* halves)
        => Coded<T>.Middle(block, part, halves);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(byte* block, int part, float* halves, float* target) => Coded<T>.Store(block, part, halves, target);
}
