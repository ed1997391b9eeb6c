using Vitrine.Transformers.Engine;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Pictures;

/// <summary>Tensors to plain numbers.</summary>
internal static class Numbers
{
    /// <summary>a - b.</summary>
    public static Tensor Minus(this Tensor a, Tensor b) => a.Plus(b.neg());

    /// <summary>into[i] = a[i] b[i], matrix by matrix in place: a batch of products would be made elsewhere and copied.</summary>
    public static void TimesInto(this Tensor a, Tensor b, Tensor into)
    {
        using var scope = NewDisposeScope();
        for (var i = 0; i < into.shape[0]; i++)
        {
            _ = into[i].addmm_(a[i], b[i], beta: 0, alpha: 1);
        }
    }

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
