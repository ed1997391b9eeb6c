using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Vitrine.Checkpoints.Gguf;

/// <summary>Which registers a product uses.</summary>
internal enum Registers
{
    /// <summary>128 bits: NEON, or plain code.</summary>
    Narrow,

    /// <summary>AVX2 with FMA.</summary>
    Middle,

    /// <summary>AVX-512.</summary>
    Wide,
}

/// <summary>Rows of mapped blocks times a vector, dequantised in registers; and rows widened to float32.</summary>
/// <remarks>
/// Every weight is the float32 number that dequantising gives, and weights are summed in one order whatever the format: 32 running sums, weight i to sum i mod
/// 32, added up as (0..7 + 8..15) + (16..23 + 24..31), then across. A product of kept blocks therefore has the bits of the same product of widened weights.
/// Rows go one after the other: the file is then one stream, which the processor fetches ahead by itself. Four rows side by side took 1.4 times less where
/// everything lay in cache, and 2.4 times more where it did not.
/// </remarks>
internal static unsafe class BlockProducts
{
    /// <summary>Weights of a step; rows hold a whole number of them.</summary>
    public const int Step = 32;

    private const MethodImplOptions Hot = MethodImplOptions.AggressiveOptimization;

    /// <summary>The widest that this processor has.</summary>
    public static Registers Best { get; } = Vector512.IsHardwareAccelerated && Avx512F.IsSupported ? Registers.Wide
        : Avx2.IsSupported && Fma.IsSupported ? Registers.Middle
        : Registers.Narrow;

    /// <summary>Products of rows with one vector.</summary>
    /// <param name="rows">What they are.</param>
    /// <param name="weights">First byte of row 0.</param>
    /// <param name="x">(columns).</param>
    /// <param name="y">(rows); each is written at the model's place of its row.</param>
    /// <param name="from">First row, as the file counts.</param>
    /// <param name="to">Behind the last row.</param>
    /// <param name="with">Registers.</param>
    public static void Multiply(BlockRows rows, byte* weights, float* x, float* y, int from, int to, Registers with)
        => KernelsOf(rows.Type).Multiply(rows, weights, x, y, from, to, with);

    /// <summary>Products of rows with several vectors: each row is widened once, in cache. The sums have the bits of single products.</summary>
    /// <param name="rows">What they are.</param>
    /// <param name="weights">First byte of row 0.</param>
    /// <param name="x">(count, columns).</param>
    /// <param name="y">(count, outputs).</param>
    /// <param name="count">Vectors.</param>
    /// <param name="outputs">Rows of the whole matrix.</param>
    /// <param name="from">First row, as the file counts.</param>
    /// <param name="to">Behind the last row.</param>
    /// <param name="with">Registers.</param>
    public static void MultiplySome(BlockRows rows, byte* weights, float* x, float* y, int count, int outputs, int from, int to, Registers with)
    {
        var row = (float*)NativeMemory.AlignedAlloc((nuint)rows.Columns * sizeof(float), 64);
        for (var r = from; r < to; r++)
        {
            Widen(rows.Type, weights + (r * rows.RowBytes), rows.Columns, row, with);
            Some(row, rows.Columns, x, y + rows.PlaceOf(r), count, outputs, with);
        }

        NativeMemory.AlignedFree(row);
    }

    /// <summary>Weights in float32.</summary>
    /// <param name="type">Their format.</param>
    /// <param name="blocks">The first.</param>
    /// <param name="count">Weights; a multiple of <see cref="Step"/> and of a block.</param>
    /// <param name="target">Where they go.</param>
    /// <param name="with">Registers.</param>
    public static void Widen(GgufType type, byte* blocks, long count, float* target, Registers with)
        => KernelsOf(type).Widen(blocks, count, target, with);

    private static Kernels KernelsOf(GgufType type) => type switch
    {
        GgufType.Q4_0 => Kernels.Of<Picked<Q4Around8>>(),
        GgufType.Q4_1 => Kernels.Of<Picked<Q4WithMinimum>>(),
        GgufType.Q5_0 => Kernels.Of<Coded<Q5Around16>>(),
        GgufType.Q5_1 => Kernels.Of<Coded<Q5WithMinimum>>(),
        GgufType.Q8_0 => Kernels.Of<Bytes32>(),
        GgufType.Q2_K => Kernels.Of<Coded<Q2Super>>(),
        GgufType.Q3_K => Kernels.Of<Coded<Q3Super>>(),
        GgufType.Q4_K => Kernels.Of<Picked<Q4Super>>(),
        GgufType.Q5_K => Kernels.Of<Coded<Q5Super>>(),
        GgufType.Q6_K => Kernels.Of<Coded<Q6Super>>(),
        GgufType.IQ4_NL => Kernels.Of<Picked<IQ4Lone>>(),
        GgufType.IQ4_XS => Kernels.Of<Picked<IQ4Super>>(),
        GgufType.F16 => new Kernels(&HalfProducts.Multiply, &Widen<IeeeHalves>),
        GgufType.BF16 => Kernels.Of<BrainFloats>(),
        GgufType.F32 => Kernels.Of<Floats>(),
        _ => throw new ArgumentOutOfRangeException(nameof(type)),
    };

    [MethodImpl(Hot)]
    private static void Of<T>(BlockRows rows, byte* weights, float* x, float* y, int from, int to, Registers with)
        where T : struct, IBlocks
    {
        var (blocks, bytes) = ((int)(rows.Columns / (T.Parts * Step)), rows.RowBytes);
        var halves = HalfTable.Values;
        for (var row = from; row < to; row++)
        {
            byte* at = weights + (row * bytes);
            One<T>(at, blocks, x, y + rows.PlaceOf(row), halves, with);
        }
    }

    /// <summary>The product of one row.</summary>
    /// <param name="w">First byte of the row.</param>
    /// <param name="blocks">Of the row.</param>
    /// <param name="x">(columns).</param>
    /// <param name="sum">Written.</param>
    /// <param name="with">Registers.</param>
    public static void One<T>(byte* w, int blocks, float* x, float* sum, Registers with)
        where T : struct, IBlocks
        => One<T>(w, blocks, x, sum, HalfTable.Values, with);

    private static void One<T>(byte* w, int blocks, float* x, float* sum, float* halves, Registers with)
        where T : struct, IBlocks
    {
        switch (with)
        {
            case Registers.Wide: OneWide<T>(w, blocks, x, sum, halves); break;
            case Registers.Middle: OneMiddle<T>(w, blocks, x, sum, halves); break;
            default: OneNarrow<T>(w, blocks, x, sum, halves); break;
        }
    }

    /// <summary>One row's products with several vectors: of those whose sums fit into the registers, each weight is loaded once.</summary>
    /// <param name="w">(columns).</param>
    /// <param name="columns">A multiple of <see cref="Step"/>.</param>
    /// <param name="x">(count, columns).</param>
    /// <param name="y">Of the first vector.</param>
    /// <param name="count">Vectors.</param>
    /// <param name="apart">From one vector's sum to the next.</param>
    /// <param name="with">Registers.</param>
    private static void Some(float* w, long columns, float* x, float* y, int count, long apart, Registers with)
    {
        for (; with == Registers.Wide && count >= 4; count -= 4, x += 4 * columns, y += 4 * apart)
        {
            FourWide(w, columns, x, y, apart);
        }

        for (; with == Registers.Middle && count >= 2; count -= 2, x += 2 * columns, y += 2 * apart)
        {
            TwoMiddle(w, columns, x, y, apart);
        }

        for (; count > 0; count--, x += columns, y += apart)
        {
            One<Floats>((byte*)w, (int)(columns / Step), x, y, null, with);
        }
    }

    [MethodImpl(Hot)]
    private static void FourWide(float* w, long columns, float* x, float* y, long apart)
    {
        float* x1 = x + columns, x2 = x1 + columns, x3 = x2 + columns;
        var (a0, b0, a1, b1) = (Vector512<float>.Zero, Vector512<float>.Zero, Vector512<float>.Zero, Vector512<float>.Zero);
        var (a2, b2, a3, b3) = (Vector512<float>.Zero, Vector512<float>.Zero, Vector512<float>.Zero, Vector512<float>.Zero);
        for (long i = 0; i < columns; i += Step)
        {
            var (first, second) = (Vector512.Load(w + i), Vector512.Load(w + i + 16));
            a0 = Vector512.FusedMultiplyAdd(first, Vector512.Load(x + i), a0);
            b0 = Vector512.FusedMultiplyAdd(second, Vector512.Load(x + i + 16), b0);
            a1 = Vector512.FusedMultiplyAdd(first, Vector512.Load(x1 + i), a1);
            b1 = Vector512.FusedMultiplyAdd(second, Vector512.Load(x1 + i + 16), b1);
            a2 = Vector512.FusedMultiplyAdd(first, Vector512.Load(x2 + i), a2);
            b2 = Vector512.FusedMultiplyAdd(second, Vector512.Load(x2 + i + 16), b2);
            a3 = Vector512.FusedMultiplyAdd(first, Vector512.Load(x3 + i), a3);
            b3 = Vector512.FusedMultiplyAdd(second, Vector512.Load(x3 + i + 16), b3);
        }

        y[0] = Sum(a0, b0);
        y[apart] = Sum(a1, b1);
        y[2 * apart] = Sum(a2, b2);
        y[3 * apart] = Sum(a3, b3);
    }

    [MethodImpl(Hot)]
    private static void TwoMiddle(float* w, long columns, float* x, float* y, long apart)
    {
        var x1 = x + columns;
        var (a, b, c, d) = (Vector256<float>.Zero, Vector256<float>.Zero, Vector256<float>.Zero, Vector256<float>.Zero);
        var (a1, b1, c1, d1) = (Vector256<float>.Zero, Vector256<float>.Zero, Vector256<float>.Zero, Vector256<float>.Zero);
        for (long i = 0; i < columns; i += Step)
        {
            var (first, second) = (Vector256.Load(w + i), Vector256.Load(w + i + 8));
            a = Vector256.FusedMultiplyAdd(first, Vector256.Load(x + i), a);
            a1 = Vector256.FusedMultiplyAdd(first, Vector256.Load(x1 + i), a1);
            b = Vector256.FusedMultiplyAdd(second, Vector256.Load(x + i + 8), b);
            b1 = Vector256.FusedMultiplyAdd(second, Vector256.Load(x1 + i + 8), b1);
            (first, second) = (Vector256.Load(w + i + 16), Vector256.Load(w + i + 24));
            c = Vector256.FusedMultiplyAdd(first, Vector256.Load(x + i + 16), c);
            c1 = Vector256.FusedMultiplyAdd(first, Vector256.Load(x1 + i + 16), c1);
            d = Vector256.FusedMultiplyAdd(second, Vector256.Load(x + i + 24), d);
            d1 = Vector256.FusedMultiplyAdd(second, Vector256.Load(x1 + i + 24), d1);
        }

        y[0] = Sum(a, b, c, d);
        y[apart] = Sum(a1, b1, c1, d1);
    }

    [MethodImpl(Hot)]
    private static void OneWide<T>(byte* w, int blocks, float* x, float* sum, float* halves)
        where T : struct, IBlocks
    {
        var (a, b) = (Vector512<float>.Zero, Vector512<float>.Zero);
        for (var block = 0; block < blocks; block++)
        {
            for (var part = 0; part < T.Parts; part++)
            {
                var (first, second) = T.Wide(w, part, halves);
                a = Vector512.FusedMultiplyAdd(first, Vector512.Load(x), a);
                b = Vector512.FusedMultiplyAdd(second, Vector512.Load(x + 16), b);
                x += Step;
            }

            w += T.Bytes;
        }

        *sum = Sum(a, b);
    }

    [MethodImpl(Hot)]
    private static void OneMiddle<T>(byte* w, int blocks, float* x, float* sum, float* halves)
        where T : struct, IBlocks
    {
        var (a, b, c, d) = (Vector256<float>.Zero, Vector256<float>.Zero, Vector256<float>.Zero, Vector256<float>.Zero);
        for (var block = 0; block < blocks; block++)
        {
            for (var part = 0; part < T.Parts; part++)
            {
                var (first, second, third, fourth) = T.Middle(w, part, halves);
                a = Vector256.FusedMultiplyAdd(first, Vector256.Load(x), a);
                b = Vector256.FusedMultiplyAdd(second, Vector256.Load(x + 8), b);
                c = Vector256.FusedMultiplyAdd(third, Vector256.Load(x + 16), c);
                d = Vector256.FusedMultiplyAdd(fourth, Vector256.Load(x + 24), d);
                x += Step;
            }

            w += T.Bytes;
        }

        *sum = Sum(a, b, c, d);
    }

    [MethodImpl(Hot)]
    private static void OneNarrow<T>(byte* w, int blocks, float* x, float* sum, float* halves)
        where T : struct, IBlocks
    {
        var buffer = stackalloc float[Step];
        var (a, b, c, d) = (Vector128<float>.Zero, Vector128<float>.Zero, Vector128<float>.Zero, Vector128<float>.Zero);
        var (e, f, g, h) = (Vector128<float>.Zero, Vector128<float>.Zero, Vector128<float>.Zero, Vector128<float>.Zero);
        for (var block = 0; block < blocks; block++)
        {
            for (var part = 0; part < T.Parts; part++)
            {
                T.Store(w, part, halves, buffer);
                a = Vector128.MultiplyAddEstimate(Vector128.Load(buffer), Vector128.Load(x), a);
                b = Vector128.MultiplyAddEstimate(Vector128.Load(buffer + 4), Vector128.Load(x + 4), b);
                c = Vector128.MultiplyAddEstimate(Vector128.Load(buffer + 8), Vector128.Load(x + 8), c);
                d = Vector128.MultiplyAddEstimate(Vector128.Load(buffer + 12), Vector128.Load(x + 12), d);
                e = Vector128.MultiplyAddEstimate(Vector128.Load(buffer + 16), Vector128.Load(x + 16), e);
                f = Vector128.MultiplyAddEstimate(Vector128.Load(buffer + 20), Vector128.Load(x + 20), f);
                g = Vector128.MultiplyAddEstimate(Vector128.Load(buffer + 24), Vector128.Load(x + 24), g);
                h = Vector128.MultiplyAddEstimate(Vector128.Load(buffer + 28), Vector128.Load(x + 28), h);
                x += Step;
            }

            w += T.Bytes;
        }

        *sum = Vector128.Sum(a + c + (e + g)) + Vector128.Sum(b + d + (f + h));
    }

    [MethodImpl(Hot)]
    private static void Widen<T>(byte* w, long count, float* target, Registers with)
        where T : struct, IBlocks
    {
        var halves = HalfTable.Values;
        for (var end = target + count; target < end; w += T.Bytes)
        {
            for (var part = 0; part < T.Parts; part++, target += Step)
            {
                if (with == Registers.Wide)
                {
                    var (first, second) = T.Wide(w, part, halves);
                    first.Store(target);
                    second.Store(target + 16);
                }
                else if (with == Registers.Middle)
                {
                    var (a, b, c, d) = T.Middle(w, part, halves);
                    a.Store(target);
                    b.Store(target + 8);
                    c.Store(target + 16);
                    d.Store(target + 24);
                }
                else
                {
                    T.Store(w, part, halves, target);
                }
            }
        }
    }

    /// <summary>Sums 0 to 15 and 16 to 31, in the order of the class's remarks.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Vector512<float> a, Vector512<float> b) => Sum(a.GetLower(), a.GetUpper(), b.GetLower(), b.GetUpper());

    /// <summary>Sums 0 to 7, 8 to 15, 16 to 23 and 24 to 31, in the order of the class's remarks.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Vector256<float> a, Vector256<float> b, Vector256<float> c, Vector256<float> d) => Vector256.Sum(a + b + (c + d));

    /// <summary>What is done with blocks of one format.</summary>
    private readonly struct Kernels(
        delegate*<BlockRows, byte*, float*, float*, int, int, Registers, void> multiply, delegate*<byte*, long, float*, Registers, void> widen)
    {
        public readonly delegate*<BlockRows, byte*, float*, float*, int, int, Registers, void> Multiply = multiply;
        public readonly delegate*<byte*, long, float*, Registers, void> Widen = widen;

        public static Kernels Of<T>()
            where T : struct, IBlocks
            => new(&BlockProducts.Of<T>, &BlockProducts.Widen<T>);
    }
}
