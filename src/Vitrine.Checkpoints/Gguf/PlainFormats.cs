using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Vitrine.Checkpoints.Gguf;

/// <summary>float32, 32 numbers at a time.</summary>
internal readonly unsafe struct Floats : IBlocks
{
    public static int Bytes => 128;

    public static int Parts => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector512<float> First, Vector512<float> Second) Wide(byte* block, int part, float* halves)
        => (Vector512.Load((float*)block), Vector512.Load((float*)block + 16));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector256<float> A, Vector256<float> B, Vector256<float> C, Vector256<float> D) Middle(byte* block, int part, float* halves)
    {
        var at = (float*)block;
        return (Vector256.Load(at), Vector256.Load(at + 8), Vector256.Load(at + 16), Vector256.Load(at + 24));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(byte* block, int part, float* halves, float* target) => Buffer.MemoryCopy(block, target, Bytes, Bytes);
}

/// <summary>bfloat16, 32 numbers at a time: the upper half of a float32.</summary>
internal readonly unsafe struct BrainFloats : IBlocks
{
    public static int Bytes => 64;

    public static int Parts => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector512<float> First, Vector512<float> Second) Wide(byte* block, int part, float* halves)
        => ((Avx512F.ConvertToVector512Int32(Vector256.Load((short*)block)) << 16).AsSingle(),
            (Avx512F.ConvertToVector512Int32(Vector256.Load((short*)block + 16)) << 16).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector256<float> A, Vector256<float> B, Vector256<float> C, Vector256<float> D) Middle(byte* block, int part, float* halves)
    {
        var at = (short*)block;
        return (Eight(at), Eight(at + 8), Eight(at + 16), Eight(at + 24));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(byte* block, int part, float* halves, float* target)
    {
        for (var i = 0; i < 32; i += 8)
        {
            var (low, high) = Vector128.Widen(Vector128.Load((ushort*)block + i));
            (low << 16).AsSingle().Store(target + i);
            (high << 16).AsSingle().Store(target + i + 4);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Eight(short* at) => (Avx2.ConvertToVector256Int32(Vector128.Load(at)) << 16).AsSingle();
}

/// <summary>IEEE halves, 32 numbers at a time.</summary>
/// <remarks>
/// Sign, exponent and fraction moved to their places in a float32 are the number times 2^-112; that product is exact, for subnormal halves too. Infinity and
/// NaN come out as finite numbers from 65,536 on and get their exponent back.
/// </remarks>
internal readonly unsafe struct IeeeHalves : IBlocks
{
    /// <summary>2^112.</summary>
    public const float Raised = 5.192296858534828e33f;

    /// <summary>Sign, exponent and fraction in their places of a float32, of a half that was widened with its sign and moved up by 13 bits.</summary>
    public const int Kept = unchecked((int)0x8fffe000);

    private const int Magnitude = int.MaxValue, NoNumber = 0x47800000, Exponent = 0x7f800000;

    public static int Bytes => 64;

    public static int Parts => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector512<float> First, Vector512<float> Second) Wide(byte* block, int part, float* halves)
        => (Sixteen((short*)block), Sixteen((short*)block + 16));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector256<float> A, Vector256<float> B, Vector256<float> C, Vector256<float> D) Middle(byte* block, int part, float* halves)
    {
        var at = (short*)block;
        return (Eight(at), Eight(at + 8), Eight(at + 16), Eight(at + 24));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(byte* block, int part, float* halves, float* target)
    {
        for (var i = 0; i < 32; i++)
        {
            target[i] = halves[((ushort*)block)[i]];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Sixteen(short* at)
    {
        var placed = (Avx512F.ConvertToVector512Int32(Vector256.Load(at)) << 13) & Vector512.Create(Kept);
        var raised = (placed.AsSingle() * Vector512.Create(Raised)).AsInt32();
        var isNone = Vector512.GreaterThanOrEqual(raised & Vector512.Create(Magnitude), Vector512.Create(NoNumber));
        return (raised | (isNone & Vector512.Create(Exponent))).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Eight(short* at)
    {
        var placed = (Avx2.ConvertToVector256Int32(Vector128.Load(at)) << 13) & Vector256.Create(Kept);
        var raised = (placed.AsSingle() * Vector256.Create(Raised)).AsInt32();
        var isNone = Vector256.GreaterThanOrEqual(raised & Vector256.Create(Magnitude), Vector256.Create(NoNumber));
        return (raised | (isNone & Vector256.Create(Exponent))).AsSingle();
    }
}
