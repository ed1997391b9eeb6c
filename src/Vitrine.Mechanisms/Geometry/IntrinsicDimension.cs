using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Geometry;

/// <summary>How many directions examples really use, whatever the width of the space that they lie in.</summary>
public static class IntrinsicDimension
{
    private const double Kept = .9;

    /// <summary>Participation ratio of the covariance's eigenvalues: (sum l)^2 / sum l^2, from 1 to d.</summary>
    /// <param name="x">(n,d); stays the caller's.</param>
    /// <remarks>Linear: a curved line counts the directions that it bends through. With n examples it is at most n - 1.</remarks>
    /// <exception cref="VitrineException">There are fewer than two examples, or all are equal.</exception>
    public static double ParticipationRatio(Tensor x)
    {
        using var scope = NewDisposeScope();
        var wide = Matrices.Wide(x, "participation ratio", 2);
        var squares = linalg.svdvals(wide - wide.mean([0])).square();
        var all = squares.sum().item<double>();
        return all > 0 ? all * all / squares.square().sum().item<double>() : throw new VitrineException("participation ratio: all examples are equal.");
    }

    /// <summary>TwoNN (Facco et al. 2017): the slope of -ln(1 - F) against ln(r2 / r1), through zero, over nine tenths of the examples.</summary>
    /// <param name="x">(n,d) of at least ten examples; stays the caller's.</param>
    /// <remarks>r1 and r2 are the distances of an example to its two nearest others; repeated examples are counted once. It follows curved sheets.</remarks>
    /// <exception cref="VitrineException">There are fewer than ten different examples.</exception>
    public static double TwoNearestNeighbours(Tensor x)
    {
        var (found, missing) = TwoNn(x);
        return found ?? throw new VitrineException($"TwoNN: {missing}");
    }

    /// <summary>The same; null where there is no such number.</summary>
    internal static double? TwoNearestNeighboursOrNull(Tensor x) => TwoNn(x).Found;

    private static (double? Found, string Missing) TwoNn(Tensor x)
    {
        using var scope = NewDisposeScope();
        double[][] different = [.. Matrices.Wide(x, "TwoNN").Rows().DistinctBy(r => string.Join(' ', r.Select(v => BitConverter.DoubleToInt64Bits(v))))];
        if (different.Length < 10)
        {
            return (null, $"{different.Length} different examples; expected at least ten.");
        }

        var nearest = Matrices.Distances(Matrices.Of(different)).Select(row => row.Order().Take(3).ToArray());        // itself, r1, r2
        double[] ratios = [.. nearest.Select(r => Math.Log(r[2] / r[1])).Order()];
        var n = (double)ratios.Length;
        var kept = ratios.Take((int)(n * Kept)).Select((ratio, i) => (Ratio: ratio, Empty: -Math.Log(1 - ((i + 1) / n)))).ToArray();
        var squares = kept.Sum(k => k.Ratio * k.Ratio);
        return squares > 0
            ? (kept.Sum(k => k.Ratio * k.Empty) / squares, "")
            : (null, "every example has two nearest others at one distance (a grid); there is no ratio to read.");
    }
}
