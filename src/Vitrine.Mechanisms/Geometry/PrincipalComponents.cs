using static TorchSharp.torch;

namespace Vitrine.Mechanisms.Geometry;

/// <summary>Principal components: the directions along which examples spread most (Pearson 1901).</summary>
/// <param name="Mean">[d].</param>
/// <param name="Components">[k][d], of length 1; each is signed so that its largest entry is positive.</param>
/// <param name="Variances">[k]: along each, over n - 1.</param>
/// <param name="Shares">[k]: of all variance.</param>
/// <param name="SingularValues">[k] of the centred examples.</param>
public sealed record PrincipalComponents(
    IReadOnlyList<double> Mean, IReadOnlyList<IReadOnlyList<double>> Components, IReadOnlyList<double> Variances, IReadOnlyList<double> Shares,
    IReadOnlyList<double> SingularValues)
{
    /// <summary>Finds the first components.</summary>
    /// <param name="x">(n,d); stays the caller's.</param>
    /// <param name="count">At most n and d.</param>
    /// <exception cref="VitrineException">More are asked for than there are, or all examples are equal.</exception>
    public static PrincipalComponents Of(Tensor x, int count)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var wide = Matrices.Wide(x, "principal components", 2);
        var most = Math.Min(wide.shape[0], wide.shape[1]);
        if (count < 1 || count > most)
        {
            throw new VitrineException($"principal components: {count} of examples [{wide.shape[0]}, {wide.shape[1]}]; expected 1 to {most}.");
        }

        var mean = wide.mean([0]);
        var (_, s, vh) = linalg.svd(wide - mean, fullMatrices: false);
        var variances = (s * s / (wide.shape[0] - 1)).Row();
        var all = variances.Sum();
        if (!(all > 0))
        {
            throw new VitrineException("principal components: all examples are equal.");
        }

        return new(
            mean.Row(), [.. vh.narrow(0, 0, count).Rows().Select(Signed)], variances[..count], [.. variances.Take(count).Select(v => v / all)],
            s.Row()[..count]);

        static double[] Signed(double[] component) => component.MaxBy(Math.Abs) < 0 ? [.. component.Select(c => -c)] : component;
    }

    /// <summary>Examples in the components' coordinates.</summary>
    /// <param name="x">(n,d); stays the caller's.</param>
    /// <param name="whitened">Whether each coordinate is divided by its deviation.</param>
    /// <returns>[example][k].</returns>
    /// <exception cref="VitrineException">They are of another width.</exception>
    public double[][] Scores(Tensor x, bool whitened = false)
    {
        using var scope = NewDisposeScope();
        var wide = Matrices.Wide(x, "principal components", 0);
        if (wide.shape[1] != Mean.Count)
        {
            throw new VitrineException($"principal components: of width {Mean.Count}; these examples are {wide.shape[1]} wide.");
        }

        var scores = (wide - tensor(Mean.ToArray())).matmul(Matrices.Of(Components).t());
        return (whitened ? scores / tensor(Variances.Select(Math.Sqrt).ToArray()) : scores).Rows();
    }
}
