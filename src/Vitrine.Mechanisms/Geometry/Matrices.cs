using Vitrine.Transformers;
using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Geometry;

/// <summary>Matrices of examples, in float64 on the CPU.</summary>
internal static class Matrices
{
    /// <summary>The same numbers wide; owned by the caller's scope.</summary>
    /// <param name="x">(n,d), any floating type, any device.</param>
    /// <param name="what">Who asks, in errors.</param>
    /// <param name="least">Rows.</param>
    /// <exception cref="VitrineException">It is no matrix, has too few rows, or holds what is no number.</exception>
    public static Tensor Wide(Tensor x, string what, int least = 1)
    {
        ArgumentNullException.ThrowIfNull(x);
        if (x.dim() != 2 || x.shape[0] < least || x.shape[1] < 1)
        {
            throw new VitrineException($"{what}: the examples are [{string.Join(", ", x.shape)}]; expected [n, d] with at least {least} rows.");
        }

        var wide = x.detach().cpu().to(float64);
        if (!wide.isfinite().all().item<bool>())
        {
            var place = wide.isfinite().logical_not().nonzero()[0].data<long>().ToArray();
            throw new NonFiniteException($"{what}: example {place[0]} is no finite number at coordinate {place[1]}.");
        }

        return wide;
    }

    /// <summary>[i][j]: Euclidean distance of every two rows, a row at a time, as differences: products would lose what lies near.</summary>
    /// <returns>Row by row as it is asked for, so that many examples need no square of them.</returns>
    public static IEnumerable<double[]> Distances(Tensor wide)
    {
        return Enumerable.Range(0, (int)wide.shape[0]).Select(From);

        double[] From(int row)
        {
            using var scope = NewDisposeScope();
            return (wide - wide[row]).norm(1).Row();
        }
    }

    /// <summary>A matrix of numbers.</summary>
    public static Tensor Of(IReadOnlyList<IReadOnlyList<double>> rows)
        => tensor(rows.SelectMany(r => r).ToArray(), [rows.Count, rows.Count == 0 ? 0 : rows[0].Count]);

    /// <summary>Row by row.</summary>
    public static double[][] Rows(this Tensor wide) => [.. wide.Row().Chunk((int)wide.shape[^1])];

    /// <summary>All numbers, row by row.</summary>
    public static double[] Row(this Tensor wide) => wide.contiguous().data<double>().ToArray();
}
