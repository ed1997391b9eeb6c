using TorchSharp;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Engine;

/// <summary>Sums and multiples that survive a garbage collection.</summary>
/// <remarks>
/// a + b in TorchSharp is a + 1 * b with a number made for the call, which the collector may free while the native side still reads it (see
/// <see cref="Norm"/>).
/// </remarks>
internal static class Sums
{
    private static readonly Scalar One = 1;

    /// <summary>a + b.</summary>
    public static Tensor Plus(this Tensor a, Tensor b) => a.add(b, One);

    /// <summary>a, each number times another.</summary>
    public static Tensor Times(this Tensor a, double by)
    {
        Scalar kept = by;
        var made = a.mul(kept);
        GC.KeepAlive(kept);
        return made;
    }

    /// <summary>a, each number divided by another.</summary>
    public static Tensor Over(this Tensor a, double by)
    {
        Scalar kept = by;
        var made = a.div(kept);
        GC.KeepAlive(kept);
        return made;
    }
}
