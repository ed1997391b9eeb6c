namespace Vitrine.Checkpoints.Gguf;

/// <summary>Number formats of GGUF tensors that are read (ggml.h, <c>ggml_type</c>).</summary>
public enum GgufType
{
    /// <summary>IEEE single.</summary>
    F32 = 0,

    /// <summary>IEEE half.</summary>
    F16 = 1,

    /// <summary>Blocks of 32: a scale, 4-bit codes around 8.</summary>
    Q4_0 = 2,

    /// <summary>Blocks of 32: a scale and a minimum, 4-bit codes.</summary>
    Q4_1 = 3,

    /// <summary>Blocks of 32: a scale, 5-bit codes around 16.</summary>
    Q5_0 = 6,

    /// <summary>Blocks of 32: a scale and a minimum, 5-bit codes.</summary>
    Q5_1 = 7,

    /// <summary>Blocks of 32: a scale, signed bytes.</summary>
    Q8_0 = 8,

    /// <summary>Blocks of 256 in 16 parts with 4-bit scales and minima, 2-bit codes.</summary>
    Q2_K = 10,

    /// <summary>Blocks of 256 in 16 parts with 6-bit scales, 3-bit codes around 4.</summary>
    Q3_K = 11,

    /// <summary>Blocks of 256 in 8 parts with 6-bit scales and minima, 4-bit codes.</summary>
    Q4_K = 12,

    /// <summary>Blocks of 256 in 8 parts with 6-bit scales and minima, 5-bit codes.</summary>
    Q5_K = 13,

    /// <summary>Blocks of 256 in 16 parts with 8-bit scales, 6-bit codes around 32.</summary>
    Q6_K = 14,

    /// <summary>Blocks of 32: a scale, 4-bit codes of 16 uneven steps.</summary>
    IQ4_NL = 20,

    /// <summary>Blocks of 256 in 8 parts with 6-bit scales, 4-bit codes of 16 uneven steps.</summary>
    IQ4_XS = 23,

    /// <summary>Signed 8-bit.</summary>
    I8 = 24,

    /// <summary>Signed 16-bit.</summary>
    I16 = 25,

    /// <summary>Signed 32-bit.</summary>
    I32 = 26,

    /// <summary>Signed 64-bit.</summary>
    I64 = 27,

    /// <summary>IEEE double.</summary>
    F64 = 28,

    /// <summary>bfloat16.</summary>
    BF16 = 30,
}

/// <summary>Where one tensor lies in a GGUF file.</summary>
/// <param name="Name">As the file spells it.</param>
/// <param name="Type">Number format.</param>
/// <param name="Shape">Sizes of the axes, outermost first (the file lists them innermost first).</param>
/// <param name="Begin">First byte, from the start of the file.</param>
/// <param name="ByteCount">How many bytes.</param>
public sealed record GgufTensor(string Name, GgufType Type, IReadOnlyList<long> Shape, long Begin, long ByteCount);

/// <summary>Block sizes of <see cref="GgufType"/>, and what is held in memory for it.</summary>
internal static class GgufTypes
{
    /// <summary>Formats of ggml that are known by name and not read, for the error.</summary>
    private static readonly Dictionary<uint, string> Unread = new()
    {
        [9] = "Q8_1",
        [15] = "Q8_K",
        [16] = "IQ2_XXS",
        [17] = "IQ2_XS",
        [18] = "IQ3_XXS",
        [19] = "IQ1_S",
        [21] = "IQ3_S",
        [22] = "IQ2_S",
        [29] = "IQ1_M",
        [34] = "TQ1_0",
        [35] = "TQ2_0",
        [39] = "MXFP4",
    };

    /// <summary>Elements of a block, and its bytes.</summary>
    public static (int Elements, int Bytes) Block(this GgufType type) => type switch
    {
        GgufType.F32 or GgufType.I32 => (1, 4),
        GgufType.F16 or GgufType.BF16 or GgufType.I16 => (1, 2),
        GgufType.I8 => (1, 1),
        GgufType.I64 or GgufType.F64 => (1, 8),
        GgufType.Q4_0 => (32, 2 + 16),
        GgufType.Q4_1 => (32, 4 + 16),
        GgufType.Q5_0 => (32, 2 + 4 + 16),
        GgufType.Q5_1 => (32, 4 + 4 + 16),
        GgufType.Q8_0 => (32, 2 + 32),
        GgufType.Q2_K => (256, 16 + 64 + 4),
        GgufType.Q3_K => (256, 32 + 64 + 12 + 2),
        GgufType.Q4_K => (256, 4 + 12 + 128),
        GgufType.Q5_K => (256, 4 + 12 + 32 + 128),
        GgufType.Q6_K => (256, 128 + 64 + 16 + 2),
        GgufType.IQ4_NL => (32, 2 + 16),
        GgufType.IQ4_XS => (256, 2 + 2 + 4 + 128),
        _ => throw new ArgumentOutOfRangeException(nameof(type)),
    };

    /// <summary>What reading gives: the format itself, or float32 for what is quantised.</summary>
    public static Dtype Held(this GgufType type) => type switch
    {
        GgufType.F16 => Dtype.F16,
        GgufType.BF16 => Dtype.BF16,
        GgufType.F64 => Dtype.F64,
        GgufType.I8 => Dtype.I8,
        GgufType.I16 => Dtype.I16,
        GgufType.I32 => Dtype.I32,
        GgufType.I64 => Dtype.I64,
        _ => Dtype.F32,
    };

    public static bool IsQuantised(this GgufType type) => type.Block().Elements > 1;

    public static GgufType Parse(uint number, string file, string tensor)
        => number <= int.MaxValue && Enum.IsDefined((GgufType)number)
            ? (GgufType)number
            : throw new VitrineException($"{file}: tensor '{tensor}' has the type {(Unread.TryGetValue(number, out var name) ? name : $"number {number}")}, "
                + $"which is not read; read are {string.Join(", ", Enum.GetNames<GgufType>())}. llama.cpp converts it: llama-quantize --allow-requantize "
                + "IN.gguf OUT.gguf Q4_K_M");
}
