using Vitrine.Checkpoints.Gguf;

namespace Vitrine.Tests.Checkpoints;

/// <summary>Products with blocks as they lie in a file, on every kind of registers that this processor has.</summary>
public sealed unsafe class BlockProductTests
{
    /// <summary>Vectors of one call: more than any registers take at once, and one left over.</summary>
    private const int Several = 7;

    public static TheoryData<GgufType> Formats() => new([.. BlockFormula.Quantised, GgufType.F16, GgufType.BF16]);

    [Theory, MemberData(nameof(Formats))]
    public void Widened_weights_are_those_of_the_formula(GgufType type)
    {
        var bytes = BlockFormula.Random(type, 2048, seed: 5);
        var expected = BlockFormula.Of(type, bytes);
        foreach (var registers in Here())
        {
            Widened(type, bytes, registers).ShouldBe(expected, $"{type} {registers}");
        }
    }

    [Theory, MemberData(nameof(Formats))]
    public void A_product_has_the_bits_of_the_same_product_of_widened_weights(GgufType type)
    {
        foreach (var (outputs, inputs) in new[] { (9, 256), (4, 512), (3, 768), (21, 1536) })
        {
            var bytes = BlockFormula.Random(type, outputs * inputs, seed: outputs);
            var x = Vector(Several * inputs, seed: 2);
            foreach (var registers in Here())
            {
                var wide = Widened(type, bytes, registers);
                float[] one = new float[outputs], ofWide = new float[outputs], some = new float[Several * outputs], each = new float[Several * outputs];
                fixed (byte* w = bytes)
                fixed (float* v = x, y = one, z = ofWide, s = some, e = each, f = wide)
                {
                    BlockProducts.Multiply(new BlockRows(type, inputs), w, v, y, 0, outputs, registers);
                    BlockProducts.Multiply(new BlockRows(GgufType.F32, inputs), (byte*)f, v, z, 0, outputs, registers);
                    BlockProducts.MultiplySome(new BlockRows(type, inputs), w, v, s, Several, outputs, 0, outputs, registers);
                    for (var i = 0; i < Several; i++)
                    {
                        BlockProducts.Multiply(new BlockRows(type, inputs), w, v + (i * inputs), e + (i * outputs), 0, outputs, registers);
                    }
                }

                one.ShouldBe(ofWide, $"{type} {registers} {outputs} x {inputs}");
                some.ShouldBe(each, $"{type} {registers} {outputs} x {inputs}: several at once");
                for (var row = 0; row < outputs; row++)
                {
                    double sum = 0, size = 0;
                    for (var i = 0; i < inputs; i++)
                    {
                        sum += (double)wide[(row * inputs) + i] * x[i];
                        size += Math.Abs((double)wide[(row * inputs) + i] * x[i]);
                    }

                    ((double)one[row]).ShouldBe(sum, 1e-6 * Math.Max(size, 1e-6));
                }
            }
        }
    }

    [Fact]
    public void Every_half_is_widened_exactly()
    {
        var bytes = new byte[2 << 16];
        for (var i = 0; i < 1 << 16; i++)
        {
            BitConverter.TryWriteBytes(bytes.AsSpan(2 * i), (ushort)i);
        }

        foreach (var registers in Here())
        {
            var wide = Widened(GgufType.F16, bytes, registers);
            for (var i = 0; i < 1 << 16; i++)
            {
                var expected = (float)BitConverter.UInt16BitsToHalf((ushort)i);
                (float.IsNaN(expected) ? float.IsNaN(wide[i]) : BitConverter.SingleToInt32Bits(wide[i]) == BitConverter.SingleToInt32Bits(expected))
                    .ShouldBeTrue($"{registers} {i:x4}: {wide[i]} for {expected}");
            }
        }
    }

    [Theory]
    [InlineData((ushort)0x7c00)]
    [InlineData((ushort)0xfc00)]
    [InlineData((ushort)0x7e01)]
    [InlineData((ushort)0xffff)]
    [InlineData((ushort)0x7bff)]
    [InlineData((ushort)0x8001)]
    public void A_product_with_any_half_has_the_bits_of_the_same_product_of_widened_weights(ushort half)
    {
        const int Inputs = 96;
        var x = Vector(Inputs, seed: 7);
        for (var at = 0; at < Inputs; at++)
        {
            var bytes = BlockFormula.Random(GgufType.F16, 3 * Inputs, seed: at);
            BitConverter.TryWriteBytes(bytes.AsSpan(2 * (Inputs + at)), half);                                     // in the middle row
            foreach (var registers in Here())
            {
                var wide = Widened(GgufType.F16, bytes, registers);
                float[] kept = new float[3], ofWide = new float[3];
                fixed (byte* w = bytes)
                fixed (float* v = x, y = kept, z = ofWide, f = wide)
                {
                    BlockProducts.Multiply(new BlockRows(GgufType.F16, Inputs), w, v, y, 0, 3, registers);
                    BlockProducts.Multiply(new BlockRows(GgufType.F32, Inputs), (byte*)f, v, z, 0, 3, registers);
                }

                kept.ShouldBe(ofWide, $"{registers} {half:x4} at {at}");
            }
        }
    }

    [Fact]
    public void Rows_that_llama_cpp_paired_are_written_where_the_model_has_them()
    {
        var rows = new BlockRows(GgufType.Q8_0, 32) { PairedHeadWidth = 8 };
        Enumerable.Range(0, 16).Select(rows.PlaceOf).ShouldBe([0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15]);
        Enumerable.Range(0, 16).ShouldAllBe(row => rows.RowOf(rows.PlaceOf(row)) == row);
        var bytes = BlockFormula.Random(GgufType.Q8_0, 16 * 32, seed: 1);
        var x = Vector(32, seed: 4);
        float[] plain = new float[16], paired = new float[16];
        fixed (byte* w = bytes)
        fixed (float* v = x, y = plain, z = paired)
        {
            BlockProducts.Multiply(rows with { PairedHeadWidth = 0 }, w, v, y, 0, 16, BlockProducts.Best);
            BlockProducts.Multiply(rows, w, v, z, 0, 7, BlockProducts.Best);
            BlockProducts.Multiply(rows, w, v, z, 7, 16, BlockProducts.Best);
        }

        Enumerable.Range(0, 16).ShouldAllBe(row => plain[row] == paired[rows.PlaceOf(row)]);
    }

    /// <summary>Those that this processor has.</summary>
    private static IEnumerable<Registers> Here() => Enum.GetValues<Registers>().Where(r => r <= BlockProducts.Best);

    private static float[] Widened(GgufType type, byte[] bytes, Registers registers)
    {
        var (elements, size) = type.Block();
        var values = new float[bytes.Length / size * elements];
        fixed (byte* from = bytes)
        fixed (float* to = values)
        {
            BlockProducts.Widen(type, from, values.Length, to, registers);
        }

        return values;
    }

    private static float[] Vector(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (random.NextSingle() * 4) - 2)];
    }
}
