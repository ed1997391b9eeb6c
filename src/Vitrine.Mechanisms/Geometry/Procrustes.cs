using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Geometry;

/// <summary>The rotation (or reflection) that brings one representation nearest to another.</summary>
/// <param name="Rotation">[d][d]: R of the smallest |A R - B| (Schoenemann 1966), of the numbers as they are.</param>
/// <param name="Scale">The sum of the singular values of A^T B.</param>
/// <param name="Disparity">|A - B|^2 left when both are centred, scaled to length 1, rotated and scaled: 0 for the same shape, 1 for none in common.</param>
public sealed record Procrustes(IReadOnlyList<IReadOnlyList<double>> Rotation, double Scale, double Disparity)
{
    /// <summary>Fits A R to B.</summary>
    /// <param name="a">(n,d); stays the caller's.</param>
    /// <param name="b">(n,d), the same examples; stays the caller's.</param>
    /// <exception cref="VitrineException">The shapes differ, or one is constant.</exception>
    public static Procrustes Fit(Tensor a, Tensor b)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var (x, y) = (Matrices.Wide(a, "Procrustes", 2), Matrices.Wide(b, "Procrustes", 2));
        if (!x.shape.SequenceEqual(y.shape))
        {
            throw new VitrineException($"Procrustes: [{string.Join(", ", x.shape)}] beside [{string.Join(", ", y.shape)}]; expected one shape.");
        }

        var (u, s, vh) = linalg.svd(x.t().matmul(y), fullMatrices: false);
        return new(u.matmul(vh).Rows(), s.sum().item<double>(), Left(x, y));
    }

    /// <summary>The disparity alone, which wants no rotation: of wide examples a matrix as large as there are examples is decomposed.</summary>
    internal static double DisparityOf(Tensor a, Tensor b)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        return Left(Narrow(Matrices.Wide(a, "Procrustes", 2)), Narrow(Matrices.Wide(b, "Procrustes", 2)));

        // Rotating either changes nothing that is left: X = U S V^T stands for U S.
        static Tensor Narrow(Tensor x)
        {
            var centred = x - x.mean([0]);
            if (x.shape[1] <= x.shape[0])
            {
                return centred;
            }

            var (u, s, _) = linalg.svd(centred, fullMatrices: false);
            return u * s;
        }
    }

    /// <summary>1 - (sum of singular values)^2 of both shapes.</summary>
    private static double Left(Tensor x, Tensor y)
    {
        var common = linalg.svdvals(Shape(x).t().matmul(Shape(y))).sum().item<double>();
        return 1 - (common * common);

        static Tensor Shape(Tensor x)
        {
            var centred = x - x.mean([0]);
            var length = centred.norm();
            return length.item<double>() > 0
                ? centred / length
                : throw new VitrineException("Procrustes: a representation does not change from example to example.");
        }
    }
}
