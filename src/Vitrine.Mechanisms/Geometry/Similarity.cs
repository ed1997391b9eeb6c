using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Geometry;

/// <summary>Centred kernel alignment of two representations of the same examples (Kornblith et al. 2019): 1 for what differs by rotation and scale.</summary>
public static class Similarity
{
    /// <summary>Linear CKA: |X^T Y|^2 / (|X^T X| |Y^T Y|), columns centred, Frobenius norms.</summary>
    /// <param name="x">(n,d); stays the caller's.</param>
    /// <param name="y">(n,e); stays the caller's.</param>
    /// <remarks>Biased: unrelated representations do not give 0, the less so the wider they are against n.</remarks>
    /// <exception cref="VitrineException">They are of different examples, or one is constant.</exception>
    public static double LinearCka(Tensor x, Tensor y)
    {
        using var scope = NewDisposeScope();
        var (a, b) = Pair(x, y, least: 2);
        (a, b) = (a - a.mean([0]), b - b.mean([0]));
        return Ratio(Cross(a, b), Cross(a, a), Cross(b, b));

        static double Cross(Tensor a, Tensor b) => a.t().matmul(b).square().sum().item<double>();
    }

    /// <summary>Linear CKA by the unbiased HSIC (Song et al. 2012): about 0 for unrelated representations, and it may be negative.</summary>
    /// <param name="x">(n,d) of at least four examples; stays the caller's.</param>
    /// <param name="y">(n,e); stays the caller's.</param>
    /// <remarks>HSIC(K, L) = (tr KL + 1'K1 1'L1 / ((n-1)(n-2)) - 2 1'KL1 / (n-2)) / (n (n-3)), the diagonals of K = XX' and L = YY' set to zero.</remarks>
    /// <exception cref="VitrineException">They are of different examples or of fewer than four, or one is constant.</exception>
    public static double UnbiasedCka(Tensor x, Tensor y)
    {
        using var scope = NewDisposeScope();
        var (a, b) = Pair(x, y, least: 4);
        var (k, l) = (Gram(a), Gram(b));
        return Ratio(Independence(k, l), Independence(k, k), Independence(l, l));

        static Tensor Gram(Tensor a)
        {
            var centred = a - a.mean([0]);
            var gram = centred.matmul(centred.t());
            return gram - gram.diag().diag();
        }

        static double Independence(Tensor k, Tensor l)
        {
            var n = (double)k.shape[0];
            var (sk, sl) = (k.sum(1), l.sum(1));
            return ((k * l).sum() + (sk.sum() * sl.sum() / ((n - 1) * (n - 2))) - (sk.dot(sl) * (2 / (n - 2)))).item<double>() / (n * (n - 3));
        }
    }

    private static double Ratio(double cross, double own, double other)
        => own > 0 && other > 0 ? cross / Math.Sqrt(own * other) : throw new VitrineException("CKA: a representation does not change from example to example.");

    private static (Tensor X, Tensor Y) Pair(Tensor x, Tensor y, int least)
    {
        var (a, b) = (Matrices.Wide(x, "CKA", least), Matrices.Wide(y, "CKA", least));
        return a.shape[0] == b.shape[0] ? (a, b) : throw new VitrineException($"CKA: {a.shape[0]} examples beside {b.shape[0]}; expected the same ones.");
    }
}
