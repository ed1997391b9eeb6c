using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Tests;

/// <summary>The two comparisons that docs/architecture.md promises ("What is promised about bits").</summary>
internal static class Rounding
{
    /// <summary>Equal bits: the same row of the same shapes by the same kernels.</summary>
    public static void ShouldHaveTheBitsOf(this Tensor found, Tensor expected, string because)
    {
        found.shape.ShouldBe(expected.shape, because);
        using var a = found.contiguous();
        using var b = expected.contiguous();
        a.bytes.SequenceEqual(b.bytes).ShouldBeTrue(because);
    }

    /// <summary>max|a-b| within 5e-5 max(1, max|b|): everything that is arranged in another way.</summary>
    public static void ShouldBeClose(this Tensor found, Tensor expected, string? because = null)
    {
        found.shape.ShouldBe(expected.shape, because);
        using var scope = NewDisposeScope();
        var (a, b) = (found.Widened(), expected.Widened());
        (a - b).abs().max().item<float>().ShouldBeLessThan(5e-5f * Math.Max(1, b.abs().max().item<float>()), because);
    }
}
