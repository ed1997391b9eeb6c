namespace Vitrine.Checkpoints;

/// <summary>Number formats of the safetensors format.</summary>
public enum Dtype
{
    /// <summary>One byte, 0 or 1.</summary>
    Bool,

    /// <summary>Unsigned 8-bit.</summary>
    U8,

    /// <summary>Signed 8-bit.</summary>
    I8,

    /// <summary>8-bit float, 5 exponent bits.</summary>
    F8E5M2,

    /// <summary>8-bit float, 4 exponent bits, no infinities.</summary>
    F8E4M3,

    /// <summary>8-bit power of two.</summary>
    F8E8M0,

    /// <summary>Signed 16-bit.</summary>
    I16,

    /// <summary>Unsigned 16-bit.</summary>
    U16,

    /// <summary>IEEE half.</summary>
    F16,

    /// <summary>bfloat16.</summary>
    BF16,

    /// <summary>Signed 32-bit.</summary>
    I32,

    /// <summary>Unsigned 32-bit.</summary>
    U32,

    /// <summary>IEEE single.</summary>
    F32,

    /// <summary>Complex of two singles.</summary>
    C64,

    /// <summary>IEEE double.</summary>
    F64,

    /// <summary>Signed 64-bit.</summary>
    I64,

    /// <summary>Unsigned 64-bit.</summary>
    U64,
}

/// <summary>Where one tensor lies in a file.</summary>
/// <param name="Name">As the file spells it.</param>
/// <param name="Dtype">Number format.</param>
/// <param name="Shape">Sizes of the axes, outermost first; none for a scalar.</param>
/// <param name="Begin">First byte, from the start of the file.</param>
/// <param name="ByteCount">How many bytes.</param>
public sealed record TensorEntry(string Name, Dtype Dtype, IReadOnlyList<long> Shape, long Begin, long ByteCount);

/// <summary>Names and sizes of <see cref="Dtype"/>.</summary>
internal static class Dtypes
{
    private static readonly (string Name, Dtype Dtype, int Size)[] All =
    [
        ("BOOL", Dtype.Bool, 1), ("U8", Dtype.U8, 1), ("I8", Dtype.I8, 1), ("F8_E5M2", Dtype.F8E5M2,
            1), ("F8_E4M3", Dtype.F8E4M3, 1), ("F8_E8M0", Dtype.F8E8M0, 1),
        ("I16", Dtype.I16, 2), ("U16", Dtype.U16, 2), ("F16", Dtype.F16, 2), ("BF16", Dtype.BF16, 2),
        ("I32", Dtype.I32, 4), ("U32", Dtype.U32, 4), ("F32", Dtype.F32, 4),
        ("C64", Dtype.C64, 8), ("F64", Dtype.F64, 8), ("I64", Dtype.I64, 8), ("U64", Dtype.U64, 8),
    ];

    public static IEnumerable<string> Names => All.Select(a => a.Name);

    public static bool TryParse(string name, out Dtype dtype)
    {
        var index = Array.FindIndex(All, a => a.Name == name);
        dtype = index < 0 ? default : All[index].Dtype;
        return index >= 0;
    }

    public static int Size(this Dtype dtype) => Array.Find(All, a => a.Dtype == dtype).Size;

    public static string Spelling(this Dtype dtype) => Array.Find(All, a => a.Dtype == dtype).Name;
}
