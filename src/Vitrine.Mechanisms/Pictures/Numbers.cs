using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Pictures;

/// <summary>Tensors to plain numbers.</summary>
internal static class Numbers
{
    /// <summary>a - b.</summary>
    public static Tensor Minus(this Tensor a, Tensor b) => a.Plus(b.neg());

    /// <summary>All numbers, row-major.</summary>
    public static float[] Flat(this Tensor x)
    {
        using var plain = x.detach().to(float32).cpu().contiguous();
        return plain.data<float>().ToArray();
    }

    /// <summary>Rows of a matrix.</summary>
    public static float[][] Rows(this Tensor x) => [.. x.Flat().Chunk((int)x.shape[^1])];

    /// <summary>The middle value; the mean of the two middle ones where the count is even.</summary>
    public static double Median(IEnumerable<float> values)
    {
        var sorted = values.Order().ToArray();
        return ((double)sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
