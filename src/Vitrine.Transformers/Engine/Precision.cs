using static TorchSharp.torch;

namespace Vitrine.Transformers.Engine;

/// <summary>What 16-bit numbers ask for: sums in float32, rounded once; masks of a number that they hold.</summary>
/// <remarks>
/// A bfloat16 that counts stops at 256, and libtorch rounds a number that is multiplied in place to the tensor's own precision first. In float32 and float64
/// everything here is the identity.
/// </remarks>
internal static class Precision
{
    /// <summary>Whether numbers have 16 bits.</summary>
    public static bool IsNarrow(this ScalarType type) => type is ScalarType.BFloat16 or ScalarType.Float16;

    /// <summary>What sums of such numbers are kept in.</summary>
    public static ScalarType OfSums(this ScalarType type) => type.IsNarrow() ? ScalarType.Float32 : type;

    /// <summary>The tensor as sums are made of it: in float32 where it has 16 bits, else the argument.</summary>
    public static Tensor Widened(this Tensor x) => x.dtype.IsNarrow() ? x.to(ScalarType.Float32) : x;

    /// <summary>Rounded to the precision of another tensor; the argument where that is its own.</summary>
    public static Tensor RoundedAs(this Tensor x, Tensor like) => x.dtype == like.dtype ? x : x.to(like.dtype);

    /// <summary>The least finite number. That of float32 would be minus infinity in 16 bits.</summary>
    public static double Least(this ScalarType type) => type switch
    {
        ScalarType.Float16 => -65504,
        ScalarType.BFloat16 => -3.3895313892515355e38,
        ScalarType.Float64 => double.MinValue,
        _ => float.MinValue,
    };
}
